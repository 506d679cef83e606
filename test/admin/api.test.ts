import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import test from 'ava';
import {
  explained,
  history,
  problem,
  provider,
  reloaded,
  reloadRefused,
  requests,
  simulated,
  status,
} from '../../src/admin/schemas.ts';
import { withDefaults } from '../helpers/outrider.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { exchange, openTunnel } from '../tunnel/client.ts';
import { get, givenIntercepted } from '../tunnel/intercepted.ts';
import { granted, numberedTokens } from '../helpers/token-endpoint.ts';
import { accepting, givenTokens } from '../contract/given.ts';
import { ADMIN, apiOf, givenApi, ORDER, SIMULATED } from './given.ts';

test('the status tells of the config, the listeners, and what each provider and route has done', async (t) => {
  const { outrider, api } = await givenApi(t);
  const before = await api.get('/api/status', status);
  t.like(before.providers[0]?.token, { state: 'none', generation: 0, expires_at: null, next_renewal_at: null });
  t.is(before.providers[1]?.token, null);
  await outrider.call(ORDER);
  await outrider.call('/dead/x');
  await outrider.logged(2);
  const now = await api.get('/api/status', status);
  t.like(now, {
    ready: true,
    config: { file: outrider.app.config.file, failed_reload: null },
    listeners: {
      proxy: outrider.origin,
      admin: outrider.adminOrigin,
      simulator: outrider.simulatorOrigin,
      callbacks: null,
    },
    store: { kind: 'memory', up: true },
  });
  const [phonepe] = now.providers;
  t.like(phonepe, { name: 'phonepe', profile: 'phonepe', environment: 'simulator' });
  t.like(phonepe?.token, { state: 'valid', generation: 1, type: 'O-Bearer', last_failure: null, subjects: null });
  t.true((phonepe?.token?.issued_at ?? '') > before.started_at);
  t.deepEqual(phonepe?.token?.renewals, { ok: 1, failed: 0 });
  t.truthy(phonepe?.token?.next_renewal_at);
  t.deepEqual(now.routes, [
    { name: 'phonepe', match_path: '/phonepe', provider: 'phonepe', requests: 1, errors: 0, replays: 0 },
    { name: 'xv', match_path: '/xv', provider: 'xv', requests: 0, errors: 0, replays: 0 },
    { name: 'dead', match_path: '/dead', provider: null, requests: 1, errors: 1, replays: 0 },
  ]);
});

test('a request is told with both attempts, the generation of each, and the headers that were added', async (t) => {
  const { outrider, api } = await givenApi(t);
  await outrider.call(ORDER);
  t.deepEqual(await api.post('/api/simulator/revoke?provider=phonepe', simulated), {
    providers: [{ provider: 'phonepe', revoked: 1 }],
  });
  await outrider.call(`${ORDER}?canary=of-the-query`);
  await outrider.logged(2);
  const { requests: found, last_id: lastId } = await api.get('/api/requests', requests);
  const [second, first] = found;
  t.is(second?.id, lastId);
  t.like(second, { route: 'phonepe', provider: 'phonepe', path: ORDER, auth: 'renewed', replay_skipped: null });
  t.deepEqual(
    second?.attempts.map((attempt) => [attempt.status, attempt.credential, attempt.generation]),
    [
      [401, 'phonepe', 1],
      [404, 'phonepe', 2],
    ],
  );
  for (const attempt of second?.attempts ?? []) {
    for (const part of ['connect_ms', 'send_ms', 'wait_ms', 'receive_ms'] as const) t.not(attempt[part], null, part);
  }
  t.true((second?.attempts[1]?.start_ms ?? 0) > (second?.attempts[0]?.start_ms ?? 0));
  t.deepEqual(second?.added_headers, ['authorization']);
  // The first one waited before its attempt, the second one between its two.
  const startsOf = (entry: typeof first): readonly number[] => [
    ...(entry?.attempts ?? []).slice(0, -1).map(({ start_ms: ms }) => ms),
    ...(entry?.token_waits ?? []).map(({ start_ms: ms }) => ms),
    ...(entry?.attempts ?? []).slice(-1).map(({ start_ms: ms }) => ms),
  ];
  for (const [entry, count] of [
    [first, 2],
    [second, 3],
  ] as const) {
    const starts = startsOf(entry);
    t.is(starts.length, count);
    t.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
    t.is(entry?.token_waits[0]?.duration_ms, entry?.token_wait_ms);
    t.true((entry?.token_wait_ms ?? 0) > 0);
  }
  t.is(first?.attempts.length, 1);
});

