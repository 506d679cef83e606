import test from 'ava';
import type { ExecutionContext } from 'ava';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import type { CallAnswer, Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { gate, until } from '../helpers/http1.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { accepting, givenPlain, givenTokens, plainYaml } from './given.ts';
import { startUpstream } from '../helpers/upstream.ts';

const ADMIN = 'admin: { address: 127.0.0.1:0 }';
const admin = (outrider: Outrider, path: string, headers: string[] = []): Promise<CallAnswer> =>
  httpCall(outrider.adminOrigin ?? '', path, { headers });
const adminPort = (outrider: Outrider): number => Number(new URL(outrider.adminOrigin ?? '').port);

test('rule 33: /livez, /readyz and /readyz?verbose answer 200', async (t) => {
  const { outrider } = await givenPlain(t, { extra: ADMIN });
  t.is((await admin(outrider, '/livez')).status, 200);
  t.is((await admin(outrider, '/readyz')).status, 200);
  const verbose = await admin(outrider, '/readyz?verbose');
  t.is(verbose.status, 200);
  t.true(verbose.text.length > (await admin(outrider, '/readyz')).text.length);
  t.is((await admin(outrider, '/nowhere')).status, 404);
});

test('rule 33: readiness does not depend on any provider', async (t) => {
  const { outrider } = await givenTokens(t, { extra: ADMIN, script: () => ({ status: 500, body: 'down' }) });
  t.is((await outrider.call('/api/x')).status, 503);
  t.is((await admin(outrider, '/readyz')).status, 200);
});

const METRICS = [
  'http_server_request_duration_seconds',
  'http_client_request_duration_seconds',
  'outrider_token_renewals_total',
  'outrider_token_expiry_timestamp_seconds',
  'outrider_replays_total',
  'outrider_replay_skipped_total',
  'outrider_auth_injections_total',
];

test('rule 33: /metrics tells what happened, by route and never by path', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t, { extra: ADMIN });
  await warm();
  upstream.handler = accepting(new Set(['token-2']));
  t.is((await outrider.call('/api/raw-path-canary?q=query-canary')).status, 200);
  upstream.handler = accepting(new Set());
  t.is((await outrider.call('/api/x')).status, 401);
  await outrider.logged(3);
  const { status, text, header } = await admin(outrider, '/metrics');
  t.is(status, 200);
  t.regex(header('content-type') ?? '', /^text\/plain/);
  for (const name of METRICS) t.regex(text, new RegExp(`^# TYPE ${name} `, 'm'), name);
  t.notRegex(text, /canary/);
  const count = (status: string): string =>
    line(text, 'http_server_request_duration_seconds_count', ['http_route="api"', `"${status}"`]);
  t.regex(count('200'), / 2$/);
  t.regex(count('401'), / 1$/);
  t.regex(line(text, 'outrider_token_renewals_total', ['provider="demo"', 'reason="cold"', 'outcome="ok"']), / 1$/);
  t.regex(line(text, 'outrider_token_renewals_total', ['provider="demo"', 'reason="rejected"', 'outcome="ok"']), / 1$/);
  t.regex(line(text, 'outrider_replays_total', ['route="api"', 'status="401"', 'outcome="ok"']), / 1$/);
  t.regex(line(text, 'outrider_replay_skipped_total', ['route="api"', 'reason="cooldown"']), / 1$/);
  t.regex(line(text, 'outrider_auth_injections_total', ['route="api"']), / [1-9]/);
});

/** The line of that metric with all these labels. */
function line(text: string, name: string, labels: readonly string[]): string {
  const found = text
    .split('\n')
    .find((one) => one.startsWith(`${name}{`) && labels.every((label) => one.includes(label)));
  return found ?? `no ${name} with ${labels.join()}`;
}

