import test from 'ava';
import { createEvents } from '../../src/core/events.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { exchange } from './capture.ts';

function setUp() {
  const events = createEvents();
  const metrics = createMetrics(events, { version: '1.2.3' });
  const lines = async (name: string): Promise<string[]> =>
    (await metrics.render()).split('\n').filter((line) => new RegExp(`^${name}[{ ]`).test(line));
  return { events, metrics, lines };
}

const attempt = { route: 'phonepe', method: 'POST', status: 200, durationMs: 40, error: undefined } as const;

test('requests are counted by route id, method and status, in cumulative buckets of seconds', async (t) => {
  const { events, lines } = setUp();
  for (const durationMs of [4, 5, 80, 70_000]) events.emit('exchange', exchange({ durationMs }));
  const labels = 'http_route="phonepe",http_request_method="POST",http_response_status_code="200"';
  const buckets = await lines('http_server_request_duration_seconds_bucket');
  const count = (le: string): string | undefined =>
    buckets
      .find((line) => line.includes(`le="${le}"`) && line.includes(labels))
      ?.split(' ')
      .at(-1);
  t.deepEqual(['0.005', '0.075', '0.1', '60', '+Inf'].map(count), ['2', '2', '3', '3', '4']);
  t.deepEqual(await lines('http_server_request_duration_seconds_count'), [
    `http_server_request_duration_seconds_count{${labels}} 4`,
  ]);
  t.deepEqual(await lines('http_server_request_duration_seconds_sum'), [
    `http_server_request_duration_seconds_sum{${labels}} 70.089`,
  ]);
});

test('a request without a route is "unmatched", one with our own error has its code, one without an answer no status', async (t) => {
  const { events, lines } = setUp();
  events.emit('exchange', exchange({ route: undefined, status: 404, code: 'route_not_found', auth: undefined }));
  events.emit('exchange', exchange({ status: 0, code: 'caller_gone' }));
  t.deepEqual(await lines('http_server_request_duration_seconds_count'), [
    'http_server_request_duration_seconds_count{http_route="unmatched",http_request_method="POST",http_response_status_code="404",error_type="route_not_found"} 1',
    'http_server_request_duration_seconds_count{http_route="phonepe",http_request_method="POST",error_type="caller_gone"} 1',
  ]);
});

test('attempts at providers are counted apart from requests', async (t) => {
  const { events, lines } = setUp();
  events.emit('attempt', { ...attempt, status: 401 });
  events.emit('attempt', attempt);
  events.emit('attempt', { ...attempt, status: 0, error: 'upstream_unreachable' });
  t.is((await lines('http_client_request_duration_seconds_count')).length, 3);
  t.is((await lines('http_server_request_duration_seconds_count')).length, 0);
  t.true(
    (await lines('http_client_request_duration_seconds_count')).includes(
      'http_client_request_duration_seconds_count{http_route="phonepe",http_request_method="POST",error_type="upstream_unreachable"} 1',
    ),
  );
});

test('callers cannot make series without end', async (t) => {
  const { events, lines } = setUp();
  for (let i = 0; i < 1_000; i++) {
    events.emit('exchange', exchange({ method: `M${i}` }));
    events.emit('attempt', { ...attempt, status: 100 + i });
  }
  t.deepEqual(await lines('http_server_request_duration_seconds_count'), [
    'http_server_request_duration_seconds_count{http_route="phonepe",http_request_method="_OTHER",http_response_status_code="200"} 1000',
  ]);
  const attempts = await lines('http_client_request_duration_seconds_count');
  t.true(attempts.length <= 65);
  t.is(
    attempts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    1_000,
  );
});

