import test from 'ava';
import { type ExpiryWarning, readLifetime } from '../../../src/auth/token/expiry.ts';
import type { ExpirySpec } from '../../../src/config/profile/profile.ts';
import { readOf } from '../helpers.ts';

const NOW = Date.UTC(2026, 0, 1);
const DEFAULT_MS = 600_000;

function lifetime(
  expiry: readonly ExpirySpec[],
  root: unknown,
  accessToken = 'opaque',
): { ms: number; doubts: ExpiryWarning[] } {
  const doubts: ExpiryWarning[] = [];
  const read = readOf({ expiry, lifetimeDefaultMs: DEFAULT_MS });
  const ms = readLifetime(read, { root, accessToken, theirNowMs: NOW }, (doubt) => doubts.push(doubt));
  return { ms, doubts };
}

const ISO: readonly ExpirySpec[] = [{ at: '/expires', since: undefined, unit: 'iso' }];

for (const [text, offsetMs] of [
  ['2026-01-01T01:00:00Z', 3_600_000],
  ['2026-01-01t01:00:00z', 3_600_000],
  ['2026-01-01 01:00:00Z', 3_600_000],
  ['2026-01-01T06:30:00+05:30', 3_600_000],
  ['2025-12-31T20:00:00.000-05:00', 3_600_000],
  ['2026-01-01T01:00:00-00:00', 3_600_000],
  ['2026-01-01T00:00:00.5Z', 500],
  ['2026-01-01T00:00:00.1239999999Z', 123],
  ['2026-01-01T00:00:60Z', 60_000],
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29) - NOW],
] as const) {
  test(`${text} is a moment`, (t) => {
    t.deepEqual(lifetime(ISO, { expires: text }), { ms: offsetMs, doubts: [] });
  });
}

test('a moment of long ago is a moment, and no year is taken for another', (t) => {
  const century = -100 * 365 * 86_400_000;
  for (const year of ['0001', '0050'])
    t.deepEqual(lifetime(ISO, { expires: `${year}-01-01T00:00:00Z` }), { ms: century, doubts: [] });
});

for (const text of [
  '2026-12-01',
  '2026-12-01T00:00:00',
  '2026-12-01T00:00Z',
  '2026-02-30T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:60:00Z',
  '2026-01-01T00:00:61Z',
  '2026-01-01T00:00:00+24:00',
  '2026-01-01T00:00:00+05:60',
  '2026-01-01T00:00:00+0530',
  ' 2026-01-01T01:00:00Z',
  'Thu, 01 Jan 2026 01:00:00 GMT',
  '1767229200',
  1_767_229_200,
  true,
  {},
]) {
  test(`${JSON.stringify(text)} is no moment, and that is told`, (t) => {
    const { ms, doubts } = lifetime(ISO, { expires: text });
    t.is(ms, DEFAULT_MS);
    t.like(doubts, [{ code: 'unreadable_expiry' }]);
    t.regex(doubts[0]?.message ?? '', /^\/expires of the token answer .*lifetime_default/);
    t.false(doubts[0]?.message.includes(JSON.stringify(text)));
  });
}

test('two moments by the clock of the answer', (t) => {
  const source: readonly ExpirySpec[] = [{ at: '/to', since: '/from', unit: 'iso' }];
  t.is(lifetime(source, { to: '2030-01-01T00:10:00Z', from: '2030-01-01T05:30:00+05:30' }).ms, 600_000);
  t.regex(lifetime(source, { to: '2030-01-01T00:10:00Z', from: 7 }).doubts[0]?.message ?? '', /^\/from of/);
  t.regex(lifetime(source, { to: 'x', from: 7 }).doubts[0]?.message ?? '', /^\/from and \/to of/);
});

const jwt = (claims: unknown): string =>
  `eyJhbGciOiJub25lIn0.${Buffer.from(typeof claims === 'string' ? claims : JSON.stringify(claims)).toString('base64url')}.c2ln`;
const JWT: readonly ExpirySpec[] = [{ jwt: '/exp', since: undefined }];
const SINCE: readonly ExpirySpec[] = [{ jwt: '/exp', since: '/iat' }];
const nowS = NOW / 1000;

test('a claim of the access token itself, in seconds, corrected by the clock of the answer or counted from another claim', (t) => {
  t.deepEqual(lifetime(JWT, {}, jwt({ exp: nowS + 60 })), { ms: 60_000, doubts: [] });
  t.deepEqual(lifetime(JWT, {}, jwt({ exp: nowS + 0.5 })), { ms: 500, doubts: [] });
  t.deepEqual(lifetime(JWT, {}, jwt({ exp: String(nowS + 60) })), { ms: 60_000, doubts: [] });
  t.deepEqual(lifetime(SINCE, {}, jwt({ exp: 2_000, iat: 1_000 })), { ms: 1_000_000, doubts: [] });
  const nested = [{ jwt: '/a/0/b~1c', since: undefined }] as const;
  t.is(lifetime(nested, {}, jwt({ a: [{ 'b/c': nowS + 1 }] })).ms, 1_000);
  t.is(lifetime(JWT, { exp: 'never looked at' }, jwt({ exp: nowS + 60, ü: '₹' })).ms, 60_000);
});

test('a claim that is not there leads to the next source, and is no trouble', (t) => {
  const expiry = [...SINCE, { in: '/expires_in', unit: 's' } as const];
  for (const claims of [{}, { exp: null }, { exp: nowS + 60 }, { iat: 1 }]) {
    t.deepEqual(lifetime(expiry, { expires_in: 5 }, jwt(claims)), { ms: 5_000, doubts: [] });
  }
});

