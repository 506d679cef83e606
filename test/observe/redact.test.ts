import test from 'ava';
import { Secret } from '../../src/core/secret.ts';
import { createRedactor, isSecretKey, redactByLook, redactValue } from '../../src/observe/redact.ts';

const SECRET = 'p@ss word/+&"hüsh';
const redactor = createRedactor(() => [SECRET, 'hush', 'abc', 'hunter-two-hunter']);

const base64 = (text: string): string => Buffer.from(text).toString('base64');

for (const [what, text] of [
  ['as it is', `x${SECRET}y`],
  ['percent-encoded', `a=${encodeURIComponent(SECRET)}&b`],
  ['percent-encoded in lower case', `a=${encodeURIComponent(SECRET).replaceAll(/%../g, (e) => e.toLowerCase())}&b`],
  ['as a form field', new URLSearchParams({ a: SECRET }).toString()],
  ['within JSON', JSON.stringify({ a: SECRET })],
  ['in base64', `>${base64(SECRET)}<`],
  ['in base64url', Buffer.from(SECRET).toString('base64url')],
  ['in the base64 of a longer text', base64(`user:${SECRET}`)],
  ['in the base64 of another longer text', base64(`u:${SECRET}, and more`)],
  ['in hex', Buffer.from(SECRET).toString('hex')],
] as const) {
  test(`a secret ${what} is hidden`, (t) => {
    const shown = redactor.text(text);
    t.true(shown.includes('[redacted]'), shown);
    for (const leak of ['word', 'h%C3%BCsh', base64(SECRET).slice(4, 16)]) t.false(shown.includes(leak), shown);
  });
}

test('everything around secrets stays, and each of several is hidden', (t) => {
  t.is(redactor.text(`a ${SECRET}${SECRET} b hunter-two-hunter.`), 'a [redacted][redacted] b [redacted].');
  const clean = 'nothing to see in /phonepe/checkout/v2/pay';
  t.is(redactor.text(clean), clean);
});

test('a short secret is hidden where it stands alone; a tiny one is left to the keys', (t) => {
  t.is(redactor.text('hush, /hush/ hushed abc'), '[redacted], /[redacted]/ hushed abc');
});

test('one text that begins another hides the longer of them', (t) => {
  const two = createRedactor(() => ['secret-one', 'secret-one-and-more']);
  t.is(two.text('secret-one-and-more|secret-one|secret-on'), '[redacted]|[redacted]|secret-on');
});

test('a rotated secret and its successor are both hidden', (t) => {
  let current = ['first-secret'];
  const rotating = createRedactor(() => current);
  current = ['second-secret'];
  t.is(rotating.text('second-secret'), 'second-secret');
  t.true(rotating.refresh());
  t.false(rotating.refresh());
  t.is(rotating.text('first-secret second-secret'), '[redacted] [redacted]');
});

test('thousands of rotations leave no thousands of old values behind', (t) => {
  let current = ['first-secret'];
  const rotating = createRedactor(() => current);
  for (let i = 0; i < 2_000; i++) {
    current = [`secret-number-${i}`];
    rotating.refresh();
  }
  t.is(rotating.text('first-secret secret-number-1999'), 'first-secret [redacted]');
});

test('keys of secrets are known in any spelling; their neighbours are not hidden', (t) => {
  for (const key of [
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'Set-Cookie',
    'X-VERIFY',
    'client_secret',
    'clientSecret',
    'access_token',
    'refreshToken',
    'token',
    'password',
    'salt',
    'salt_key',
    'hash',
    'signature',
    'x-grant-token',
    'encryption_key',
  ])
    t.true(isSecretKey(key), key);
  for (const key of ['token_type', 'token_wait_ms', 'client_id', 'provider', 'detail', 'path'])
    t.false(isSecretKey(key), key);
});

test('credentials in the texts of others are recognised by their look', (t) => {
  for (const text of [
    'POST failed: client_id=a&client_secret=zzz9zzz&grant_type=b',
    '{"access_token":"zzz9zzz","token_type":"Bearer"}',
    'Authorization: O-Bearer zzz9zzz',
    'sent "O-Bearer zzz9zzzzzz" to it',
    'got eyJhbGciOiJIUzI1NiJ9.zzz9zzz.zzz9zzz back',
  ]) {
    const shown = redactByLook(text);
    t.notRegex(shown, /zzz9zzz/);
    t.regex(shown, /\[redacted\]/);
  }
  const plain = 'the token endpoint answered 401: Bearer authentication failed (grant_type=client_credentials)';
  t.is(redactByLook(plain), plain);
});

test('a hostile text takes no quadratic time', (t) => {
  const started = performance.now();
  for (const piece of ['a', '-eyJa', 'a=', 'bearer ', 'x-', 'cookie:'])
    redactByLook(piece.repeat(4_096 / piece.length));
  t.true(performance.now() - started < 1_000);
});

test('errors are spelled out with their causes, without stacks unless asked for', (t) => {
  const cause = Object.assign(new Error('connect ECONNREFUSED hunter-two-hunter'), { code: 'ECONNREFUSED' });
  const error = new Error('no token', { cause });
  t.deepEqual(redactValue(error, redactor, false), {
    name: 'Error',
    message: 'no token',
    cause: { name: 'Error', message: 'connect ECONNREFUSED [redacted]', code: 'ECONNREFUSED' },
  });
  t.regex((redactValue(error, redactor, true) as { stack: string }).stack, /redact\.test\.ts/);
});

test('values of any kind become plain data with the secrets hidden by key', (t) => {
  const circle: Record<string, unknown> = {};
  circle['circle'] = circle;
  const shown = redactValue(
    {
      headers: { Authorization: 'x', cookie: ['y'], accept: 'json' },
      token: undefined,
      secret: new Secret('z'),
      named: new Secret('z'),
      map: new Map([['password', 'p']]),
      set: new Set([1]),
      bytes: Buffer.from('hunter-two-hunter'),
      url: new URL('https://a.test/?token=zzz'),
      big: 10n,
      when: new Date(0),
      circle,
    },
    redactor,
    false,
  );
  t.like(shown, {
    headers: { Authorization: '[redacted]', cookie: '[redacted]', accept: 'json' },
    secret: '[redacted]',
    named: '[redacted]',
    map: { password: '[redacted]' },
    set: [1],
    bytes: '[17 bytes]',
    url: 'https://a.test/?token=[redacted]',
    big: '10',
    when: '1970-01-01T00:00:00.000Z',
  });
  t.notThrows(() => JSON.stringify(shown));
});
