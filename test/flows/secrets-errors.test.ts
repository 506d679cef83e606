import test from 'ava';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts';
import { keepSecret } from '../helpers/canary.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { ask } from '../helpers/raw.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';

const SECRETS = {
  TOKEN: 'canary-access-token-of-callers',
  CLIENT: 'canary/client+secret=',
  KEY: 'canary-query-key&value',
  PASSWORD: 'canary-basic-password',
  SALT: 'canary-salt-of-signatures',
} as const;
for (const [name, secret] of Object.entries(SECRETS)) keepSecret(name, secret);

interface Case {
  readonly code: ErrorCode;
  readonly method?: string;
  readonly target: string;
  /** Header lines, each with its end. */
  readonly more?: string;
  readonly without?: RegExp;
  readonly body?: string;
}

const post = (target: string, type: string, body: string): Pick<Case, 'method' | 'target' | 'more' | 'body'> => ({
  method: 'POST',
  target,
  more: `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`,
  body,
});

const CASES: readonly Case[] = [
  { code: 'bad_request', target: '/ok', more: 'Broken : 1\r\n' },
  { code: 'bad_request', target: '/ok/../x' },
  { code: 'uri_too_long', target: `/ok/${'x'.repeat(9_000)}` },
  { code: 'headers_too_large', target: '/ok', more: `X-Long: ${'x'.repeat(20_000)}\r\n` },
  { code: 'client_unauthenticated', target: '/ok', without: /X-Outrider-Token: .*\r\n/ },
  { code: 'host_denied', target: '/ok', without: /Host: .*\r\n/, more: 'Host: evil.test\r\n' },
  { code: 'origin_denied', target: '/ok', more: 'Origin: https://evil.test\r\n' },
  { code: 'destination_denied', target: 'http://evil.test/ok' },
  { code: 'token_endpoint_denied', target: '/id/oauth/token' },
  { code: 'route_not_found', target: '/nowhere' },
  { code: 'method_not_allowed', method: 'TRACE', target: '/ok' },
  { code: 'method_not_allowed', method: 'DELETE', target: '/sign' },
  { code: 'body_too_large', ...post('/sign', 'application/json', JSON.stringify('x'.repeat(3_000))) },
  { code: 'bad_body', ...post('/sign', 'application/json', 'canary-no-json') },
  { code: 'unsupported_expectation', target: '/ok', more: 'Expect: miracles\r\n' },
  { code: 'loop_detected', target: '/ok', more: 'Via: 1.1 @\r\n' },
  { code: 'upstream_unreachable', target: '/refused/x' },
  { code: 'upstream_unreachable', target: '/untrusted/x' },
  { code: 'upstream_unreachable', target: '/no-tls/x' },
  { code: 'upstream_failed', target: '/ok/reset' },
  { code: 'upstream_bad_response', target: '/ok/garbage' },
  { code: 'upstream_timeout', target: '/ok/silence' },
  { code: 'token_unavailable', target: '/oauth/x' },
  { code: 'internal_error', target: '/throws/x' },
];
/**
 * Held in files of their own, under the same eyes: a slow head takes its time, a flood needs many callers, `callers` replace
 * access tokens, callbacks have a listener of their own, and the last four are answers of the admin address.
 */
const ELSEWHERE: readonly ErrorCode[] = [
  'request_timeout',
  'overloaded',
  'caller_denied',
  'caller_limited',
  'callback_rejected',
  'callback_undeliverable',
  'unauthenticated',
  'not_found',
  'invalid_config',
  'renewed_recently',
];

