import { spawnSync } from 'node:child_process';
import test from 'ava';
import { barsOf } from '../../src/admin/page/bars.js';
import { askedFor, curlOf } from '../../src/admin/page/curl.js';
import { ALL, fits, NO_ROUTE } from '../../src/admin/page/filter.js';
import { failsToRenew, reached, whyReplayed } from '../../src/admin/page/findings.js';
import { bytes, counted, duration, plain, span } from '../../src/admin/page/format.js';
import type { ProviderStatus, RequestEntry } from '../../src/admin/schemas.ts';

const attempt = (status: number, generation = 1, error: string | null = null): RequestEntry['attempts'][number] => ({
  status,
  error,
  credential: 'acme',
  generation,
  start_ms: 0,
  connect_ms: 0,
  send_ms: 0,
  wait_ms: 1,
  receive_ms: 1,
});

const REQUEST: RequestEntry = {
  id: 1,
  time: '2026-01-01T00:00:00.000Z',
  request_id: 'Id-1',
  trace_id: '0af7651916cd43dd8448eb211c80319c',
  door: 'base_url',
  destination: null,
  route: 'pay',
  provider: 'acme',
  caller: 'shop',
  method: 'POST',
  path: '/pay/order-7',
  status: 200,
  code: null,
  outcome: null,
  auth: 'injected',
  upstream: 'https://api.acme.example',
  attempts: [attempt(200)],
  replay_skipped: null,
  added_headers: ['authorization'],
  duration_ms: 2,
  upstream_ms: 2,
  token_wait_ms: 0,
  token_waits: [],
  bytes_in: 0,
  bytes_out: 0,
  scrubbed: 0,
};

test('whether a request has reached its provider is said only where it is known', (t) => {
  const said = (changes: Partial<RequestEntry>): string => reached({ ...REQUEST, ...changes }).text;
  t.is(said({}), 'It reached the provider, which answered 200.');
  t.is(said({ attempts: [], status: 403, code: 'host_denied' }), 'It was never sent to the provider.');
  const dead = { attempts: [attempt(0, 1, 'upstream_unreachable')], status: 502, code: 'upstream_unreachable' };
  t.is(said({ ...dead, outcome: 'not_sent' }), 'It was never sent to the provider.');
  const cut = { attempts: [attempt(0, 1, 'upstream_timeout')], status: 504, code: 'upstream_timeout' };
  t.regex(said({ ...cut, outcome: 'unknown' }), /^It may have reached the provider.* ask it for the status/);
  // The caller left, and nobody knows how far it got.
  t.regex(said({ attempts: [attempt(0)], status: 0, code: 'caller_gone' }), /^It may have reached the provider/);
  t.regex(said({ code: 'upstream_broken' }), /answered 200, but the caller did not get that whole/);
  t.regex(said({ auth: 'placeholder', attempts: [] }), /the provider was not asked/);
  // The second attempt was never answered, the first was.
  const rejected = { ...cut, attempts: [attempt(401), ...cut.attempts] };
  t.regex(said({ ...rejected, outcome: 'unknown' }), /rejected it with 401\. Then it may have reached the provider/);
  t.regex(said({ ...rejected, outcome: 'not_sent' }), /rejected it with 401\. Then it was not sent again/);
  t.regex(said({ door: 'connect', attempts: [] }), /can not be seen here/);
  t.regex(said({ attempts: [], status: 204, auth: null }), /the provider was not asked/);
});

test('why a request was sent again, or was not, is one sentence', (t) => {
  const said = (changes: Partial<RequestEntry>): string => whyReplayed({ ...REQUEST, ...changes });
  t.regex(
    said({ attempts: [attempt(401, 3), attempt(200, 4)] }),
    /^Sent again once with token 4: .*401, rejected its token 3/,
  );
  t.regex(said({ attempts: [attempt(401, 0), attempt(200, 0)] }), /^Sent again once: .*401, rejected its credential/);
  t.regex(said({ replay_skipped: { reason: 'replay_off', detail: null } }), /not sent again: replay off/);
  t.is(
    said({ replay_skipped: { reason: 'renewal_failed', detail: 'acme failed: renewal_failed' } }),
    'Rejected, and not sent again: acme failed.',
  );
  t.regex(
    said({ replay_skipped: { reason: 'cooldown', detail: 'renewed 2 s ago' } }),
    /not sent again: renewed 2 s ago/,
  );
  t.regex(said({ attempts: [], code: 'token_unavailable' }), /^Not sent at all/);
  t.is(said({ door: 'connect', attempts: [] }), 'There was nothing to send again.');
  t.regex(said({ provider: null }), /no provider/);
  t.regex(said({}), /was not rejected/);
});

test('a failure counts until a token comes after it', (t) => {
  const token: NonNullable<ProviderStatus['token']> = {
    state: 'valid',
    generation: 2,
    type: null,
    issued_at: '2025-12-31T23:59:00.000Z',
    age_seconds: 60,
    lifetime_seconds: 3_600,
    expires_at: null,
    next_renewal_at: null,
    last_failure: { at: '2026-01-01T00:00:00.000Z', detail: 'x' },
    renewals: { ok: 2, failed: 1 },
    subjects: null,
  };
  t.true(failsToRenew(token));
  t.false(failsToRenew({ ...token, issued_at: '2026-01-01T00:00:00.001Z' }));
  t.true(failsToRenew({ ...token, issued_at: null }));
  t.false(failsToRenew({ ...token, last_failure: null }));
});

