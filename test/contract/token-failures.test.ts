import net, { type AddressInfo } from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { granted, startTokenEndpoint, type TokenAnswer, type TokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';
import { givenTokens, tokenYaml } from './given.ts';

const json = (status: number, body: Readonly<Record<string, unknown>>): TokenAnswer => ({ status, body });
const html = (status: number, type = 'text/html; charset=utf-8'): TokenAnswer => ({
  status,
  headers: { 'content-type': type },
  body: '<h1>canary</h1>',
});

/** What the endpoint answers, what the caller and the log are told of it (HOST is the endpoint's), and a word of the remedy. */
const TABLE: readonly (readonly [answer: TokenAnswer, detail: string, remedy: RegExp])[] = [
  [json(401, { error: 'invalid_client' }), 'HOST refused the credentials: invalid_client (status 401)', /credentials/],
  [json(400, { error: 'invalid_client' }), 'HOST refused the credentials: invalid_client (status 400)', /credentials/],
  [json(400, { error: 'invalid_scope' }), 'HOST refused the call: invalid_scope (status 400)', /outrider explain/],
  [json(404, { error: 'invalid_grant' }), 'HOST refused the call: invalid_grant (status 404)', /outrider explain/],
  [json(401, { error: 'canary' }), 'HOST refused the credentials (status 401)', /credentials/],
  [html(401), 'HOST refused the credentials (status 401)', /credentials/],
  [html(302), 'HOST redirects (status 302): check endpoints.token', /endpoints\.token/],
  [html(308), 'HOST redirects (status 308): check endpoints.token', /endpoints\.token/],
  [html(500), 'HOST failed (status 500)', /recover/],
  [html(503), 'HOST failed (status 503)', /recover/],
  [html(408), 'HOST asks to wait (status 408)', /recover/],
  [html(429), 'HOST asks to wait (status 429)', /recover/],
  [html(404), 'no token endpoint at that address (status 404): check endpoints.token', /endpoints\.token/],
  [html(405), 'no token endpoint at that address (status 405): check endpoints.token', /endpoints\.token/],
  [html(410), 'no token endpoint at that address (status 410): check endpoints.token', /endpoints\.token/],
  [html(403), 'HOST refused the call (status 403, text/html)', /outrider explain/],
  [html(403, 'TEXT/HTML;canary=1'), 'HOST refused the call (status 403, text/html)', /outrider explain/],
  [html(403, 'text/canary'), 'HOST refused the call (status 403)', /outrider explain/],
  [html(403, 'canary'), 'HOST refused the call (status 403)', /outrider explain/],
  [json(400, { error: 'canary' }), 'HOST refused the call (status 400, application/json)', /outrider explain/],
  [
    json(400, { error: ['invalid_client'] }),
    'HOST refused the call (status 400, application/json)',
    /outrider explain/,
  ],
  [json(200, { error: 'invalid_client' }), 'HOST answered without a token: invalid_client', /credentials/],
  [json(200, { error: 'canary' }), 'HOST answered without a token', /token\.read/],
  [html(200), 'HOST answered without a token: it is not JSON', /token\.read/],
  [{ status: 503, headers: { 'content-encoding': 'gzip' }, body: 'canary' }, 'HOST failed (status 503)', /recover/],
];

const hostOf = ({ url }: TokenEndpoint): string => new URL(url).host;

interface Line {
  readonly level: string;
  readonly message: string;
  readonly request_id?: string;
  readonly route?: string;
  readonly provider?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly detail?: string;
}

/** The lines of the log that somebody is to read. */
const told = (outrider: Outrider): Line[] =>
  outrider
    .logText()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
    .filter(({ level }) => level === 'warn' || level === 'error');

for (const [answer, template, remedy] of TABLE) {
  test(`a token call that is answered ${answer.status} ${JSON.stringify(answer.body)} (${answer.headers?.['content-type'] ?? ''}): ${template}`, async (t) => {
    const { outrider, tokens } = await givenTokens(t, { script: () => answer });
    const detail = template.replace('HOST', hostOf(tokens));
    const refused = await outrider.call('/api/x', { headers: ['X-Request-Id', 'mine-1'] });
    const problem = assertProblem(t, refused, { status: 503, code: 'token_unavailable', route: 'api' });
    t.is(problem.detail, detail);
    t.regex(problem.remedy, remedy);
    t.regex(problem.remedy, /Retry-After/);
    t.false(`${refused.text}${outrider.logText()}`.includes('canary'));
    t.like(told(outrider), [
      {
        message: detail,
        request_id: 'mine-1',
        route: 'api',
        provider: 'demo',
        code: 'token_unavailable',
        reason: 'cold',
      },
    ]);
    t.is(told(outrider).length, 1);
  });
}

test('the longer memory is for what the operator has to mend, whatever the sentence', async (t) => {
  const wait = async (answer: TokenAnswer): Promise<number> => {
    const { outrider } = await givenTokens(t, { script: () => answer });
    return Number((await outrider.call('/api/x')).header('retry-after'));
  };
  for (const status of [400, 401, 403, 404, 405, 410]) t.is(await wait(html(status)), 30, String(status));
  for (const status of [302, 408, 500, 503]) t.true((await wait(html(status))) <= 5, String(status));
  t.true((await wait(json(503, { error: 'invalid_client' }))) <= 5, 'an outage, whatever its body says');
  t.is(await wait(json(400, { error: 'invalid_request' })), 30);
});

/** Real time, unless a clock is given; `url` is the token endpoint's. */
async function given(
  t: ExecutionContext,
  url: string,
  options: { clock?: FakeClock; env?: Record<string, string> } = {},
) {
  const upstream = await startUpstream(t);
  const { clock, env } = options;
  return startOutrider(t, tokenYaml(upstream.origin, url, { extra: 'timeouts: { token: 1500ms }' }), {
    ...(clock && { clock }),
    ...(env && { app: { env } }),
  });
}

async function detailOf(t: ExecutionContext, outrider: Outrider): Promise<{ detail: string; remedy: string }> {
  const answer = await outrider.call('/api/x');
  const problem = assertProblem(t, answer, { status: 503, code: 'token_unavailable' });
  t.deepEqual(
    told(outrider).map(({ message }) => message),
    [problem.detail],
  );
  t.false(answer.text.includes('/oauth/token'), 'the path is not told');
  return problem;
}

/** Nobody listens on it. */
const DEAD_PORT = 1;

test('a name that is not found', async (t) => {
  const { detail, remedy } = await detailOf(t, await given(t, 'https://id.outrider.invalid/oauth/token'));
  t.regex(detail, /^can't reach id\.outrider\.invalid: (?:ENOTFOUND|EAI_AGAIN)$/);
  t.regex(remedy, /DNS.*NODE_EXTRA_CA_CERTS/);
});

test('a port where nobody listens', async (t) => {
  const { detail } = await detailOf(t, await given(t, `http://127.0.0.1:${DEAD_PORT}/oauth/token`));
  t.is(detail, `can't reach 127.0.0.1:${DEAD_PORT}: ECONNREFUSED`);
});

test('plain HTTP where TLS is spoken to, and the other way round', async (t) => {
  const plain = await startTokenEndpoint(t);
  const { detail } = await detailOf(t, await given(t, plain.url.replace('http:', 'https:')));
  t.is(detail, `can't reach ${hostOf(plain)}: no TLS is spoken there (ERR_SSL_WRONG_VERSION_NUMBER)`);
  const secure = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const other = await detailOf(t, await given(t, `http://127.0.0.1:${secure.port}/oauth/token`));
  t.regex(
    other.detail,
    /^(?:the connection to 127\.0\.0\.1:\d+ broke|127\.0\.0\.1:\d+ answered something that is not HTTP)$/,
  );
});

test('a certificate that nobody vouches for', async (t) => {
  const secure = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const { detail } = await detailOf(t, await given(t, `https://127.0.0.1:${secure.port}/oauth/token`));
  t.regex(detail, /^can't reach 127\.0\.0\.1:\d+: its certificate is not trusted \([A-Z_]+\)$/);
});

test('no answer in time, a connection that breaks, and something that is not HTTP', async (t) => {
  const late = await startTokenEndpoint(t, () => undefined);
  t.is((await detailOf(t, await given(t, late.url))).detail, `no answer from ${hostOf(late)} within 1500ms`);
  const broken = await startTokenEndpoint(t, ({ res }) => void res.destroy());
  t.is((await detailOf(t, await given(t, broken.url))).detail, `the connection to ${hostOf(broken)} broke`);
  const odd = await startTokenEndpoint(t, ({ res }) => void res.socket?.end('220 canary ESMTP\r\n'));
  t.is((await detailOf(t, await given(t, odd.url))).detail, `${hostOf(odd)} answered something that is not HTTP`);
});

test('an outage whose page breaks off is an outage', async (t) => {
  const broken = await startTokenEndpoint(t, ({ res }) => {
    res.writeHead(503, { 'content-length': '1000' });
    res.write('canary', () => res.destroy());
    return undefined;
  });
  t.is((await detailOf(t, await given(t, broken.url))).detail, `${hostOf(broken)} failed (status 503)`);
});

test('an egress proxy that fails is named, and the provider is not blamed', async (t) => {
  const env = { HTTPS_PROXY: `http://127.0.0.1:${DEAD_PORT}` };
  const gone = await detailOf(t, await given(t, 'https://id.example/oauth/token', { env }));
  t.is(gone.detail, "can't reach id.example: the egress proxy can't be reached (ECONNREFUSED)");
  t.regex(gone.remedy, /HTTPS_PROXY/);
  const refusing = net.createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 407 No\r\n\r\n')));
  refusing.listen(0, '127.0.0.1');
  await new Promise((resolve) => refusing.once('listening', resolve));
  t.teardown(() => refusing.close());
  const proxy = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
  for (const [name, url] of [
    ['HTTPS_PROXY', 'https://id.example:8443/oauth/token'],
    ['HTTP_PROXY', 'http://id.example:8443/oauth/token'],
  ] as const) {
    const refused = await detailOf(t, await given(t, url, { env: { [name]: proxy } }));
    t.is(refused.detail, "can't reach id.example:8443: the egress proxy wants other credentials (407)");
  }
});

test('one failure is one warning: the same again is quiet, another is told, and it is told when all is well', async (t) => {
  const { outrider, tokens, clock } = await givenTokens(t, { script: () => html(503) });
  const host = hostOf(tokens);
  for (let i = 0; i < 5; i++) {
    await Promise.all([outrider.call('/api/x'), outrider.call('/api/y')]);
    await clock.advance(60_000);
  }
  t.is(tokens.calls.length, 5);
  tokens.script = () => html(500);
  await outrider.call('/api/x', { headers: ['X-Request-Id', 'second'] });
  t.deepEqual(
    told(outrider).map(({ message }) => message),
    [`${host} failed (status 503)`, `${host} failed (status 500)`],
  );
  t.is(told(outrider)[1]?.request_id, 'second');
  tokens.script = ({ n }) => granted(`token-${n}`);
  await clock.advance(60_000);
  t.is((await outrider.call('/api/x')).status, 200);
  t.regex(outrider.logText(), /works again/);
});

test('a renewal in the background that fails is one warning, of no request', async (t) => {
  const { outrider, tokens, clock } = await givenTokens(t, { script: () => granted('token-1', 100) });
  await outrider.call('/api/x');
  tokens.script = () => html(503);
  await clock.advance(90_000);
  await until('the failure', () => told(outrider).length > 0);
  t.is((await outrider.call('/api/x')).status, 200);
  const [line, ...more] = told(outrider);
  t.like(line, { message: `${hostOf(tokens)} failed (status 503)`, reason: 'background', provider: 'demo' });
  t.false('request_id' in (line ?? {}) || 'route' in (line ?? {}));
  t.deepEqual(more, []);
});

test('a renewal after a rejection that fails is one warning, of the request that was rejected', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  upstream.handler = (arrival) => arrival.reply(401);
  tokens.script = () => html(503);
  const headers = ['X-Request-Id', 'rejected-1'];
  const answer = await outrider.call('/api/x', { headers });
  t.is(answer.status, 401);
  const detail = `${hostOf(tokens)} failed (status 503)`;
  t.is(
    answer.header('proxy-status'),
    `outrider; details="the token was rejected, the request not replayed: ${detail}: renewal_failed"`,
  );
  t.is(told(outrider).length, 1);
  t.like(told(outrider), [{ message: detail, reason: 'rejected', request_id: 'rejected-1', route: 'api' }]);
  const next = await outrider.call('/api/x');
  t.regex(next.header('proxy-status') ?? '', /\(status 503\), the next attempt is due in 1 s: renewal_failed"$/);
  t.is(told(outrider).length, 1);
});

test('an outage is one warning, however many users it keeps waiting', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t, () => html(503));
  const yaml = tokenYaml(upstream.origin, tokens.url).replace(
    'token:\n      fetch:',
    'token:\n      subject: "{{request.headers.x-user}}"\n      fetch:',
  );
  const outrider = await startOutrider(t, yaml, { clock });
  for (let i = 0; i < 10; i++) await outrider.call('/api/x', { headers: ['X-User', `user-${i}`] });
  t.is(tokens.calls.length, 10);
  t.is(told(outrider).length, 1);
});
