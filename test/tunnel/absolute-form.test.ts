import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { accepting, givenTokens, tokenYaml } from '../contract/given.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Handler } from '../helpers/upstream.ts';
import { DENIED_HOSTS, resolver } from './given.ts';

const PLAIN = 'forward: { mode: plain }';
const TUNNEL = 'forward: { mode: plain, unmatched: tunnel }';
const get = (url: string, more = '', host = 'elsewhere.test'): string =>
  `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;

async function given(t: ExecutionContext, handler?: Handler, forward = PLAIN) {
  const upstream = await startUpstream(t, handler);
  const tokens = await startTokenEndpoint(t);
  const outrider = await startOutrider(t, `${tokenYaml(`${upstream.origin}/v1`, tokens.url)}\n${forward}`);
  return { upstream, tokens, outrider };
}

test('an absolute URL below an upstream goes there with the credential, its bytes unchanged, Host rewritten', async (t) => {
  const { upstream, outrider } = await given(t);
  const url = `${upstream.origin}/v1/a%2Fb;c?x=1&x=2&`;
  const bytes = `POST ${url} HTTP/1.1\r\nHost: elsewhere.test\r\nProxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\nhi`;
  t.is((await ask(t, outrider.port, bytes)).status, 200);
  const [arrival] = upstream.requests;
  t.is(arrival?.target, '/v1/a%2Fb;c?x=1&x=2&');
  t.is(arrival?.header('host'), upstream.authority);
  t.is(arrival?.header('authorization'), 'Bearer token-1');
  t.is(arrival?.header('proxy-connection'), undefined);
  t.is((await arrival?.body())?.bytes.toString(), 'hi');
  t.like((await outrider.logged(1))[0], { route: 'api', provider: 'demo', status: 200, path: '/v1/a%2Fb;c' });
});

test('a rejection in the middle is renewed and replayed', async (t) => {
  const valid = new Set(['token-1']);
  const { upstream, outrider, tokens, warm } = await givenTokens(t, { handler: accepting(valid), extra: PLAIN });
  await warm();
  valid.clear();
  valid.add('token-2');
  const bytes = `POST ${upstream.origin}/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`;
  const answer = await ask(t, outrider.port, bytes);
  t.is(answer.status, 200);
  t.is(answer.text, 'hello');
  t.is(tokens.calls.length, 2);
});

test('the prefix ends on a segment, the longest wins, then the earlier; methods and headers hold too', async (t) => {
  const upstream = await startUpstream(t, (arrival) => arrival.reply(200, { body: arrival.header('x-route') ?? '' }));
  const route = (name: string, path: string, match = ''): string =>
    `  - { name: ${name}, match: { path: /${name} ${match} }, upstream: "${upstream.origin}${path}", headers: { set: { x-route: ${name} } } }\n`;
  const outrider = await startOutrider(
    t,
    `${PLAIN}\nroutes:\n${route('short', '/v1')}${route('long', '/v1/pay')}${route('twin', '/v1/pay')}${route('posts', '/v1/pay/x', ', methods: [POST]')}${route('tenant', '/v2', ', hosts: [only.localhost], headers: { x-tenant: acme }')}`,
  );
  const winner = async (path: string, more = ''): Promise<string> =>
    (await ask(t, outrider.port, get(upstream.origin + path, more))).text;
  t.is(await winner('/v1/other'), 'short');
  t.is(await winner('/v1'), 'short');
  t.is(await winner('/v1?q'), 'short');
  t.is(await winner('/v1/pay'), 'long');
  t.is(await winner('/v1/pay/x'), 'long');
  t.is(await winner('/v1/payments'), 'short');
  t.is(await winner('/v2/a', 'X-Tenant: acme\r\n'), 'tenant');
  t.like(JSON.parse(await winner('/v2/a')), { code: 'destination_denied' });
  t.like(JSON.parse(await winner('/v10')), { code: 'destination_denied' });
});

test('a route without a path serves the forward doors alone', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, `${PLAIN}\nroutes: [{ name: a, upstream: "${upstream.origin}" }]`);
  t.is((await ask(t, outrider.port, get(`${upstream.origin}/x`))).status, 200);
  t.is((await ask(t, outrider.port, get('/x', '', 'localhost'))).status, 404);
});

test("what is asked for as http travels by the route's own scheme, and https in the clear does too", async (t) => {
  const proxy = await startEgressProxy(t);
  const upstream = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const yaml = `${PLAIN}
