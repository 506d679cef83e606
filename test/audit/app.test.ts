import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import test from 'ava';
import { tokenYaml } from '../contract/given.ts';
import { gate, until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { rawClient } from '../helpers/raw.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream, type Handler } from '../helpers/upstream.ts';
import { eventsOf, readTrail, trailPath, verify } from './given.ts';

async function given(
  t: Parameters<typeof startOutrider>[0],
  { handler, extra = '', sync = '1s' }: { handler?: Handler; extra?: string; sync?: string } = {},
) {
  const path = trailPath(t);
  const upstream = await startUpstream(t, handler);
  const tokens = await startTokenEndpoint(t);
  const yaml = tokenYaml(upstream.origin, tokens.url, { extra: `audit: { path: "${path}", sync: ${sync} }\n${extra}` });
  const outrider = await startOutrider(t, yaml);
  return { path, upstream, tokens, outrider, yaml };
}

test.serial('a request that carried a credential has a line, which says what is no secret', async (t) => {
  const { path, outrider, upstream } = await given(t);
  const body = '{"amount":100}';
  const answer = await outrider.call('/api/pay/1?card=4111', { body, headers: ['X-Request-Id', 'order-7'] });
  t.is(answer.status, 200);
  const [line] = eventsOf(path, 'request');
  const { seq: _seq, time, prev: _prev, ...told } = line ?? {};
  t.regex(String(time), /^20\d\d-.*Z$/);
  t.deepEqual(told, {
    event: 'request',
    request_id: 'order-7',
    route: 'api',
    provider: 'demo',
    method: 'POST',
    path: '/api/pay/1',
    upstream: upstream.origin,
    auth: 'injected',
    attempts: 1,
    status: 200,
    body_sha256: createHash('sha256').update(body).digest('hex'),
  });
});

test.serial('token calls, reloads, the start and the stop have lines of their own', async (t) => {
  const { path, outrider, yaml } = await given(t);
  await outrider.call('/api/pay');
  await outrider.reload(yaml);
  await outrider.app.stop({ signal: 'SIGINT' });
  t.deepEqual(
    readTrail(path).map(({ event }) => event),
    ['begin', 'start', 'token', 'request', 'reload', 'stop'],
  );
  t.like(eventsOf(path, 'token')[0], { provider: 'demo', reason: 'cold', outcome: 'ok' });
  t.like(eventsOf(path, 'reload')[0], { outcome: 'ok' });
  t.like(await verify(fs.readFileSync(path)), { isWhole: true, lines: 6 });
});

test.serial('a request that carried none has no line', async (t) => {
  const { path, outrider } = await given(t);
  t.is((await outrider.call('/nowhere')).status, 404);
  t.deepEqual(eventsOf(path, 'request'), []);
});

test.serial('a request that fails, or whose caller leaves, has a line too', async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  const { path, outrider, upstream } = await given(t, { handler: () => resolve() });
  const leaving = new AbortController();
  const call = outrider.call('/api/slow', { signal: leaving.signal });
  await arrived;
  leaving.abort();
  await t.throwsAsync(call);
  await until('its line', () => eventsOf(path, 'request').length === 1);
  t.like(eventsOf(path, 'request')[0], { status: 0, code: 'caller_gone', outcome: 'unknown', auth: 'injected' });
  await upstream.close();
  t.is((await outrider.call('/api/gone')).status, 502);
  t.like(eventsOf(path, 'request')[1], { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
});

test.serial('with `always` the end of an answer waits for the disk, and its beginning does not', async (t) => {
  const more = gate();
  const handler: Handler = async (arrival, index) => {
    if (index === 1) return arrival.reply(200, { body: 'ok' });
    await arrival.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
    await more.opened;
    return arrival.write('half');
  };
  const { path, outrider } = await given(t, { handler, sync: 'always' });
  await outrider.call('/api/warm');
  const disk = gate();
  const real = fs.fdatasync;
  fs.fdatasync = ((fd: number, done: (error: NodeJS.ErrnoException | null) => void) =>
    void disk.opened.then(() => real(fd, done))) as typeof fs.fdatasync;
  syncBuiltinESMExports();
  t.teardown(() => {
    fs.fdatasync = real;
    syncBuiltinESMExports();
  });
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  t.is((await client.bodyBytes(4)).length, 4);
  t.is(eventsOf(path, 'request').length, 1);
  more.open();
  await until('the line', () => eventsOf(path, 'request').length === 2);
  // Whatever was written to that connection meanwhile is there when another one has had its answer.
  t.is((await outrider.call('/nowhere')).status, 404);
  t.is((await client.bodyBytes(4)).length, 4);
  disk.open();
  t.is((await client.answer()).text, 'halfhalf');
});

test.serial('how the trail is stands in the status', async (t) => {
  const { path, outrider } = await given(t, { extra: 'admin: { address: "127.0.0.1:0" }\n' });
  await outrider.call('/api/pay');
  const { audit } = (await (await fetch(`${outrider.adminOrigin}/api/status`)).json()) as { audit: unknown };
  const last = fs.readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  const head = createHash('sha256').update(last).digest('hex');
  t.deepEqual(audit, { path, head, lines: 4, gaps: 0 });
});

test.serial('no secret of a request or a token call is in the trail', async (t) => {
  const secret = 'my-secret-of-the-demo';
  const { path, outrider, tokens } = await given(t);
  await outrider.call(`/api/${secret}?key=${secret}`, { headers: ['X-Request-Id', secret, 'Cookie', secret] });
  await outrider.call('/api/token-1');
  t.is(tokens.calls.length, 1);
  const text = fs.readFileSync(path, 'utf8');
  t.is(eventsOf(path, 'request').length, 2);
  t.notRegex(text, /my-secret-of-the-demo|token-1/);
});

test.serial('who called is in the line, and so is what becomes of callers', async (t) => {
  const callers = (...entries: readonly string[]): string => `callers:\n${entries.join('\n')}\n`;
  const shop = (rest: string): string => `  - { name: shop, token: shop-secret, routes: [api]${rest} }`;
  const { path, outrider, yaml } = await given(t, { extra: callers(shop('')) });
  const headers = ['X-Outrider-Token', 'shop-secret'];
  t.is((await outrider.call('/api/pay', { headers })).status, 200);
  t.like(eventsOf(path, 'request')[0], { caller: 'shop' });
  const other = yaml.replace(
    shop(''),
    `${shop(', concurrent: 2')}\n  - { name: back, token: back-secret, routes: [api] }`,
  );
  await outrider.reload(other);
  await outrider.reload(other.replace('back-secret', 'back-secret-2'));
  await outrider.reload(yaml);
  t.deepEqual(
    eventsOf(path, 'caller').map(({ caller, change }) => `${String(caller)} ${String(change)}`),
    ['shop changed', 'back added', 'back token_changed', 'shop changed', 'back removed'],
  );
  t.notRegex(fs.readFileSync(path, 'utf8'), /secret/);
});

test.serial('a signature that is handed out has a line, and one that is refused has none', async (t) => {
  const path = trailPath(t);
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
audit: { path: "${path}" }
providers:
  payu: { profile: payu-payment, environment: test, credentials: { key: KEY, salt: salt-of-the-shop } }
routes:
  - { name: form, provider: payu, match: { path: /sign }, upstream: "${upstream.origin}", answer: signed }`,
  );
  const headers = ['Content-Type', 'application/x-www-form-urlencoded'];
  const body = 'txnid=t1&amount=10.00&productinfo=Shoes&firstname=Asha&email=a%40b.in';
  t.is((await outrider.call('/sign/_payment', { headers, body })).status, 200);
  t.is((await outrider.call('/sign/_payment', { headers, body: `${body}&txnid=t2` })).status, 400);
  t.deepEqual(
    eventsOf(path, 'request').map(({ auth, attempts, status }) => [auth, attempts, status]),
    [['signed', 0, 200]],
  );
  t.is(upstream.connections, 0);
});