test('renewals, expiry, replays, skipped replays and credentials are counted with their labels', async (t) => {
  const { events, lines } = setUp();
  events.emit('renewal', {
    provider: 'phonepe',
    reason: 'cold',
    outcome: 'ok',
    durationMs: 5,
    expiresAtMs: 1_706_697_605_500,
  });
  events.emit('renewal', { provider: 'phonepe', reason: 'rejected', outcome: 'failed', durationMs: 5 });
  events.emit('replay', { route: 'phonepe', status: 412, outcome: 'ok' });
  events.emit('replay', { route: 'phonepe', status: 412, outcome: 'ok' });
  events.emit('replaySkipped', { route: 'phonepe', reason: 'body_too_large' });
  events.emit('exchange', exchange({ auth: 'replayed' }));
  events.emit('exchange', exchange({ auth: undefined }));
  t.deepEqual(await lines('outrider_token_renewals_total'), [
    'outrider_token_renewals_total{provider="phonepe",reason="cold",outcome="ok"} 1',
    'outrider_token_renewals_total{provider="phonepe",reason="rejected",outcome="failed"} 1',
  ]);
  t.deepEqual(await lines('outrider_token_expiry_timestamp_seconds'), [
    'outrider_token_expiry_timestamp_seconds{provider="phonepe"} 1706697605.5',
  ]);
  t.deepEqual(await lines('outrider_replays_total'), [
    'outrider_replays_total{route="phonepe",status="412",outcome="ok"} 2',
  ]);
  t.deepEqual(await lines('outrider_replay_skipped_total'), [
    'outrider_replay_skipped_total{route="phonepe",reason="body_too_large"} 1',
  ]);
  t.deepEqual(await lines('outrider_auth_injections_total'), [
    'outrider_auth_injections_total{route="phonepe",outcome="replayed"} 1',
  ]);
});

test('requests under way are those that started and did not end', async (t) => {
  const { events, lines } = setUp();
  for (let i = 0; i < 3; i++) events.emit('started');
  events.emit('exchange', exchange());
  t.deepEqual(await lines('http_server_active_requests'), ['http_server_active_requests 2']);
});

test('errors are counted by route, code and outcome, in one series where the caller had left before anything was sent', async (t) => {
  const { events, lines } = setUp();
  const failed = { status: 502, code: 'upstream_failed', outcome: 'unknown' } as const;
  events.emit('exchange', exchange(failed));
  events.emit('exchange', exchange(failed));
  events.emit('exchange', exchange({ ...failed, code: 'upstream_timeout', outcome: 'not_sent' }));
  events.emit('exchange', exchange({ route: undefined, status: 404, code: 'route_not_found', outcome: 'not_sent' }));
  for (const outcome of [undefined, 'not_sent'] as const)
    events.emit('exchange', exchange({ status: 0, code: 'caller_gone', outcome }));
  events.emit('exchange', exchange());
  t.deepEqual(await lines('outrider_errors_total'), [
    'outrider_errors_total{route="phonepe",code="upstream_failed",outcome="unknown"} 2',
    'outrider_errors_total{route="phonepe",code="upstream_timeout",outcome="not_sent"} 1',
    'outrider_errors_total{route="phonepe",code="caller_gone",outcome="not_sent"} 2',
    'outrider_errors_total{route="unmatched",code="route_not_found",outcome="not_sent"} 1',
  ]);
});

test('open connections and requests that wait for a token are shown as they are', async (t) => {
  const { events, lines } = setUp();
  t.deepEqual(await lines('outrider_connections'), ['outrider_connections 0']);
  for (let i = 0; i < 3; i++) events.emit('connected');
  events.emit('disconnected');
  events.emit('waiting', 1);
  events.emit('waiting', 1);
  events.emit('waiting', -1);
  t.deepEqual(await lines('outrider_connections'), ['outrider_connections 2']);
  t.deepEqual(await lines('outrider_waiting_requests'), ['outrider_waiting_requests 1']);
});

test('build and process are described, and figures go on between two scrapes', async (t) => {
  const { events, metrics, lines } = setUp();
  t.regex(
    (await lines('outrider_build_info'))[0] as string,
    /^outrider_build_info\{version="1\.2\.3",node_version="v\d/,
  );
  t.is((await lines('process_resident_memory_bytes')).length, 1);
  const cpu = Number((await lines('process_cpu_seconds_total'))[0]?.split(' ')[1]);
  t.true(cpu > 0 && Math.abs(cpu - process.cpuUsage().user / 1e6 - process.cpuUsage().system / 1e6) < 0.5);
  events.emit('exchange', exchange());
  events.emit('exchange', exchange());
  t.deepEqual(await lines('outrider_auth_injections_total'), [
    'outrider_auth_injections_total{route="phonepe",outcome="injected"} 2',
  ]);
  t.regex(metrics.contentType, /^text\/plain; version=0\.0\.4/);
});

test('a closed collection listens no more', (t) => {
  const { events, metrics } = setUp();
  metrics.close();
  t.deepEqual(events.eventNames(), []);
});