test('the requests are filtered by route, status, provider, and what came before', async (t) => {
  const { outrider, api } = await givenApi(t);
  for (const path of [ORDER, '/dead/1', '/nowhere', '/dead/2']) await outrider.call(path);
  await outrider.logged(4);
  const paths = async (query: string): Promise<string[]> =>
    (await api.get(`/api/requests?${query}`, requests)).requests.map(({ path }) => path);
  t.deepEqual(await paths(''), ['/dead/2', '/nowhere', '/dead/1', ORDER]);
  t.deepEqual(await paths('limit=2'), ['/dead/2', '/nowhere']);
  t.deepEqual(await paths('route=dead&limit=1'), ['/dead/2']);
  t.deepEqual(await paths('status=4xx'), ['/nowhere', ORDER]);
  t.deepEqual(await paths('status=502'), ['/dead/2', '/dead/1']);
  t.deepEqual(await paths('provider=phonepe'), [ORDER]);
  const [, nowhere] = (await api.get('/api/requests', requests)).requests;
  t.deepEqual(await paths(`since=${nowhere?.id}`), ['/dead/2']);
  for (const query of ['status=4x', 'status=600', 'limit=0', 'limit=1001', 'since=x', 'user=a', 'route=a&route=b'])
    await api.refused(`/api/requests?${query}`, 400, 'bad_request');
});

test('an attempt that fails tells in which part, and a request that never got so far has none', async (t) => {
  const { outrider, api } = await givenApi(t);
  await outrider.call('/dead/x');
  await outrider.call('/nowhere');
  await outrider.logged(2);
  const [nowhere, dead] = (await api.get('/api/requests', requests)).requests;
  t.deepEqual(nowhere?.attempts, []);
  t.like(dead?.attempts[0], {
    status: 0,
    error: 'upstream_unreachable',
    credential: null,
    generation: 0,
    send_ms: null,
    wait_ms: null,
  });
  t.not(dead?.attempts[0]?.connect_ms, null);
});

test('a request says by which door it came in, and where it was to go', async (t) => {
  const { outrider, authority, ca } = await givenIntercepted(t, {
    extra: ADMIN,
    forward: '{ mode: intercept, unmatched: tunnel }',
  });
  await outrider.call('/nowhere');
  await ask(t, outrider.port, `GET http://${authority}/v1/x HTTP/1.1\r\nHost: a\r\n\r\n`);
  const tunnel = await openTunnel(t, outrider.port, authority);
  const inner = await tunnel.secure({ ca: ca(), host: 'localhost', servername: 'localhost' });
  await exchange(inner, get(authority));
  await openTunnel(t, outrider.port, '169.254.169.254:80');
  await ask(t, outrider.port, 'GET / HTTP/1.1\r\nHost\r\n\r\n');
  await outrider.logged(5);
  const found = (await apiOf(t, outrider).get('/api/requests', requests)).requests;
  t.deepEqual(found.map(({ door, destination, status: answered }) => [door, destination, answered]).toReversed(), [
    ['base_url', null, 404],
    ['forward', `http://${authority}`, 200],
    ['intercepted', `https://${authority}`, 200],
    ['connect', null, 403],
    [null, null, 400],
  ]);
});

test('a request that was not sent again says why', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t, { extra: ADMIN, route: 'replay: false' });
  await warm();
  upstream.handler = accepting(new Set());
  t.is((await outrider.call('/api/x')).status, 401);
  await outrider.logged(2);
  const [request] = (await apiOf(t, outrider).get('/api/requests', requests)).requests;
  t.is(request?.replay_skipped?.reason, 'replay_off');
  t.regex(request?.replay_skipped?.detail ?? '', /replay: false/);
});

test('a caller who leaves while the token is renewed is no request that was sent again', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t, { extra: ADMIN });
  await warm();
  upstream.handler = accepting(new Set());
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  tokens.script = async () => {
    asked.resolve();
    await held.promise;
    return granted('token-late');
  };
  const leaving = new AbortController();
  const call = outrider.call('/api/x', { signal: leaving.signal });
  await asked.promise;
  leaving.abort();
  await t.throwsAsync(call);
  await outrider.logged(2);
  held.resolve();
  const [request] = (await apiOf(t, outrider).get('/api/requests', requests)).requests;
  t.like(request, { code: 'caller_gone', replay_skipped: { reason: 'caller_gone' } });
  t.is(request?.token_waits.length, 1);
});