for (const [what, token] of [
  ['is opaque', 'SECRET'],
  ['is encrypted', 'a.b.c.d.SECRET'],
  ['has two parts', 'a.SECRET'],
  ['holds no JSON', jwt('SECRET')],
  ['holds no object', jwt('"SECRET"')],
  ['holds bytes that are no UTF-8', `a.${Buffer.from('{"exp":1,"x":"SECRET\xff"}', 'latin1').toString('base64url')}.c`],
] as const) {
  test(`a token that ${what} has no claims, which is told without it`, (t) => {
    const { ms, doubts } = lifetime(JWT, {}, token);
    t.is(ms, DEFAULT_MS);
    t.like(doubts, [{ code: 'unreadable_expiry' }]);
    t.notRegex(JSON.stringify(doubts), /SECRET/);
  });
}

test('a claim that is no number is told by its name', (t) => {
  const { ms, doubts } = lifetime(JWT, {}, jwt({ exp: 'soon' }));
  t.is(ms, DEFAULT_MS);
  t.regex(doubts[0]?.message ?? '', /^the claim \/exp of the token answer/);
  t.false(doubts[0]?.message.includes('soon'));
});

const PHONEPE: readonly ExpirySpec[] = [
  { at: '/expires_at', since: '/issued_at', unit: 's' },
  { in: '/expires_in', unit: 's' },
];

test('what is there and is no number is told, also when a later source yields; what is not there, or null, is not', (t) => {
  const told = (root: unknown): string[] =>
    lifetime(PHONEPE, root).doubts.map(({ message }) => message.split(' of ')[0] ?? '');
  t.deepEqual(told({ expires_at: '2026-12-01T00:00:00Z', issued_at: '2026-01-01T00:00:00Z' }), [
    '/issued_at and /expires_at',
  ]);
  t.deepEqual(told({ expires_at: '2026-12-01T00:00:00Z', expires_in: 60 }), ['/expires_at']);
  t.deepEqual(told({ expires_at: 5, issued_at: 'x', expires_in: 60 }), ['/issued_at']);
  t.deepEqual(told({ expires_in: '' }), ['/expires_in']);
  t.deepEqual(told({ expires_at: null, issued_at: null, expires_in: null }), []);
  t.deepEqual(told({}), []);
  t.deepEqual(told({ expires_at: 60, issued_at: 0, expires_in: 'never looked at' }), []);
});

test('a lifetime beyond 40 days is told, with its field and its days', (t) => {
  const days = 86_400;
  const codes = (root: unknown): string[] => lifetime(PHONEPE, root).doubts.map(({ code }) => code);
  t.deepEqual(codes({ expires_in: 40 * days }), []);
  t.deepEqual(codes({ expires_in: 40 * days + 1 }), ['implausible_expiry']);
  t.deepEqual(codes({ expires_at: 41 * days, issued_at: 0 }), ['implausible_expiry']);
  t.deepEqual(codes({ expires_at: 'x', expires_in: 1e300 }), ['implausible_expiry', 'unreadable_expiry']);
  t.deepEqual(codes({ expires_in: -1e300 }), []);
  const { ms, doubts } = lifetime(PHONEPE, { expires_in: 3_600_000 });
  t.is(ms, 3_600_000_000, 'it is believed all the same');
  t.regex(doubts[0]?.message ?? '', /\/expires_in .* 41 days: are milliseconds declared as seconds\?$/);
});

test('what is advised about a lifetime fits its source', (t) => {
  const advice = (expiry: ExpirySpec, root: unknown, token?: string): string => {
    const { doubts } = lifetime([expiry], root, token);
    t.is(doubts.length, 1);
    return `${doubts[0]?.message} ${doubts[0]?.help}`;
  };
  const UNIT_MS = /write `unit: ms`/;
  const far = 1e9;
  t.regex(advice({ in: '/a', unit: 's' }, { a: far }), UNIT_MS);
  t.regex(advice({ at: '/a', since: undefined, unit: 's' }, { a: nowS + far }), UNIT_MS);
  for (const text of [
    advice({ jwt: '/exp', since: undefined }, {}, jwt({ exp: NOW })),
    advice({ jwt: '/exp', since: '/iat' }, {}, jwt({ exp: far, iat: 0 })),
    advice({ in: '/a', unit: 'ms' }, { a: far * 1_000 }),
    advice({ at: '/a', since: undefined, unit: 'ms' }, { a: NOW + far * 1_000 }),
    advice({ at: '/a', since: undefined, unit: 'iso' }, { a: '2030-01-01T00:00:00Z' }),
  ]) {
    t.regex(text, / days: /);
    t.notRegex(text, /unit: ms|declared as seconds/);
  }
  const UNIT_ISO = /unit: iso/;
  t.regex(advice({ at: '/a', since: undefined, unit: 's' }, { a: 'soon' }), UNIT_ISO);
  t.notRegex(advice({ in: '/a', unit: 's' }, { a: 'soon' }), UNIT_ISO);
  t.notRegex(advice({ jwt: '/exp', since: undefined }, {}, jwt({ exp: 'soon' })), UNIT_ISO);
  t.notRegex(advice({ jwt: '/exp', since: undefined }, {}, 'opaque'), UNIT_ISO);
});
