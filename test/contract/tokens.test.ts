import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { granted } from '../helpers/token-endpoint.ts';
import type { TokenAnswer } from '../helpers/token-endpoint.ts';
import { givenTokens } from './given.ts';

const SINCE = '[{ at: /expires_at, since: /issued_at, unit: s }, { in: /expires_in, unit: s }]';
const MINUTE = 60_000;

/** What a token answer says of its expiry, by which source, and the lifetime in seconds that follows. */
const LIFETIMES: Readonly<Record<string, readonly [string, Readonly<Record<string, unknown>>, number]>> = {
  'expires_in in seconds': ['[{ in: /expires_in, unit: s }]', { expires_in: 100 }, 100],
  'expires_in as a decimal string': ['[{ in: /expires_in, unit: s }]', { expires_in: '100' }, 100],
  'expires_in in milliseconds': ['[{ in: /expires_in, unit: ms }]', { expires_in: 100_000 }, 100],
  'expires_at since issued_at': [SINCE, { expires_at: 1_706_073_105, issued_at: 1_706_073_005, expires_in: 5 }, 100],
  'expires_at since issued_at in milliseconds': [
    '[{ at: /expires_at, since: /issued_at, unit: ms }]',
    { expires_at: 1_706_073_100_000, issued_at: 1_706_073_000_000 },
    100,
  ],
  'the next source when the first is null': [SINCE, { expires_at: null, issued_at: 1, expires_in: 100 }, 100],
  'the next source when `since` is missing': [SINCE, { expires_at: 1_706_073_105, expires_in: 100 }, 100],
  'the next source when the first is no number': [
    SINCE,
    { expires_at: 'soon', issued_at: 'now', expires_in: 100 },
    100,
  ],
  'lifetime_default when no source yields': [SINCE, { expires_in: null }, 600],
  'lifetime_default when the number is an object': [SINCE, { expires_in: { s: 5 } }, 600],
  'a nested source': ['[{ in: /data/expiresIn, unit: s }]', { data: { expiresIn: 100 } }, 100],
};

for (const [what, [expiry, fields, seconds]] of Object.entries(LIFETIMES)) {
  test(`rule 27: the expiry follows ${what}`, async (t) => {
    const { outrider, tokens, clock, upstream } = await givenTokens(t, {
      expiry,
      renew: '{ ahead: 1ms }',
      script: ({ n }) => ({ body: { access_token: `token-${n}`, ...fields } }),
    });
    await outrider.call('/api/x');
    await clock.advance(seconds * 1000 - 1_000);
    await outrider.call('/api/x');
    t.is(tokens.calls.length, 1);
    await clock.advance(1_001);
    await outrider.call('/api/x');
    t.is(tokens.calls.length, 2);
    t.is(upstream.requests.at(-1)?.header('authorization'), 'Bearer token-2');
  });
}

for (const skewMs of [-10 * MINUTE, 10 * MINUTE]) {
  test(`rule 27: an endpoint whose clock is ${skewMs / MINUTE} minutes off costs nothing`, async (t) => {
    const { outrider, tokens, clock } = await givenTokens(t, {
      expiry: '[{ at: /expires_at, unit: s }]',
      renew: '{ ahead: 1ms }',
      script: ({ n }): TokenAnswer => {
        const theirs = clock.now() + skewMs;
        return {
          headers: { date: new Date(theirs).toUTCString() },
          body: { access_token: `token-${n}`, expires_at: Math.floor(theirs / 1000) + 300 },
        };
      },
    });
    for (const advanceMs of [0, 290_000]) {
      await clock.advance(advanceMs);
      t.is((await outrider.call('/api/x')).status, 200);
      t.is(tokens.calls.length, 1);
    }
    await clock.advance(11_000);
    t.is((await outrider.call('/api/x')).status, 200);
    t.is(tokens.calls.length, 2);
  });
}

for (const lifetime of [0, -1, -86_400]) {
  test(`rule 27: a lifetime of ${lifetime} counts as the cooldown and is logged`, async (t) => {
    const { outrider, tokens, clock } = await givenTokens(t, { script: ({ n }) => granted(`token-${n}`, lifetime) });
    for (let i = 0; i < 10; i++) t.is((await outrider.call('/api/x')).status, 200);
    t.is(tokens.calls.length, 1);
    await clock.advance(5_001);
    t.is((await outrider.call('/api/x')).status, 200);
    t.is(tokens.calls.length, 2);
    const notices = outrider
      .logText()
      .split('\n')
      .filter((line) => /"level":"warn"/.test(line) && /lifetime|expir/i.test(line));
    t.true(notices.length > 0, outrider.logText());
  });
}

test('rule 27: renewals are at least the cooldown apart, however short the lifetime', async (t) => {
  const { outrider, tokens, clock } = await givenTokens(t, { script: ({ n }) => granted(`token-${n}`, 1) });
  for (let i = 0; i < 40; i++) {
    await outrider.call('/api/x');
    await clock.advance(500);
  }
  t.true(tokens.calls.length <= 21, `${tokens.calls.length} token calls in 20 s for tokens that live 1 s`);
});

