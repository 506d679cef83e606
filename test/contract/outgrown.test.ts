import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { rawClient } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { givenTokens } from './given.ts';

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

test('rule 24: a body that outgrows the spool while the token is renewed is not replayed, and the rejection passes', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t, { extra: 'replay: { memory: 1KiB, spool: 4KiB }' });
  await warm();
  const held = gate();
  tokens.script = async ({ n }) => {
    await held.opened;
    return granted(`token-${n}`);
  };
  let received = 0;
  upstream.handler = async (arrival) => {
    await arrival.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\nhello');
    await until('the rest of the body', () => (received = arrival.bodyLength) === 6_000);
    await arrival.write('world');
  };
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  await client.send(chunk('a'.repeat(3_000)));
  await until('the renewal', () => tokens.calls.length === 2);
  await client.send(`${chunk('b'.repeat(3_000))}0\r\n\r\n`);
  await until('all of it at the provider', () => received === 6_000);
  held.open();
  const answer = await client.answer();
  t.is(answer.status, 401);
  t.is(answer.text, 'helloworld');
  t.regex(answer.header('proxy-status') ?? '', /body_too_large/);
  t.is(upstream.requests.length, 2, 'the warm-up and the one attempt');
});
