import { writeFileSync } from 'node:fs';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { ERRORS, OutriderError, type ErrorCode } from '../../src/core/errors.ts';
import { problemJson } from '../../src/core/problem.ts';
import { payuForm, startCallbacks } from '../callbacks/given.ts';
import { fakeClock } from '../helpers/clock.ts';
import { httpCall, startOutrider, type Outrider } from '../helpers/outrider.ts';
import type { AnswerLike } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';

const REQUEST_ID = 'a1b2c3';
const TOKEN = 'access-token-of-the-reference';
const LIMITED = 'limited-token-of-the-reference';

/** The lines of a request, without their ends. */
type Lines = readonly string[];

const post = (target: string, type: string, body: string): Lines => [
  `POST ${target} HTTP/1.1`,
  `Content-Type: ${type}`,
  `Content-Length: ${body.length}`,
  '',
  body,
];

/** One request for each error that one request can bring about; `@` is the proxy's own name in `Via`. */
const REQUESTS = {
  bad_request: ['GET /pay/../admin HTTP/1.1'],
  uri_too_long: [`GET /pay/${'x'.repeat(9_000)} HTTP/1.1`],
  headers_too_large: ['GET /pay HTTP/1.1', `X-Long: ${'x'.repeat(20_000)}`],
  client_unauthenticated: ['GET /pay HTTP/1.1', 'X-Outrider-Token: another'],
  caller_denied: ['GET /pay HTTP/1.1', `X-Outrider-Token: ${LIMITED}`],
  caller_limited: ['GET /id HTTP/1.1', `X-Outrider-Token: ${LIMITED}`],
  host_denied: ['GET /pay HTTP/1.1', 'Host: evil.example'],
  origin_denied: ['GET /pay HTTP/1.1', 'Origin: https://evil.example'],
  destination_denied: ['GET http://other.example/pay HTTP/1.1'],
  token_endpoint_denied: ['GET /id/token HTTP/1.1'],
  route_not_found: ['GET /nowhere HTTP/1.1'],
  method_not_allowed: ['DELETE /signed/payments HTTP/1.1'],
  body_too_large: post('/signed/payments', 'application/json', JSON.stringify('x'.repeat(3_000))),
  bad_body: post('/signed/payments', 'application/json', '{"amount":'),
  unsupported_expectation: ['GET /pay HTTP/1.1', 'Expect: miracles'],
  loop_detected: ['GET /pay HTTP/1.1', 'Via: 1.1 @'],
  upstream_unreachable: ['GET /refused HTTP/1.1'],
  upstream_failed: ['GET /pay/reset HTTP/1.1'],
  upstream_bad_response: ['GET /pay/garbage HTTP/1.1'],
  upstream_timeout: ['GET /pay/silence HTTP/1.1'],
  token_unavailable: ['GET /oauth/payments HTTP/1.1'],
  internal_error: ['GET /throws HTTP/1.1'],
} satisfies Partial<Record<ErrorCode, Lines>>;

async function given(t: ExecutionContext): Promise<{ outrider: Outrider; alias: string; tokenHost: string }> {
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    if (arrival.target.endsWith('/reset')) return arrival.reset();
    if (arrival.target.endsWith('/garbage')) return arrival.write('220 mail.example ESMTP\r\n');
    if (arrival.target.endsWith('/silence')) return undefined;
    return arrival.reply(arrival.target.endsWith('/throws') ? 401 : 200, { body: arrival.header('via') ?? '' });
  });
  const tokens = await startTokenEndpoint(t, ({ n }) =>
    n === 1
      ? { body: { access_token: 'first', expires_in: 60 } }
      : { status: 401, body: JSON.stringify({ error: 'invalid_client' }) },
  );
  const oauth = (name: string): string =>
    `${name}: { profile: oauth2, credentials: { client_id: me, client_secret: of-the-reference }, endpoints: { token: "${tokens.url}" } }`;
  const outrider = await startOutrider(
    t,
    `
callers:
  - { name: all, token: ${TOKEN}, routes: "*" }
  - { name: limited, token: ${LIMITED}, routes: [id], rate: 1/m }
timeouts: { response: 100ms }
limits: { signed_body: 2KiB }
profiles:
  signing:
    credentials: { salt: { secret: true } }
    sign: [{ when: { methods: [POST] }, text: "{{request.json.amount}}{{credentials.salt}}", algorithm: sha256, set: { json: hash } }]
providers:
  signed: { profile: signing, credentials: { salt: salt-of-the-reference } }
  ${oauth('throws')}
  ${oauth('oauth')}
routes:
  - { name: pay, match: { path: /pay }, upstream: "${upstream.origin}" }
  - { name: refused, match: { path: /refused }, upstream: "http://127.0.0.1:1" }
  - { name: signed, match: { path: /signed }, provider: signed, upstream: "${upstream.origin}" }
  - { name: throws, match: { path: /throws }, provider: throws, upstream: "${upstream.origin}/throws" }
  - { name: oauth, match: { path: /oauth }, provider: oauth, upstream: "${upstream.origin}" }
  - { name: id, match: { path: /id }, provider: oauth, upstream: "${tokens.url.replace(/\/[^/]*$/, '')}" }`,
  );
  outrider.app.events.on('replaySkipped', () => {
    throw new Error('what nobody foresaw');
  });
  const { text } = await outrider.call('/pay', { headers: ['X-Outrider-Token', TOKEN] });
  const warm = await outrider.call('/throws', { headers: ['X-Outrider-Token', TOKEN] });
  t.is(warm.status, 500, 'the first token is here');
  return { outrider, alias: text.replace(/^1\.1 /, ''), tokenHost: new URL(tokens.url).host };
}