test('rule 33: /metrics tells of open connections, of requests that wait for a token, and of errors by their outcome', async (t) => {
  const held = gate();
  const { outrider, tokens } = await givenTokens(t, {
    extra: `${ADMIN}\nlimits: { waiting: 2, connections: 3 }`,
    async script({ n }) {
      await held.opened;
      return granted(`token-${n}`);
    },
  });
  let connections = 0;
  let most = 0;
  let waiting = 0;
  outrider.app.events
    .on('connected', () => (most = Math.max(most, ++connections)))
    .on('disconnected', () => connections--)
    .on('waiting', (change) => (waiting += change));
  const figure = async (name: string): Promise<string> =>
    (await admin(outrider, '/metrics')).text.split('\n').find((one) => one.startsWith(name)) ?? `no ${name}`;
  const request = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const clients = await Promise.all([1, 2, 3].map(() => rawClient(t, outrider.port)));
  await clients[0]?.send(request);
  await clients[1]?.send(request);
  await tokens.call(1);
  await until('all three to be connected', () => connections === 3 && waiting === 2);
  t.is(await figure('outrider_connections '), 'outrider_connections 3');
  t.is(await figure('outrider_waiting_requests '), 'outrider_waiting_requests 2');
  assertProblem(t, await ask(t, outrider.port, request), { status: 503, code: 'overloaded' });
  t.is(
    await figure('outrider_errors_total{'),
    'outrider_errors_total{route="unmatched",code="overloaded",outcome="not_sent"} 1',
  );
  held.open();
  const [excess] = await outrider.logged(3);
  t.like(excess, { path: '/api/x', status: 503, code: 'overloaded' });
  t.is(await figure('outrider_waiting_requests '), 'outrider_waiting_requests 0');
  for (const client of clients) client.reset();
  await until('all to be gone', () => connections === 0);
  t.is(await figure('outrider_connections '), 'outrider_connections 0');
  t.is(most, 3, 'one that is sent away does not count');
});

const denied = async (t: ExecutionContext, outrider: Outrider, headers: string, code: string): Promise<void> => {
  for (const path of ['/livez', '/metrics', '/']) {
    const answer = await ask(t, adminPort(outrider), `GET ${path} HTTP/1.1\r\n${headers}\r\n`);
    assertProblem(t, answer, { status: 403, code });
    t.false(answer.head.toLowerCase().includes('access-control-'));
  }
};

test('rules 01, 02: they hold for the admin address too', async (t) => {
  const { outrider } = await givenPlain(t, { extra: ADMIN });
  await denied(t, outrider, 'Host: evil.test\r\n', 'host_denied');
  await denied(t, outrider, 'Host: localhost.evil.test\r\n', 'host_denied');
  await denied(t, outrider, 'Host: localhost\r\nOrigin: https://evil.test\r\n', 'origin_denied');
  await denied(t, outrider, 'Host: localhost\r\nOrigin: null\r\n', 'origin_denied');
  await denied(t, outrider, 'Host: localhost\r\nSec-Fetch-Site: cross-site\r\n', 'origin_denied');
});

test('rule 33: beyond loopback the admin token is needed for all but health and /metrics', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `${plainYaml(upstream.origin)}\nadmin: { address: 0.0.0.0:0, token: admin-canary-token }`,
  );
  const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
  for (const path of ['/livez', '/readyz', '/metrics'])
    t.is((await ask(t, adminPort(outrider), get(path))).status, 200, path);
  const without = await ask(t, adminPort(outrider), get('/api/status'));
  t.is(without.status, 401);
  t.not(without.header('www-authenticate') ?? '', '');
  const wrong = await ask(t, adminPort(outrider), get('/api/status', 'Authorization: Bearer admin-canary-toke\r\n'));
  t.is(wrong.status, 401);
  const right = await ask(t, adminPort(outrider), get('/api/status', 'Authorization: Bearer admin-canary-token\r\n'));
  t.is(right.status, 200);
});

test('rule 33: `admin: false` opens no port', async (t) => {
  const { outrider } = await givenPlain(t);
  t.is(outrider.adminOrigin, undefined);
});

test('rule 33: the admin paths are not on the proxy’s own port', async (t) => {
  const { outrider } = await givenPlain(t, { extra: ADMIN });
  for (const path of ['/livez', '/readyz', '/metrics']) {
    assertProblem(t, await outrider.call(path), { status: 404, code: 'route_not_found' });
  }
});
