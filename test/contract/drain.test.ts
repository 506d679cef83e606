import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';
const ADMIN = 'admin: { address: 127.0.0.1:0 }';

test('rule 32: in `lame_duck` readiness is off, connections are accepted, and every answer says close', async (t) => {
  const { outrider } = await givenPlain(t, { extra: `${ADMIN}\ntimeouts: { lame_duck: 1500ms, drain: 2s }` });
  const kept = await rawClient(t, outrider.port);
  await kept.send(GET);
  t.not((await kept.answer()).header('connection')?.toLowerCase(), 'close');
  t.is((await httpCall(outrider.adminOrigin ?? '', '/readyz')).status, 200);

  const stopped = outrider.app.stop({ signal: 'SIGTERM' });
  t.is((await httpCall(outrider.adminOrigin ?? '', '/readyz')).status, 503);
  t.is((await httpCall(outrider.adminOrigin ?? '', '/livez')).status, 200);
  await kept.send(GET);
  const last = await kept.answer();
  t.is(last.status, 200);
  t.is(last.header('connection')?.toLowerCase(), 'close');
  t.is(await kept.closed(), 'end');
  const fresh = await ask(t, outrider.port, GET);
  t.is(fresh.status, 200);
  t.is(fresh.header('connection')?.toLowerCase(), 'close');
  const ours = await ask(t, outrider.port, 'GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is(ours.status, 404);
  t.is(ours.header('connection')?.toLowerCase(), 'close');
  await stopped;
});

test('rule 32: once stopped, nobody is at the address', async (t) => {
  // An address of its own: at 127.0.0.1 another test may have the port by then.
  const { outrider } = await givenPlain(t, { extra: 'listen: { address: 127.0.0.9:0 }\ntimeouts: { lame_duck: 0s }' });
  t.is((await httpCall(outrider.origin, '/api/x')).status, 200);
  await outrider.app.stop({ signal: 'SIGTERM' });
  await t.throwsAsync(httpCall(outrider.origin, '/api/x'), { code: 'ECONNREFUSED' });
});

test('rule 32: after `lame_duck` idle connections close, requests under way finish', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    extra: 'timeouts: { lame_duck: 50ms, drain: 5s }',
    handler: async (arrival) => {
      await arrival.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
      await held.opened;
      await arrival.write('3\r\ndef\r\n0\r\n\r\n');
    },
  });
  const idle = await rawClient(t, outrider.port);
  const busy = await rawClient(t, outrider.port);
  const whole = busy.answer();
  await busy.send(GET);
  await busy.bodyBytes(3);
  const stopped = outrider.app.stop({ signal: 'SIGTERM' });
  t.is(await idle.closed(), 'end');
  t.is(upstream.openConnections, 1);
  held.open();
  t.is((await whole).text, 'abcdef');
  t.is(await busy.closed(2_000), 'end', 'a connection that becomes idle closes, it does not use up `drain`');
  await stopped;
  await until('nothing open at the upstream', () => upstream.openConnections === 0, 2_000);
});

test('rule 32: what is left after `drain` is aborted, never ended: a caller of HTTP/1.0 is reset', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    extra: 'timeouts: { lame_duck: 0s, drain: 300ms }',
    handler: (arrival) => arrival.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'),
  });
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.0\r\nHost: localhost\r\n\r\n');
  await upstream.request(1);
  await until('the beginning', () => client.received().includes('abc'));
  await outrider.app.stop({ signal: 'SIGTERM' });
  t.is(await client.closed(), 'reset');
});