test('rule 28: renewal runs in the background in the last part; requests use the old token and never wait', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens, clock } = await givenTokens(t, {
    script: async ({ n }) => {
      if (n > 1) await held.opened;
      return granted(`token-${n}`, 100);
    },
  });
  await outrider.call('/api/x');
  await clock.advance(79_000);
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(tokens.calls.length, 1, 'not before the last part');
  for (let second = 80; second < 100 && tokens.calls.length === 1; second++) {
    await clock.advance(1_000);
    t.is((await outrider.call('/api/x')).status, 200);
  }
  await tokens.call(2);
  for (let i = 0; i < 5; i++) t.is((await outrider.call('/api/x')).status, 200);
  t.true(upstream.requests.every((request) => request.header('authorization') === 'Bearer token-1'));
  held.open();
  await until('the renewal to end', () => tokens.underWay === 0);
  const used = (): string | undefined => upstream.requests.at(-1)?.header('authorization');
  for (let i = 0; i < 100 && used() !== 'Bearer token-2'; i++) t.is((await outrider.call('/api/x')).status, 200);
  t.is(used(), 'Bearer token-2');
  t.is(tokens.calls.length, 2);
  t.is(tokens.mostUnderWay, 1);
});

test('rule 28: a token that nobody uses is not renewed again and again', async (t) => {
  const { outrider, tokens, clock } = await givenTokens(t, { script: ({ n }) => granted(`token-${n}`, 100) });
  await outrider.call('/api/x');
  for (let i = 0; i < 100; i++) await clock.advance(10_000);
  await until('calls to settle', () => tokens.underWay === 0);
  t.true(tokens.calls.length <= 2, `${tokens.calls.length} token calls`);
});

test('rule 28: a request waits once the token has really expired, and never carries an expired one', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens, clock } = await givenTokens(t, {
    renew: '{ ahead: 1ms }',
    script: async ({ n }) => {
      if (n > 1) await held.opened;
      return granted(`token-${n}`, 100);
    },
  });
  await outrider.call('/api/x');
  await clock.advance(100_001);
  const call = outrider.call('/api/x');
  await tokens.call(2);
  t.is(upstream.requests.length, 1);
  held.open();
  t.is((await call).status, 200);
  t.is(upstream.requests[1]?.header('authorization'), 'Bearer token-2');
});

test('rule 29: the endpoint fails: a valid token is used on, attempts back off, an expired one is never sent', async (t) => {
  const { outrider, upstream, tokens, clock } = await givenTokens(t, { script: () => granted('token-1', 1_000) });
  await outrider.call('/api/x');
  tokens.script = () => ({ status: 503, body: 'down' });
  await clock.advance(800_000);
  for (let second = 800; second < 999; second++) {
    t.is((await outrider.call('/api/x')).status, 200, `at ${second} s`);
    await clock.advance(1_000);
  }
  const attempts = tokens.calls.length - 1;
  // 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 s, each spread a little.
  t.true(attempts >= 3 && attempts <= 16, `${attempts} attempts in 199 s`);
  await clock.advance(2_000);
  const answer = await outrider.call('/api/x');
  assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'api' });
  t.true(upstream.requests.every((request) => request.header('authorization') === 'Bearer token-1'));
  t.is(upstream.requests.length, 200);
});

const FAILURES: Readonly<Record<string, readonly [TokenAnswer, retryAfterMs: number]>> = {
  'a 500': [{ status: 500, body: 'x' }, 5_000],
  'a 503': [{ status: 503, body: 'x' }, 5_000],
  'a 408': [{ status: 408, body: 'x' }, 5_000],
  'a 400 (wrong credentials)': [{ status: 400, body: '{"code":"INVALID_CLIENT"}' }, 30_000],
  'a 401 (wrong credentials)': [{ status: 401, body: 'x' }, 30_000],
  'a 403': [{ status: 403, body: 'x' }, 30_000],
  'a 429 with Retry-After: 17': [{ status: 429, headers: { 'retry-after': '17' }, body: 'x' }, 17_000],
};

for (const [what, [failure, waitMs]] of Object.entries(FAILURES)) {
  test(`rule 29: ${what} with no usable token answers callers at once until the next attempt, ${waitMs / 1000} s later`, async (t) => {
    const { outrider, upstream, tokens, clock } = await givenTokens(t, { script: () => failure });
    const exactly = waitMs > 5_000;
    for (let i = 0; i < 5; i++) {
      const answer = await outrider.call('/api/x', { body: 'abc' });
      assertProblem(t, answer, { status: 503, code: 'token_unavailable' });
      const retryAfter = Number(answer.header('retry-after'));
      t.true(retryAfter >= 1 && retryAfter <= waitMs / 1000, `Retry-After: ${retryAfter}`);
      if (exactly && i === 0) t.true(retryAfter >= waitMs / 1000 - 1, `Retry-After: ${retryAfter}`);
    }
    t.is(tokens.calls.length, 1);
    if (exactly) {
      await clock.advance(waitMs - 500);
      await outrider.call('/api/x');
      t.is(tokens.calls.length, 1);
    }
    tokens.script = ({ n }) => granted(`token-${n}`);
    await clock.advance(exactly ? 501 : waitMs + 1);
    t.is((await outrider.call('/api/x')).status, 200);
    t.is(tokens.calls.length, 2);
    t.is(upstream.requests.length, 1);
  });
}

test('rule 31: at most one token call is under way, whatever asks for it', async (t) => {
  const { outrider, upstream, tokens, clock } = await givenTokens(t, { script: ({ n }) => granted(`token-${n}`, 100) });
  for (let round = 0; round < 5; round++) {
    upstream.handler = (arrival) =>
      arrival.reply(arrival.header('authorization') === `Bearer token-${tokens.calls.length}` ? 200 : 401);
    await Promise.all(Array.from({ length: 20 }, () => outrider.call('/api/x', { body: 'abc' })));
    await clock.advance(round % 2 ? 85_000 : 101_000);
  }
  t.is(tokens.mostUnderWay, 1);
});