routes:
  - { name: a, upstream: "https://api.provider.test" }
  - { name: b, upstream: "https://api.provider.test:${upstream.port}" }`;
  const outrider = await startOutrider(t, yaml, { app: { env: { HTTPS_PROXY: `127.0.0.1:${proxy.port}` } } });
  const { port } = upstream;
  for (const [url, asked] of [
    [`http://api.provider.test:${port}/x`, `CONNECT api.provider.test:${port}`],
    [`https://API.Provider.Test:${port}/x`, `CONNECT api.provider.test:${port}`],
    ['http://api.provider.test/x', 'CONNECT api.provider.test:443'],
    ['http://api.provider.test.:80/x', 'CONNECT api.provider.test:443'],
    ['https://api.provider.test/x', 'CONNECT api.provider.test:443'],
  ] as const) {
    const before = proxy.asked.length;
    const answer = await ask(t, outrider.port, get(url));
    // The test's certificate is one that nobody trusts: the request has not been sent in the clear.
    assertProblem(t, answer, { status: 502, code: 'upstream_unreachable' });
    t.is(proxy.asked[before]?.line, asked, url);
  }
  t.is(upstream.requests.length, 0);
  assertProblem(t, await ask(t, outrider.port, get('http://api.provider.test:8080/x')), {
    status: 403,
    code: 'destination_denied',
  });
});

test('no route: refused with the hint, and nothing is dialled', async (t) => {
  const { upstream, outrider } = await given(t);
  const answer = await ask(t, outrider.port, get(`http://127.0.0.1:${upstream.port}/elsewhere`));
  assertProblem(t, answer, { status: 403, code: 'destination_denied', detail: /no route leads there/ });
  t.is(upstream.connections, 0);
});

test('one that names ourselves is at the base-URL door', async (t) => {
  const { upstream, outrider } = await given(t);
  t.is((await ask(t, outrider.port, get(`http://localhost:${outrider.port}/api/x`))).status, 200);
  t.is(upstream.requests[0]?.target, '/v1/x');
  assertProblem(t, await ask(t, outrider.port, get(`https://localhost:${outrider.port}/api/x`)), {
    status: 403,
    code: 'destination_denied',
  });
});

test('rules 2, 7, 8 and loops hold at this door', async (t) => {
  const { upstream, outrider } = await given(t);
  const base = `${upstream.origin}/v1`;
  for (const [bytes, status, code] of [
    [get(`${base}/../x`), 400, 'bad_request'],
    [get(`http://u:p@${upstream.authority}/v1/x`), 400, 'bad_request'],
    [get(`http://a b/v1/x`), 400, 'bad_request'],
    [get(`http://[::1/v1`), 400, 'bad_request'],
    [get(`${base}/x`, 'Host: b\r\n'), 400, 'bad_request'],
    [get(`${base}/x`, 'Origin: https://evil.test\r\n'), 403, 'origin_denied'],
    [get(`ftp://${upstream.authority}/v1`), 400, 'bad_request'],
  ] as const) {
    assertProblem(t, await ask(t, outrider.port, bytes), { status, code });
  }
  t.is(upstream.connections, 0);
  await ask(t, outrider.port, get(`${base}/x`));
  const via = upstream.requests[0]?.header('via') ?? '';
  const loop = await ask(t, outrider.port, get(`${base}/x`, `Via: ${via}\r\n`));
  assertProblem(t, loop, { status: 508, code: 'loop_detected' });
});

test('access tokens are asked for as a proxy asks: 407, and taken as Basic or Bearer', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `${PLAIN}\nlisten: { address: 127.0.0.1:0, access_tokens: [sesame-sesame] }\nroutes: [{ name: a, match: { path: /a }, upstream: "${upstream.origin}" }]`,
  );
  const url = `${upstream.origin}/x`;
  for (const more of ['', 'Proxy-Authorization: Bearer nonsense\r\n', 'Authorization: Bearer sesame-sesame\r\n']) {
    const answer = await ask(t, outrider.port, get(url, more));
    assertProblem(t, answer, { status: 407, code: 'client_unauthenticated' });
    t.deepEqual(answer.headerAll('proxy-authenticate'), ['Basic realm="outrider"', 'Bearer realm="outrider"']);
    t.is(answer.header('www-authenticate'), undefined);
  }
  t.is(upstream.connections, 0);
  const basic = Buffer.from('anyone:sesame-sesame').toString('base64');
  for (const value of [`Basic ${basic}`, 'Bearer sesame-sesame']) {
    t.is((await ask(t, outrider.port, get(url, `Proxy-Authorization: ${value}\r\n`))).status, 200);
  }
  t.notRegex(upstream.requests.map(({ head }) => head).join(''), /sesame|proxy-auth/i);
  const self = await ask(t, outrider.port, get(`http://localhost:${outrider.port}/a`));
  t.is(self.status, 401);
});

