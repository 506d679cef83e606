import test from 'ava';
import { configFile, run } from '../commands/run.ts';
import { fakeClock } from '../helpers/clock.ts';
import { assertProblem } from '../helpers/problem.ts';
import { granted, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import type { TokenAnswer } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { startPiece, yamlOfPiece } from './given.ts';
import { BLOCKS, blockOf, PAGE } from './page.ts';

// What the page says of tokens: each piece runs in a proxy, against a token endpoint that answers as the page shows.

const BEARER = { inject: { headers: { authorization: '{{token.token_type}} {{token.access_token}}' } } };

test('words: a list in the form, an answer that is a form, two dates, and codes of its own', async (t) => {
  const clock = fakeClock(Date.UTC(2026, 11, 1, 12));
  const [, form = ''] = /It may answer `(\S+)`/.exec(PAGE) ?? [];
  let answer: TokenAnswer = { body: form };
  const tokens = await startTokenEndpoint(t, () => answer);
  const upstream = await startUpstream(t);
  const provider = { endpoints: { token: tokens.url } };
  const outrider = await startPiece(t, 'words', upstream.origin, { clock, profile: BEARER, provider });
  const call = async () => outrider.call('/p/x');

  t.is((await call()).status, 200);
  t.is(upstream.requests[0]?.header('authorization'), 'Bearer t1');
  t.is(
    tokens.calls[0]?.body,
    'grant_type=client_credentials&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example',
  );
  await clock.advance(150_000);
  t.is((await call()).status, 200);
  t.is(tokens.calls.length, 1, 'kept for half of its five minutes');
  answer = { status: 400, body: 'code=BAD_KEY' };
  await clock.advance(151_000);
  const { host } = new URL(tokens.url);
  const { detail } = assertProblem(t, await call(), { status: 503, code: 'token_unavailable', route: 'p' });
  t.is(detail, `${host} refused the credentials: invalid_client (status 400)`);
  t.true(outrider.logText().includes('refused the credentials: invalid_client'));
});

test('words: without the dates the claims of the token itself say when it ends', async (t) => {
  const clock = fakeClock();
  const tokens = await startTokenEndpoint(t, ({ n }) => ({ body: `token=${jwt({ iat: 1_000, exp: 1_060, n })}` }));
  const upstream = await startUpstream(t);
  const provider = { endpoints: { token: tokens.url } };
  const outrider = await startPiece(t, 'words', upstream.origin, { clock, profile: BEARER, provider });
  for (const [wait, calls] of [
    [0, 1],
    [30_000, 1],
    [31_000, 2],
  ] as const) {
    await clock.advance(wait);
    t.is((await outrider.call('/p/x')).status, 200);
    t.true(calls === 1 ? tokens.calls.length === 1 : tokens.calls.length >= calls);
  }
});

const jwt = (claims: object): string =>
  ['{"alg":"none"}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');

test('text: its own User-Agent, a list in the query, a bare token, and codes that only it knows', async (t) => {
  const clock = fakeClock();
  const token = jwt({ iat: 1_000, exp: 4_600 });
  let answer: TokenAnswer = { headers: { 'content-type': 'text/plain' }, body: `\r\n${token}\n` };
  const tokens = await startTokenEndpoint(t, () => answer);
  const upstream = await startUpstream(t);
  const outrider = await startPiece(t, 'text', upstream.origin, {
    clock,
    profile: { ...BEARER, credentials: { key: { secret: true } } },
    provider: { endpoints: { token: tokens.url }, credentials: { key: 'k-1' } },
  });
  t.is((await outrider.call('/p/x')).status, 200);
  t.is(upstream.requests[0]?.header('authorization'), `Bearer ${token}`);
  const [call] = tokens.calls;
  t.like(call, { method: 'GET', body: '' });
  t.like(call?.headers, { 'user-agent': 'shop/2.1 (payments@shop.example)', 'x-api-key': 'k-1' });
  t.true(call?.url.endsWith('?audience=orders&audience=refunds'));

  const { host } = new URL(tokens.url);
  for (const [body, says] of [
    ['{"error":{"code":"KEY_SUSPENDED"}}', `${host} refused the call: KEY_SUSPENDED (status 403)`],
    ['{"error":{"code":"SOMETHING"}}', `${host} refused the call (status 403, application/json)`],
  ] as const) {
    answer = { status: 403, body };
    await clock.advance(3_601_000);
    const problem = assertProblem(t, await outrider.call('/p/x'), { status: 503, code: 'token_unavailable' });
    t.is(problem.detail, says);
  }
});

test('a token call says who calls where the profile does not', async (t) => {
  const tokens = await startTokenEndpoint(t);
  const upstream = await startUpstream(t);
  const provider = { endpoints: { token: tokens.url } };
  const outrider = await startPiece(t, 'words', upstream.origin, {
    profile: { token: { fetch: { url: '{{endpoints.token}}' } } },
    provider,
  });
  t.is((await outrider.call('/p/x')).status, 200);
  t.regex(tokens.calls[0]?.headers['user-agent'] ?? '', /^outrider\/\d+\.\d+\.\d+$/);
});

test('doubts: what the command prints, and the log once for all tokens', async (t) => {
  const odd = { expires_at: '2026-12-01T00:00:00Z', expires_in: 3_600_000 };
  const tokens = await startTokenEndpoint(t, ({ n }) => ({ body: { access_token: `token-${n}`, ...odd } }));
  const provider = { endpoints: { token: tokens.url } };
  const yaml = yamlOfPiece('doubts', 'https://api.example', {
    file: {
      providers: { acme: { profile: 'own', ...provider } },
      routes: [{ match: { path: '/acme' }, provider: 'acme', upstream: 'https://api.example' }],
    },
  });
  const { dir } = configFile(t, `version: 1\n${yaml}`);
  const printed = BLOCKS[BLOCKS.indexOf(blockOf('piece', 'doubts')) + 1];
  const [command = '', dots, ...warnings] = (printed?.text ?? '').trimEnd().split('\n');
  t.deepEqual([command, dots, warnings.length], ['$ outrider token acme', '…', 4]);
  const { code, stdout, stderr } = await run(t, ['token', 'acme'], { cwd: dir });
  t.is(code, 0, stderr);
  t.regex(stdout, /^expires .* \(in 41d 16h\)$/m);
  t.is(stderr.trimEnd(), warnings.join('\n'));

  const upstream = await startUpstream(t, (arrival) =>
    arrival.reply(arrival.header('authorization') === `Bearer token-${tokens.calls.length}` ? 200 : 401),
  );
  const clock = fakeClock();
  const outrider = await startPiece(t, 'doubts', upstream.origin, { clock, profile: BEARER, provider });
  t.is((await outrider.call('/p/x')).status, 200);
  await clock.advance(10_000);
  upstream.handler = (arrival) => arrival.reply(arrival.header('authorization') === 'Bearer token-3' ? 200 : 401);
  t.is((await outrider.call('/p/x')).status, 200, 'a second token');
  for (const kind of ['unreadable_expiry', 'implausible_expiry'])
    t.is(outrider.logText().split(`"code":"${kind}"`).length, 2, kind);
});

test('placeholder: a program that fetches a token itself gets its fields, a number among them', async (t) => {
  const tokens = await startTokenEndpoint(t, () => granted('real'));
  const upstream = await startUpstream(t);
  const clock = fakeClock();
  const outrider = await startPiece(t, 'placeholder', upstream.origin, {
    clock,
    profile: BEARER,
    provider: { endpoints: { token: tokens.url }, scope: ['pay', 'refund'] },
    file: { forward: { mode: 'plain' } },
  });
  const { status, text } = await outrider.call(tokens.url, { method: 'POST' });
  t.is(status, 200);
  const answer = JSON.parse(text) as Record<string, unknown>;
  const token = String(answer['access_token']);
  t.regex(token, /^outrider-placeholder-/);
  t.like(answer, {
    encrypted_access_token: token,
    session_expires_at: Math.floor(clock.now() / 1000) + 3_600,
    scope: 'pay refund',
  });
  t.is(tokens.calls.length, 0);
  t.is((await outrider.call('/p/x', { headers: ['Authorization', `Bearer ${token}`] })).status, 200);
  t.is(upstream.requests[0]?.header('authorization'), 'Bearer real');
});

interface Rejection {
  readonly status: number;
  readonly headers?: readonly string[];
  readonly body?: string;
}

const REJECTIONS: Readonly<Record<string, Rejection>> = {
  'a 401': { status: 401 },
  'a 412': { status: 412 },
  'a header': { status: 400, headers: ['WWW-Authenticate', 'Bearer error="invalid_token"'] },
  'one field of a 200': { status: 200, body: '{"error":{"code":"E_TOKEN"}}' },
  'a number in a 200': { status: 200, body: '{"error":{"code":1007}}' },
  'two fields of a 400': { status: 400, body: '{"error":{"type":"auth","reason":"expired"}}' },
};

const OTHERS: Readonly<Record<string, Rejection>> = {
  'another header': { status: 400, headers: ['WWW-Authenticate', 'Bearer error="insufficient_scope"'] },
  'the header at another status': { status: 403, headers: ['WWW-Authenticate', 'Bearer error="invalid_token"'] },
  'another code': { status: 200, body: '{"error":{"code":"E_AMOUNT"}}' },
  'one of two fields': { status: 400, body: '{"error":{"type":"auth","reason":"locked"}}' },
  'the other of two fields': { status: 400, body: '{"error":{"type":"card","reason":"expired"}}' },
};

for (const [what, { status, headers, body }] of Object.entries({ ...REJECTIONS, ...OTHERS })) {
  const isRejection = what in REJECTIONS;
  test(`renew: ${what} (${status}) is ${isRejection ? 'a rejection' : 'the caller’s to see'}`, async (t) => {
    const tokens = await startTokenEndpoint(t);
    const upstream = await startUpstream(t, async (arrival, index) => {
      await arrival.body();
      // The first request makes the token old enough to be rejected.
      const isFine = index === 1 || (isRejection && arrival.header('authorization') === 'Bearer token-2');
      if (isFine) return arrival.reply(200, { body: '{}' });
      return arrival.reply(status, { headers: headers ?? [], body: body ?? '{}' });
    });
    const clock = fakeClock();
    const outrider = await startPiece(t, 'renew', upstream.origin, {
      clock,
      profile: { ...BEARER, token: { fetch: { url: '{{endpoints.token}}' } } },
      provider: { endpoints: { token: tokens.url } },
    });
    t.is((await outrider.call('/p/x')).status, 200);
    await clock.advance(60_000);
    const answer = await outrider.call('/p/x', { body: '{"amount":1}' });
    if (isRejection) t.deepEqual([answer.status, answer.text, tokens.calls.length], [200, '{}', 2]);
    else t.deepEqual([answer.status, answer.text, tokens.calls.length], [status, body ?? '{}', 1]);
  });
}