test('the history has 15 minutes in steps of ten seconds', async (t) => {
  const { outrider, api } = await givenApi(t);
  await outrider.call(ORDER);
  await outrider.call('/dead/x');
  await outrider.logged(2);
  const { bucket_seconds: seconds, buckets } = await api.get('/api/history', history);
  t.is(seconds * buckets.length, 15 * 60);
  const all = buckets.filter((bucket) => bucket.requests > 0);
  t.is(
    all.reduce((sum, bucket) => sum + bucket.requests, 0),
    2,
  );
  t.is(
    all.reduce((sum, bucket) => sum + bucket.errors, 0),
    1,
  );
  for (const { p99_ms: p99 } of all) t.true((p99 ?? 0) > 0);
});

test('twenty who ask for a renewal at once cost one token call; who asks again within the cooldown waits', async (t) => {
  const { outrider, tokens, clock, warm } = await givenTokens(t, { extra: ADMIN });
  const api = apiOf(t, outrider);
  await warm();
  const { port } = new URL(outrider.adminOrigin ?? '');
  // In one piece, so that none comes later than the others.
  const caller = await rawClient(t, Number(port));
  await caller.send('POST /api/providers/demo/renew HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20));
  for (let i = 0; i < 20; i++) {
    const answer = await caller.answer();
    t.is(answer.status, 200);
    t.like(JSON.parse(answer.text), { token: { generation: 2, state: 'valid' } });
  }
  t.is(tokens.calls.length, 2);
  const early = await api.refused('/api/providers/demo/renew', 429, 'renewed_recently', { method: 'POST' });
  t.is(early.header('retry-after'), '5');
  await clock.advance(5_000);
  t.is((await api.post('/api/providers/demo/renew', provider)).token?.generation, 3);
  t.is(tokens.calls.length, 3);
});

test('a renewal by hand ignores the back-off of failures before it, and a failure is told in the status', async (t) => {
  const { outrider, tokens, clock, warm } = await givenTokens(t, { extra: ADMIN });
  const api = apiOf(t, outrider);
  await warm();
  tokens.script = () => ({ status: 400, body: { error: 'invalid_client' } });
  const failed = await api.refused('/api/providers/demo/renew', 503, 'token_unavailable', { method: 'POST' });
  t.regex(failed.text, /refused the credentials: invalid_client/);
  const { token } = (await api.get('/api/status', status)).providers[0] ?? {};
  t.like(token, { state: 'valid', renewals: { ok: 1, failed: 1 } });
  t.regex(token?.last_failure?.detail ?? '', /refused the credentials: invalid_client/);
  tokens.script = numberedTokens;
  // The endpoint is left alone for 30 s by all others.
  await clock.advance(5_000);
  t.is((await api.post('/api/providers/demo/renew', provider)).token?.generation, 2);
});

test('a provider that is not there, or has no token, can not be renewed', async (t) => {
  const { api } = await givenApi(t);
  const unknown = await api.refused('/api/providers/nope/renew', 404, 'not_found', { method: 'POST' });
  t.regex(unknown.text, /there is phonepe, xv/);
  await api.refused('/api/providers/xv/renew', 404, 'not_found', { method: 'POST' });
  await api.refused('/api/providers/%ff/renew', 404, 'not_found', { method: 'POST' });
});

test('a reload takes the file as it is now; one with errors says where, and the one before it serves on', async (t) => {
  const { outrider, api } = await givenApi(t);
  const { file } = outrider.app.config;
  const first = await api.get('/api/status', status);
  fs.writeFileSync(
    file,
    withDefaults(`${SIMULATED}  - { name: more, match: { path: /more }, upstream: "http://127.0.0.1:9" }\n`),
  );
  const good = await api.post('/api/reload', reloaded);
  t.is(good.file, file);
  t.true((await api.get('/api/status', status)).routes.some(({ name }) => name === 'more'));
  fs.writeFileSync(file, withDefaults(`${SIMULATED}nonsense: 1\n`));
  const bad = await api.post('/api/reload', reloadRefused, 422);
  t.like(bad, { code: 'invalid_config', diagnostics: [{ severity: 'error', code: 'unknown_key', path: 'nonsense' }] });
  const after = await api.get('/api/status', status);
  t.true(after.config.loaded_at >= first.config.loaded_at);
  t.is(after.config.failed_reload?.diagnostics[0]?.code, 'unknown_key');
  t.true(after.routes.some(({ name }) => name === 'more'));
  fs.writeFileSync(file, withDefaults(`${SIMULATED}timeouts: { token: 3s }\nstate_dir: /elsewhere\n`));
  const { restart_needed: restarts } = await api.post('/api/reload', reloaded);
  t.regex(restarts.join(), /`state_dir`/);
  t.is((await api.get('/api/status', status)).config.failed_reload, null);
});

test('an explanation says all but what is signed: this is no signing service', async (t) => {
  const { api } = await givenApi(t);
  const ask = { method: 'GET', url: '/xv/pg/v1/status/SHOP/order-1' };
  const found = await api.post('/api/explain', explained, 200, ask);
  if ('answered_with' in found) return t.fail();
  t.like(found, { route: 'xv', provider: 'xv' });
  t.deepEqual(
    found.signatures.map(({ text, digest, value, place }) => [text, digest, value, place]),
    [['[hidden]', '[hidden]', '[hidden]', 'header x-verify']],
  );
  t.is(found.headers.find(({ name }) => name === 'x-verify')?.value, '[hidden]');
  t.notRegex(JSON.stringify(found), /###|[0-9a-f]{32}/);
  const wrapped = await api.post('/api/explain', explained, 200, {
    method: 'POST',
    url: '/xv/pg/v1/pay',
    headers: { 'content-type': 'application/json' },
    body: '{"amount":4711}',
  });
  t.is('body' in wrapped && wrapped.body, '[hidden]');
  t.notRegex(JSON.stringify(wrapped), /###|[0-9a-f]{32}|eyJ|4711/);
  for (const body of [
    { method: 'GET' },
    { method: 'GET', url: '/x', more: 1 },
    { ...ask, headers: { 'a b': 'c' } },
    [],
  ])
    t.like(await api.post('/api/explain', problem, 400, body), { code: 'bad_request' });
  t.like(await api.post('/api/explain', problem, 404, { method: 'GET', url: '/nowhere' }), { code: 'route_not_found' });
});

test('an explanation names a JWT, and says neither what is in it nor what a key signed', async (t) => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' });
  const { api } = await givenApi(
    t,
    `${ADMIN}
profiles:
  bank:
    extends: oauth2-jwt
    jwt: { assertion: { algorithm: ES256 } }
    token:
      fetch:
        sign: [{ text: "{{request.body}}", algorithm: ecdsa-p256-sha256, key: "{{credentials.private_key}}", set: { header: x-sign } }]
providers:
  bank:
    profile: bank
    credentials: { client_id: shop, private_key: ${JSON.stringify(key)} }
    endpoints: { token: "https://bank.example/token" }
routes: [{ match: { path: /bank }, provider: bank, upstream: "https://bank.example" }]
`,
  );
  const found = await api.post('/api/explain', explained, 200, { method: 'GET', url: '/bank/a' });
  if ('answered_with' in found) return t.fail();
  t.like(found.jwts[0], { name: 'assertion', algorithm: 'ES256', key: '<private_key>', reuse_s: null });
  t.deepEqual([found.jwts[0]?.header, found.jwts[0]?.claims], ['[hidden]', '[hidden]']);
  t.is(found.token?.fields.find(({ name }) => name === 'x-sign')?.value, '[hidden]');
  t.notRegex(JSON.stringify(found), /[0-9a-f]{32}|eyJ/);
});

test('simulators do as they are told, and where there are none, nothing does', async (t) => {
  const { outrider, api } = await givenApi(t);
  await api.post('/api/simulator/fail?provider=phonepe&status=503&count=1&target=token', simulated);
  t.is((await outrider.call(ORDER)).status, 503);
  t.like((await api.post('/api/simulator/lifetime?seconds=60', simulated)).providers[0], { lifetime_ms: 60_000 });
  await api.refused('/api/simulator/lifetime?seconds=x', 400, 'bad_request', { method: 'POST' });
  await api.refused('/api/simulator/revoke?provider=nope', 404, 'not_found', { method: 'POST' });
  const { api: real } = await givenApi(
    t,
    `${ADMIN}\nroutes: [{ name: a, match: { path: /a }, upstream: "http://127.0.0.1:9" }]\n`,
  );
  await real.refused('/api/simulator/revoke', 404, 'not_found', { method: 'POST' });
});
