import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { granted, type TokenScript } from '../helpers/token-endpoint.ts';
import { givenPlain, givenTokens } from './given.ts';

const CHUNKED = 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';

test('rule 25: a reused connection that closes while a body has not begun has had nothing of its request', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  t.is((await outrider.call('/api/warm')).status, 200);
  let begun = 0;
  outrider.app.events.on('started', () => begun++);
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
  await until('the request', () => begun === 1);
  await until('its 100', () => client.received().includes('100 Continue'));
  upstream.requests[0]?.end();
  await upstream.requests[0]?.closed;
  await client.send('abc');
  t.is((await client.answer()).status, 200);
  t.is((await upstream.requests[1]?.body())?.bytes.toString(), 'abc');
  t.is(upstream.requests.length, 2);
});

test('rule 18: a caller that leaves before its body has begun has sent nothing', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
  await until('its 100', () => client.received().includes('100 Continue'));
  client.reset();
  t.like((await outrider.logged(1))[0], { code: 'caller_gone', attempts: 0 });
  t.is(upstream.connections, 0);
});

/** Tokens that come when the gate opens, from the n-th on. */
const heldFrom = (first: number) => {
  const held = gate();
  const script: TokenScript = async ({ n }) => {
    if (n >= first) await held.opened;
    return granted(`token-${n}`);
  };
  return { script, open: () => held.open() };
};

test('rule 06: a chunked body that breaks while it waits for a token is sent nowhere', async (t) => {
  const { script, open } = heldFrom(1);
  const { outrider, upstream, tokens } = await givenTokens(t, { script });
  const client = await rawClient(t, outrider.port);
  await client.send(CHUNKED);
  await tokens.call(1);
  const other = await rawClient(t, outrider.port);
  await client.send('zz\r\n');
  // What is answered behind it says that it has been read.
  await other.send('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await other.answer()).status, 404);
  open();
  assertProblem(t, await client.answer(), { status: 400, code: 'bad_request', outcome: 'not_sent' });
  await client.closed();
  t.is(upstream.connections, 0);
});

test('rule 06: a chunked body that breaks while a rejected token is renewed is not sent again', async (t) => {
  const { script, open } = heldFrom(2);
  const { outrider, upstream, tokens, warm } = await givenTokens(t, { script });
  await warm();
  upstream.handler = (arrival) => arrival.reply(401);
  const client = await rawClient(t, outrider.port);
  await client.send(CHUNKED);
  await tokens.call(2);
  await client.send('zz\r\n');
  const other = await rawClient(t, outrider.port);
  await other.send('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await other.answer()).status, 404);
  const { connections } = upstream;
  open();
  assertProblem(t, await client.answer(), { status: 400, code: 'bad_request', outcome: 'not_sent' });
  t.is(upstream.connections, connections);
  t.false(upstream.requests[1]?.isComplete);
});