for (const host of DENIED_HOSTS) {
  test(`unmatched: ${host} is never dialled`, async (t) => {
    const upstream = await startUpstream(t);
    const { outrider } = await given(t, undefined, TUNNEL);
    for (const scheme of ['http', 'https']) {
      const answer = await ask(t, outrider.port, get(`${scheme}://${host}:${upstream.port}/`));
      assertProblem(t, answer, { status: 403, code: 'destination_denied' });
    }
    t.is(upstream.connections, 0);
  });
}

test('unmatched: a name is judged by the addresses that are dialled, however they change', async (t) => {
  const upstream = await startUpstream(t);
  const names = resolver({
    'inside.test': [['127.0.0.1']],
    'both.test': [['::1', '10.1.2.3']],
    'mapped.test': [['::ffff:169.254.169.254']],
    // Public when somebody looks first, loopback when it is dialled.
    'rebinding.test': [['127.0.0.1'], ['203.0.113.7']],
  });
  const outrider = await startOutrider(t, `${TUNNEL}\nroutes: []`, { app: { env: {}, lookup: names.lookup } });
  for (const host of ['inside.test', 'both.test', 'mapped.test', 'rebinding.test']) {
    const answer = await ask(t, outrider.port, get(`http://${host}:${upstream.port}/`));
    assertProblem(t, answer, { status: 403, code: 'destination_denied' });
  }
  t.deepEqual(names.asked, ['inside.test', 'both.test', 'mapped.test', 'rebinding.test'], 'each is resolved once');
  const unknown = await ask(t, outrider.port, get('http://nowhere.test/'));
  assertProblem(t, unknown, { status: 502, code: 'upstream_unreachable' });
  const local = await ask(t, outrider.port, get(`http://localhost:${upstream.port}/`));
  t.is(local.status, 502, 'localhost is what the resolver says, and this one says nothing');
  t.is(upstream.connections, 0);
});

test('unmatched: what may be dialled is relayed as it is, without credentials', async (t) => {
  const proxy = await startEgressProxy(t);
  const upstream = await startUpstream(t, (arrival) =>
    arrival.reply(203, { headers: ['X-Own', '1'], body: 'relayed' }),
  );
  const tokens = await startTokenEndpoint(t);
  const outrider = await startOutrider(t, `${tokenYaml(`${upstream.origin}/v1`, tokens.url)}\n${TUNNEL}`, {
    app: { env: { HTTP_PROXY: `127.0.0.1:${proxy.port}` } },
  });
  const url = `http://free.test:${upstream.port}/a?b`;
  const client = await rawClient(t, outrider.port);
  for (let i = 0; i < 2; i++) {
    await client.send(get(url, 'Authorization: Bearer own\r\nProxy-Authorization: Bearer x\r\n'));
    const answer = await client.answer();
    t.is(answer.status, 203);
    t.is(answer.text, 'relayed');
    t.is(answer.header('x-own'), '1');
  }
  t.is(upstream.requests[0]?.header('authorization'), 'Bearer own');
  t.is(upstream.requests[0]?.header('proxy-authorization'), undefined);
  t.is(tokens.calls.length, 0);
  t.like((await outrider.logged(1))[0], { route: '(unmatched)', status: 203, path: '/a' });
});

test('with forwarding off nothing of this is there', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, `routes: [{ name: a, match: { path: /a }, upstream: "${upstream.origin}" }]`);
  assertProblem(t, await ask(t, outrider.port, get(`${upstream.origin}/x`)), {
    status: 403,
    code: 'destination_denied',
  });
  t.is(upstream.connections, 0);
});
