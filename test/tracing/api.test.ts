import test from 'ava';
import { requests, type Requests } from '../../src/admin/schemas.ts';
import { ADMIN, apiOf } from '../admin/given.ts';
import { run } from '../commands/run.ts';
import { accepting, givenTokens } from '../contract/given.ts';
import { CALLER, givenTraced, TRACE, traceparent } from './given.ts';

test('the API and the command name the trace of each request', async (t) => {
  const { collector, outrider } = await givenTraced(t, { extra: ADMIN });
  await outrider.call('/api/one', { headers: ['traceparent', traceparent()] });
  await outrider.call('/api/two');
  const { requests: found } = await apiOf(t, outrider).get('/api/requests', requests);
  const [server] = (await collector.arrived(6)).filter(({ name, traceId }) => name === 'GET api' && traceId !== TRACE);
  t.deepEqual(
    found.map((request) => request.trace_id),
    [server?.traceId as string, TRACE],
  );
  const admin = new URL(outrider.adminOrigin as string).host;
  const { stdout, stderr } = await run(t, ['logs', '--json', '--admin', admin]);
  t.is(stderr, '');
  const told = stdout.trimEnd().split('\n');
  t.deepEqual(
    told.map((line) => (JSON.parse(line) as Requests['requests'][number]).trace_id),
    [TRACE, server?.traceId as string],
  );
  t.false(stdout.includes(CALLER));
});

test('what traces put on is no header of the credential, whether the request is sent again or not', async (t) => {
  const { outrider, clock } = await givenTraced(t, { extra: ADMIN, handler: accepting(new Set(['token-2'])) });
  await outrider.call('/api/too-young');
  await clock.advance(10_000);
  await outrider.call('/api/again');
  const { requests: found } = await apiOf(t, outrider).get('/api/requests', requests);
  t.deepEqual(
    found.map((request) => [request.path, request.attempts.length, request.added_headers]),
    [
      ['/api/again', 2, ['authorization']],
      ['/api/too-young', 1, ['authorization']],
    ],
  );
});

test('while tracing is off, the API names no trace, whatever the caller says', async (t) => {
  const { outrider } = await givenTokens(t, { extra: ADMIN });
  await outrider.call('/api/x', { headers: ['traceparent', traceparent()] });
  const { requests: found } = await apiOf(t, outrider).get('/api/requests', requests);
  t.deepEqual(
    found.map((request) => request.trace_id),
    [null],
  );
});
