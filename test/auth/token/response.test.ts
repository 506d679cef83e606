import test from 'ava';
import fc from 'fast-check';
import type { ExpirySpec, TokenSpec } from '../../../src/config/profile/profile.ts';
import type { HttpAnswer } from '../../../src/core/http.ts';
import { TokenFailure } from '../../../src/auth/token/failure.ts';
import { readTokenResponse, type TokenAnswer } from '../../../src/auth/token/answer.ts';
import { jsonAnswer, readOf } from '../helpers.ts';

const NOW = Date.UTC(2026, 0, 1);
const ARRIVAL = { atMs: NOW, host: 'id.example' };

const read = (json: unknown, parts: Partial<TokenSpec['read']> = {}, headers: readonly string[] = []): TokenAnswer =>
  readTokenResponse(readOf(parts), jsonAnswer(json, 200, headers), ARRIVAL);

const PHONEPE: readonly ExpirySpec[] = [
  { at: '/expires_at', since: '/issued_at', unit: 's' },
  { in: '/expires_in', unit: 's' },
  { at: '/session_expires_at', since: '/issued_at', unit: 's' },
];

test("PhonePe's published answer: expires_in is null, expires_at counts from issued_at, in seconds", (t) => {
  const answer = read(
    {
      access_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHBpcmVzT24iOjE3MjA2MzUzMjE5OTZ9.4YjYHI6G-SAJo',
      encrypted_access_token: 'eyJ',
      expires_in: null,
      issued_at: 1706073005,
      expires_at: 1706697605,
      session_expires_at: 1706697605,
      token_type: 'O-Bearer',
    },
    { expiry: PHONEPE },
  );
  t.is(answer.lifetimeMs, 624_600_000);
  t.is(answer.tokenType, 'O-Bearer');
  t.is(answer.refreshToken, undefined);
});

test("Pincode's published answer: milliseconds, and the earlier expiry wins by being first", (t) => {
  const answer = read(
    {
      access_token: 'a',
      refresh_token: 'r',
      expires_in: 86_400,
      issued_at: 1_700_000_000_000,
      expires_at: 1_700_000_086_400,
    },
    {
      tokenType: { pointer: '/token_type', default: 'O-Bearer' },
      expiry: [
        { at: '/expires_at', since: '/issued_at', unit: 'ms' },
        { in: '/expires_in', unit: 's' },
      ],
    },
  );
  t.deepEqual(answer, { accessToken: 'a', tokenType: 'O-Bearer', refreshToken: 'r', lifetimeMs: 86_400 });
});

for (const [what, json, lifetimeMs] of [
  ['a number', { expires_in: 7200 }, 7_200_000],
  ['a decimal string', { expires_in: '3599' }, 3_599_000],
  ['a fraction', { expires_in: 1.5 }, 1_500],
  ['a decimal string with a fraction', { expires_in: '0.25' }, 250],
  ['zero', { expires_in: 0 }, 0],
  ['a negative number', { expires_in: -30 }, -30_000],
  ['a negative string', { expires_in: '-1' }, -1_000],
  ['null', { expires_in: null }, 600_000],
  ['nothing', {}, 600_000],
  ['a boolean', { expires_in: true }, 600_000],
  ['an object', { expires_in: {} }, 600_000],
  ['a word', { expires_in: 'soon' }, 600_000],
  ['an empty text', { expires_in: '' }, 600_000],
  ['an exponent in a text', { expires_in: '1e3' }, 600_000],
  ['hex in a text', { expires_in: '0x10' }, 600_000],
  ['NaN in a text', { expires_in: 'NaN' }, 600_000],
  ['Infinity in a text', { expires_in: 'Infinity' }, 600_000],
] as const) {
  test(`a lifetime given as ${what} is ${lifetimeMs} ms`, (t) => {
    t.is(read({ access_token: 'a', ...json }).lifetimeMs, lifetimeMs);
  });
}

test('the first source that yields a number wins', (t) => {
  const expiry = PHONEPE;
  const base = { access_token: 'a', issued_at: 1000 };
  t.is(read({ ...base, expires_at: 1060, expires_in: 5 }, { expiry }).lifetimeMs, 60_000);
  t.is(read({ ...base, expires_at: null, expires_in: 5 }, { expiry }).lifetimeMs, 5_000);
  t.is(read({ ...base, expires_in: 'x', session_expires_at: '1090' }, { expiry }).lifetimeMs, 90_000);
  t.is(read({ access_token: 'a', expires_at: 1060, expires_in: 5 }, { expiry }).lifetimeMs, 5_000, 'no issued_at');
  t.is(read({ ...base, expires_at: 900, expires_in: 5 }, { expiry }).lifetimeMs, -100_000, 'a number is a number');
});

test('a moment without `since` is corrected by the Date of the answer', (t) => {
  const expiry = [{ at: '/expires_on', since: undefined, unit: 's' }] as const;
  const skewed = NOW + 600_000;
  const json = { access_token: 'a', expires_on: String(skewed / 1000 + 3600) };
  t.is(read(json, { expiry }, ['Date', new Date(skewed).toUTCString()]).lifetimeMs, 3_600_000);
  t.is(read(json, { expiry }).lifetimeMs, 4_200_000);
  t.is(read(json, { expiry }, ['Date', 'yesterday']).lifetimeMs, 4_200_000);
});