test('a filter looks for its text in any case, and for what no route took', (t) => {
  const finds = (changes: Partial<typeof ALL>, request: Partial<RequestEntry> = {}): boolean =>
    fits({ ...ALL, ...changes })({ ...REQUEST, ...request });
  for (const text of ['', ' ', 'ORDER-7', 'id-1', '0AF7651916CD', 'post', 'acme']) t.true(finds({ text }), text);
  t.false(finds({ text: 'order-8' }));
  t.true(finds({ text: 'route_not' }, { code: 'route_not_found' }));
  t.true(finds({ route: 'pay' }));
  t.false(finds({ route: 'other' }));
  t.true(finds({ route: NO_ROUTE }, { route: null }));
  t.true(finds({ status: 'failed' }, { status: 0 }));
  t.false(finds({ status: 'failed' }, { status: 0, code: 'caller_gone' }));
  t.true(finds({ status: 'failed' }, { status: 200, code: 'upstream_broken' }));
  t.false(finds({ status: '2xx' }, { status: 301 }));
  t.true(finds({ status: 'none' }, { status: 0 }));
  t.true(finds({ status: 'replayed' }, { attempts: [attempt(401), attempt(200)] }));
});

const atBase = (method: string, path: string) => ({ method, path, door: 'base_url', destination: null }) as const;

test('where a request came through the proxy, the command and the explanation name the URL that was asked for', (t) => {
  const forward = { method: 'GET', path: '/a', door: 'forward', destination: 'https://api.acme.example' } as const;
  t.is(
    curlOf(forward, 'http://127.0.0.1:8080'),
    "curl -i --path-as-is -x 'http://127.0.0.1:8080' 'https://api.acme.example/a'",
  );
  t.is(
    curlOf(forward, 'unix:/run/o.sock'),
    "curl -i --path-as-is --unix-socket '/run/o.sock' --request-target 'https://api.acme.example/a' http://localhost",
  );
  const connect = { method: 'CONNECT', path: 'api.acme.example:443', door: 'connect', destination: null } as const;
  t.deepEqual(askedFor(connect), { method: 'GET', url: 'https://api.acme.example:443/' });
});

test('the time of a request is that of its attempts and waits; the rest is our own, unless nobody would see it', (t) => {
  const bars = (changes: Partial<RequestEntry>): unknown =>
    barsOf({ ...REQUEST, ...changes }).map(({ name, fromMs, ms }) => [name, fromMs, ms]);
  const first = { ...attempt(401), start_ms: 10, wait_ms: 5, receive_ms: null, connect_ms: null, send_ms: 0.01 };
  t.deepEqual(
    bars({
      duration_ms: 100,
      attempts: [first, { ...attempt(200), start_ms: 60.5, connect_ms: null, send_ms: null, wait_ms: 20 }],
      token_waits: [
        { start_ms: 0.5, duration_ms: 4.5 },
        { start_ms: 15.01, duration_ms: 45 },
      ],
    }),
    [
      ['token', 0.5, 4.5],
      ['Outrider', 5, 5],
      ['1: send', 10, 0.01],
      ['1: wait', 10.01, 5],
      ['token', 15.01, 45],
      ['2: wait', 60.5, 20],
      ['2: receive', 80.5, 1],
      ['Outrider', 81.5, 18.5],
    ],
  );
  t.deepEqual(bars({ attempts: [], duration_ms: 3 }), [['Outrider', 0, 3]]);
});

test('a shell reads the curl command as it is meant, whatever stands in the path', (t) => {
  const words = (command: string): string[] => {
    const { stdout } = spawnSync('sh', ['-c', `curl() { printf '%s\\n' "$@"; }; ${command}`], { encoding: 'utf8' });
    return stdout.trimEnd().split('\n');
  };
  const path = '/a/\'$(touch x)`id`"&;|*';
  t.deepEqual(words(curlOf(atBase('GET', path), 'http://127.0.0.1:8080')), [
    '-i',
    '--path-as-is',
    `http://127.0.0.1:8080${path}`,
  ]);
  t.deepEqual(words(curlOf(atBase("P'", '/a'), 'unix:/run/o r.sock')), [
    '-i',
    '--path-as-is',
    '-X',
    "P'",
    '--unix-socket',
    '/run/o r.sock',
    'http://localhost/a',
  ]);
  t.true(curlOf(atBase('HEAD', '/a'), 'http://x').includes(' --head '));
});

test('numbers have as many digits as one wants to read', (t) => {
  t.deepEqual([0, 0.04, 0.44, 9.96, 12.4, 999, 1_234].map(duration), [
    '0 ms',
    '<0.1 ms',
    '0.4 ms',
    '10.0 ms',
    '12 ms',
    '999 ms',
    '1.23 s',
  ]);
  t.deepEqual([-5, 0, 59_999, 60_000, 3_661_000, 90_000_000].map(span), [
    '0 s',
    '0 s',
    '59 s',
    '1 min',
    '1 h 1 min',
    '1 d 1 h',
  ]);
  t.deepEqual([0, 1_023, 1_536, 3 * 1_024 ** 2].map(bytes), ['0 B', '1023 B', '1.5 KiB', '3 MiB']);
  t.deepEqual([counted(1, 'request'), counted(2_000, 'request')], ['1 request', '2,000 requests']);
  t.is(plain('set `admin.token`'), 'set admin.token');
});