function bytesOf([start = '', ...lines]: Lines): string {
  const end = lines.indexOf('');
  const [own, body] = end === -1 ? [lines, ''] : [lines.slice(0, end), lines.slice(end + 1).join('')];
  const has = (name: string): boolean => own.some((line) => line.startsWith(`${name}:`));
  const head = [
    ...(has('Host') ? [] : ['Host: localhost']),
    ...(has('X-Outrider-Token') ? [] : [`X-Outrider-Token: ${TOKEN}`]),
    `X-Request-Id: ${REQUEST_ID}`,
    ...own,
  ];
  return `${start}\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}

/** Holds an answer against what the reference shows. */
function isAsShown(t: ExecutionContext, code: ErrorCode, answer: AnswerLike, text = answer.text): void {
  const problem = JSON.parse(text) as { readonly route?: string; readonly request_id: string };
  const shown = problemJson(new OutriderError(code, ERRORS[code].example), problem.request_id, problem.route);
  t.deepEqual(problem, JSON.parse(shown), code);
  t.is(answer.status, ERRORS[code].status);
}

test('each error that one request can bring about is answered as the reference shows', async (t) => {
  const { outrider, alias, tokenHost } = await given(t);
  for (const [code, lines] of Object.entries(REQUESTS) as [ErrorCode, Lines][]) {
    const answer = await ask(t, outrider.port, bytesOf(lines).replace('@', alias));
    isAsShown(t, code, answer, answer.text.replaceAll(tokenHost, 'id.example'));
  }
});

/** What more than one request, or a long time, brings about. */
const ELSEWHERE = ['request_timeout', 'overloaded'] as const;

test('the other errors are answered as the reference shows', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `limits: { connections: 2 }\nroutes: [{ match: { path: /pay }, upstream: "${upstream.origin}" }]`,
    { clock },
  );
  const slow = await rawClient(t, outrider.port);
  await slow.send('GET /pay HTTP/1.1\r\nHo');
  const kept = await rawClient(t, outrider.port);
  await kept.send('GET /pay HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await kept.answer()).status, 200);
  const third = await ask(t, outrider.port, 'GET /pay HTTP/1.1\r\nHost: localhost\r\n\r\n');
  isAsShown(t, 'overloaded', third);
  let isClosed = false;
  slow.socket.on('end', () => (isClosed = true));
  for (let i = 0; i < 100 && !isClosed; i++) await clock.advance(1_000);
  isAsShown(t, 'request_timeout', await slow.answer());
});

const ADMIN_TOKEN = 'admin-token-of-the-reference';

/** One request for each error that only the admin address answers with. The first renewal gets the token, and the second is too soon. */
const ADMIN_REQUESTS = {
  unauthenticated: { target: '/api/status', method: 'GET', isKnown: false },
  not_found: { target: '/api/providers/nobody/renew', method: 'POST', isKnown: true },
  renewed_recently: { target: '/api/providers/oauth/renew', method: 'POST', isKnown: true },
  invalid_config: { target: '/api/reload', method: 'POST', isKnown: true },
} satisfies Partial<Record<ErrorCode, object>>;

test('each error of the admin address is answered as the reference shows', async (t) => {
  const clock = fakeClock();
  const tokens = await startTokenEndpoint(t);
  const outrider = await startOutrider(
    t,
    `
admin: { address: 127.0.0.1:0, token: ${ADMIN_TOKEN} }
providers: { oauth: { profile: oauth2, credentials: { client_id: me, client_secret: of-the-reference }, endpoints: { token: "${tokens.url}" } } }
routes: [{ match: { path: /pay }, provider: oauth, upstream: "http://127.0.0.1:1" }]`,
    { clock },
  );
  const admin = outrider.adminOrigin ?? '';
  const known = ['Authorization', `Bearer ${ADMIN_TOKEN}`];
  const renewed = await httpCall(admin, '/api/providers/oauth/renew', { method: 'POST', headers: known });
  t.is(renewed.status, 200, renewed.text);
  await clock.advance(3_000);
  writeFileSync(outrider.app.config.file, 'routes: none');
  for (const [code, { target, method, isKnown }] of Object.entries(ADMIN_REQUESTS)) {
    const answer = await httpCall(admin, target, { method, headers: isKnown ? known : [] });
    // The problems of the config stand beside what every error says.
    const { diagnostics, ...problem } = JSON.parse(answer.text) as { readonly diagnostics?: unknown };
    t.is(diagnostics !== undefined, code === 'invalid_config');
    isAsShown(t, code as ErrorCode, answer, JSON.stringify(problem));
  }
});

/** What the listener of callbacks answers, by what an application does. */
const CALLBACKS = ['callback_rejected', 'callback_undeliverable'] as const;

test('each error of a callback is answered as the reference shows', async (t) => {
  const { send } = await startCallbacks(t, { shop: (arrival) => arrival.reply(500) });
  const [rejected, undeliverable] = CALLBACKS;
  isAsShown(t, rejected, await send('/callbacks/payu', { headers: [], body: '' }));
  isAsShown(t, undeliverable, await send('/callbacks/payu', payuForm()));
});

test('there is an answer for each error', (t) => {
  const shown = [...Object.keys(REQUESTS), ...ELSEWHERE, ...CALLBACKS, ...Object.keys(ADMIN_REQUESTS)];
  t.deepEqual(shown.toSorted(), Object.keys(ERRORS).toSorted());
});