test('every error, with secrets all over the request and the config, tells none of them at level debug', async (t) => {
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    const { target, head } = arrival;
    if (target.includes('/reset')) return arrival.reset();
    if (target.includes('/garbage')) return arrival.write(`HTTP/1.1 200 ${head.replaceAll(':', '')}`);
    if (target.includes('/silence')) return undefined;
    return arrival.reply(target.includes('/throws') ? 401 : 200, { body: head });
  });
  const untrusted = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const tokens = await startTokenEndpoint(t, ({ n, body }) =>
    n === 1 ? { body: { access_token: 'canary-first-token', expires_in: 60 } } : { status: 400, body },
  );
  const oauth = (name: string): string =>
    `${name}: { profile: oauth2, credentials: { client_id: me, client_secret: "${SECRETS.CLIENT}" }, endpoints: { token: "${tokens.url}" } }`;
  const route = (name: string, provider: string, origin = upstream.origin): string =>
    `- { name: ${name}, match: { path: /${name} }, provider: ${provider}, upstream: "${origin}/${name}" }`;
  const outrider = await startOutrider(
    t,
    `
listen: { address: 127.0.0.1:0, access_tokens: ["${SECRETS.TOKEN}"] }
admin: { address: 127.0.0.1:0, token: canary-token-of-the-admin-api }
log: { level: debug, format: json }
timeouts: { response: 200ms, connect: 2s }
limits: { signed_body: 2KiB }
profiles:
  signing:
    credentials: { salt: { secret: true } }
    sign:
      - { when: { methods: [POST] }, text: "{{request.json.id}}{{credentials.salt}}", algorithm: sha256, set: { json: hash } }
providers:
  key: { profile: query-key, credentials: { name: key, value: "${SECRETS.KEY}" } }
  basic: { profile: basic, credentials: { username: me, password: "${SECRETS.PASSWORD}" } }
  sign: { profile: signing, credentials: { salt: "${SECRETS.SALT}" } }
  ${oauth('throwing')}
  ${oauth('oauth')}
routes:
  ${route('ok', 'key')}
  ${route('sign', 'sign')}
  ${route('refused', 'basic', 'http://127.0.0.1:1')}
  ${route('untrusted', 'basic', untrusted.origin)}
  ${route('no-tls', 'key', new URL(tokens.url).origin.replace('http:', 'https:'))}
  ${route('throws', 'throwing')}
  ${route('oauth', 'oauth')}
  - { name: id, match: { path: /id }, provider: oauth, upstream: "${new URL(tokens.url).origin}" }`,
  );
  // In the midst of an exchange, where nobody foresees it.
  outrider.app.events.on('replaySkipped', () => {
    const cause = Object.assign(new Error(`within ${SECRETS.CLIENT}`), { raw: SECRETS.KEY });
    throw new Error('thrown with canary-first-token', { cause });
  });

  const line = [
    'Host: localhost',
    'Authorization: Bearer canary-of-the-caller',
    'Cookie: session=canary-cookie-of-the-caller',
    `X-Outrider-Token: ${SECRETS.TOKEN}`,
    `X-Request-Id: ${SECRETS.PASSWORD}`,
  ].join('\r\n');
  const first = await outrider.call('/throws/x', { headers: ['X-Outrider-Token', SECRETS.TOKEN] });
  const pseudonym = /outrider-\w+/.exec(upstream.requests[0]?.header('via') ?? '')?.[0] ?? '';
  t.is(first.status, 500);

  for (const { code, method = 'GET', target, more = '', without = /(?!)/, body = '' } of CASES) {
    const head = `${line}\r\n`.replace(without, '') + more.replace('@', pseudonym);
    const query = target.length > 1_000 ? '' : `?q=canary-query-of-the-caller&key=${encodeURIComponent(SECRETS.SALT)}`;
    const answer = await ask(t, outrider.port, `${method} ${target}${query} HTTP/1.1\r\n${head}\r\n${body}`);
    const problem = JSON.parse(answer.text) as { code: string };
    t.is(problem.code, code, answer.text);
    t.notRegex(answer.text + answer.head, /canary-(?!basic-password)/, 'not even what the caller said');
  }
  // What node:http itself refuses has no line.
  const lines = await outrider.logged(CASES.length - 2);
  t.true(lines.every(({ path }) => !path.includes('?')));
  t.regex(outrider.logText(), /"code":"internal_error".*"stack":/, 'positive control: this is level debug');
  t.deepEqual(
    Object.keys(ERRORS).filter(
      (code) => !CASES.some((each) => each.code === code) && !ELSEWHERE.includes(code as ErrorCode),
    ),
    [],
  );
});
