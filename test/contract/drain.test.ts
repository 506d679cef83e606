import http from 'node:http';
import test from 'ava';
import { gate, until, within } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { startCli } from './cli.ts';
import { givenPlain, plainYaml } from './given.ts';

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

test('rule 32: at 500 requests a second over keep-alive connections nothing is lost', async (t) => {
  const upstream = await startUpstream(t);
  const { origin, child, exited, output } = await startCli(
    t,
    plainYaml(upstream.origin, '', `${ADMIN}\ntimeouts: { lame_duck: 1s, drain: 5s }`),
  );
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  t.teardown(() => agent.destroy());
  const lost: string[] = [];
  let answered = 0;
  let toldToClose = 0;
  let isOver = false;
  const callers = Array.from({ length: 32 }, async (_, i) => {
    while (!isOver) {
      const answer = await httpCall(origin, `/api/${i}`, { body: 'abc', agent }).catch(String);
      if (typeof answer === 'string' || answer.status !== 200)
        lost.push(typeof answer === 'string' ? answer : answer.text);
      else if (answer.header('connection') === 'close') toldToClose += 1;
      answered += 1;
      await new Promise((resolve) => setTimeout(resolve, 30 + i));
    }
  });
  await until('traffic', () => answered > 500, 20_000);
  child.kill('SIGTERM');
  // As a load balancer would: it sends on, over new connections, until it has looked at readiness again.
  await until('the callers to be told', () => toldToClose > 200 || lost.length > 0, 5_000);
  isOver = true;
  await Promise.all(callers);
  t.is(await within(10_000, 'exit', exited), 0, output());
  t.deepEqual(lost, []);
});