test('huge numbers stay in bounds', (t) => {
  for (const huge of ['1e300', '1e308', '9'.repeat(300), '-1e308', '1e400']) {
    const answer: HttpAnswer = {
      status: 200,
      headers: [],
      body: Buffer.from(`{"access_token":"a","expires_in":${huge},"expires_at":${huge},"issued_at":${huge}}`),
    };
    for (const expiry of [
      PHONEPE,
      [{ in: '/expires_in', unit: 'ms' }],
      [{ at: '/expires_at', since: undefined, unit: 's' }],
    ]) {
      const { lifetimeMs } = readTokenResponse(readOf({ expiry: expiry as readonly ExpirySpec[] }), answer, ARRIVAL);
      t.true(Number.isSafeInteger(NOW + lifetimeMs), `${huge}: ${lifetimeMs}`);
    }
  }
});

test('pointers reach into nested answers, and never into prototypes', (t) => {
  const parts = {
    accessToken: { pointer: '/data/0/a~1b/~0t', default: undefined },
    expiry: [{ in: '/data/0/expiresIn', unit: 'ms' }],
  } as const;
  t.like(read({ data: [{ 'a/b': { '~t': 'deep' }, expiresIn: 9 }] }, parts), { accessToken: 'deep', lifetimeMs: 9 });
  for (const pointer of ['/constructor/name', '/__proto__', '/access_token/length', '/toString']) {
    t.throws(() => read({ access_token: 'x' }, { accessToken: { pointer, default: undefined } }), {
      instanceOf: TokenFailure,
    });
  }
});

test('a token type that is fixed or absent is the default', (t) => {
  t.is(
    read({ access_token: 'a', token_type: 'X' }, { tokenType: { pointer: undefined, default: 'Y' } }).tokenType,
    'Y',
  );
  t.is(read({ access_token: 'a', token_type: null }).tokenType, 'Bearer');
  t.is(read({ access_token: 'a', token_type: '' }).tokenType, 'Bearer');
});

for (const [what, body] of [
  ['no token', '{}'],
  ['null', '{"access_token":null}'],
  ['an empty token', '{"access_token":""}'],
  ['a blank token', '{"access_token":"  "}'],
  ['a number', '{"access_token":12345678}'],
  ['an object', '{"access_token":{"a":1}}'],
  ['a token with a line break', '{"access_token":"SECRET\\r\\nX-Evil: 1"}'],
  ['a token with NUL', '{"access_token":"SECRET\\u0000"}'],
  ['a token outside ASCII', '{"access_token":"SECRETé"}'],
  ['a type with a line break', '{"access_token":"SECRET","token_type":"a\\nb"}'],
  ['HTML', '<html>SECRET</html>'],
  ['nothing at all', ''],
  ['an array', '["SECRET"]'],
  ['a scalar', '"SECRET"'],
  ['half a JSON', '{"access_token":"SECRET"'],
] as const) {
  test(`an answer with ${what} is a failure that does not quote it`, (t) => {
    const answer = { status: 200, headers: [], body: Buffer.from(body) };
    const error = t.throws(() => readTokenResponse(readOf(), answer, ARRIVAL), { instanceOf: TokenFailure });
    t.is(error.failure, 'bad_answer');
    t.notRegex(`${error.message}${error.stack}${String(error.cause)}`, /SECRET|Evil/);
  });
}

test('broken UTF-8 is a failure', (t) => {
  const body = Buffer.from('{"access_token":"\xff"}', 'latin1');
  t.throws(() => readTokenResponse(readOf(), { status: 200, headers: [], body }, ARRIVAL), {
    instanceOf: TokenFailure,
  });
});

for (const [status, failure] of [
  [400, 'refused'],
  [401, 'refused'],
  [403, 'refused'],
  [404, 'refused'],
  [408, 'down'],
  [429, 'busy'],
  [500, 'down'],
  [503, 'down'],
  [302, 'bad_answer'],
  [304, 'bad_answer'],
] as const) {
  test(`status ${status} is: ${failure}`, (t) => {
    const answer = jsonAnswer({ access_token: 'never used', error: 'SECRET' }, status);
    const error = t.throws(() => readTokenResponse(readOf(), answer, ARRIVAL), { instanceOf: TokenFailure });
    t.is(error.failure, failure);
    t.regex(error.detail, new RegExp(String(status)));
    t.notRegex(error.detail, /SECRET/);
  });
}

test('429 may say when to come back: in seconds, or as a date, compared with its own clock', (t) => {
  const after = (headers: readonly string[]): number | undefined =>
    t.throws(() => readTokenResponse(readOf(), jsonAnswer({}, 429, headers), ARRIVAL), { instanceOf: TokenFailure })
      .retryAfterMs;
  const at = (ms: number): string => new Date(ms).toUTCString();
  t.is(after(['Retry-After', '7']), 7_000);
  t.is(after(['Retry-After', at(NOW + 30_000)]), 30_000);
  t.is(after(['Retry-After', at(NOW + 630_000), 'Date', at(NOW + 600_000)]), 30_000);
  t.is(after(['Retry-After', at(NOW - 30_000)]), 0);
  t.is(after(['Retry-After', 'whenever']), undefined);
  t.is(after([]), undefined);
  t.is(after(['Retry-After', '99999999999']), 3_600_000);
});

test('property: no answer is anything but a token or a failure', (t) => {
  const json = fc.oneof(
    fc.json(),
    fc
      .record({ access_token: fc.jsonValue(), token_type: fc.jsonValue(), expires_in: fc.jsonValue() })
      .map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), json, (status, body) => {
      try {
        const answer = readTokenResponse(readOf(), { status, headers: [], body: Buffer.from(body) }, ARRIVAL);
        t.true(status >= 200 && status < 300);
        t.regex(answer.accessToken, /^[\t\x20-\x7e]+$/);
        t.true(Number.isSafeInteger(answer.lifetimeMs));
      } catch (error) {
        t.true(error instanceof TokenFailure, String(error));
      }
    }),
  );
  t.pass();
});
