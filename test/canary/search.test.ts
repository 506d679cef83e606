import test from 'ava';
import { keepCredentials, keepSecret, keepTokens, leakIn, saidIn, secretsIn } from '../helpers/canary.ts';

const SECRET = 'canary/of+all=the "codings" & é';
keepSecret('the canary', SECRET);
keepSecret('a long one', 'Kx7-first-half-of-it-and-2nd-half-of-it-9Qz');
keepSecret('a short one', 'lark-77');

const base64 = (text: string): string => Buffer.from(text).toString('base64');

for (const [coding, text] of Object.entries({
  'as it is': SECRET,
  'in JSON': JSON.stringify({ a: [SECRET] }),
  'in JSON within JSON': JSON.stringify(`x ${JSON.stringify('lark-77')}`),
  'percent-encoded': `/a?b=${encodeURIComponent(SECRET)}`,
  'percent-encoded in lower case': encodeURIComponent(SECRET).replaceAll(/%../g, (escape) => escape.toLowerCase()),
  'as a form field': new URLSearchParams({ a: SECRET.replaceAll('"', '') }).toString() + encodeURIComponent(SECRET),
  'every byte percent-encoded': [...Buffer.from(SECRET)].map((byte) => `%${byte.toString(16).toUpperCase()}`).join(''),
  'in hex': Buffer.from(SECRET).toString('hex'),
  'in capital hex': Buffer.from(SECRET).toString('hex').toUpperCase(),
  'as a dump of bytes': `<Buffer ${Buffer.from(SECRET).toString('hex').match(/../g)?.join(' ')}>`,
  'in base64': base64(SECRET),
  'within what is base64': base64(`user:${SECRET}`),
  'within what is base64, one byte later': base64(`user2:${SECRET}`),
  'within what is base64url': Buffer.from(`a${SECRET}b`).toString('base64url'),
})) {
  test(`a secret is found ${coding}`, (t) => {
    t.is(secretsIn(`before it ${text} behind it`).length, 1);
    t.is(secretsIn(text).length, 1);
  });
}

test('a secret that is cut in two is found, wherever it is cut', (t) => {
  const whole = 'Kx7-first-half-of-it-and-2nd-half-of-it-9Qz';
  for (let at = 1; at < whole.length; at++) {
    const cut = `{"message":"${whole.slice(0, at)}"}\n{"time":"…","message":"${whole.slice(at)}"}`;
    t.deepEqual(secretsIn(cut), ['a long one'], `at ${at}`);
  }
});

test('a key of several lines is found by one of them', (t) => {
  keepSecret(
    'a key',
    '-----BEGIN KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAO\nCAQ8AMIIBCgKCAQEAsecondLine\n-----END KEY-----',
  );
  t.deepEqual(secretsIn('x: MIIBIjANBgkqhkiG9w0BAQEFAAO,'), ['a key']);
});

test('a short secret counts where it stands alone, a placeholder never', (t) => {
  t.deepEqual(secretsIn('"lark-77"'), ['a short one']);
  t.deepEqual(secretsIn('skylark-77'), []);
  keepSecret('dots', 'xxxxxxxxxxxxxxxx');
  t.deepEqual(secretsIn('xxxxxxxxxxxxxxxxxxxxx'), []);
});

test('what goes over the wire is learnt from it', (t) => {
  keepCredentials(`GET / HTTP/1.1\r\nAuthorization: Basic ${base64('user:robin-of-the-wire')}\r\nAccept: a/b\r\n\r\n`);
  keepCredentials('POST / HTTP/1.1\r\nx-outrider-token: wren-of-the-wire\r\n\r\n');
  keepTokens('{"access_token":"finch-of-the-wire","token_type":"Bearer","refresh_token":"siskin-of-the-wire"}');
  for (const bird of ['robin', 'wren', 'finch', 'siskin']) t.is(secretsIn(`${bird}-of-the-wire`).length, 1, bird);
  t.deepEqual(secretsIn('Accept: a/b, Bearer'), []);
});

test('what the caller says in the target and the id may come back to the caller', (t) => {
  const head = 'GET /a/lark-77 HTTP/1.1\r\nHost: x\r\nX-Request-Id: b\r\nCookie: c\r\n\r\n';
  t.is(leakIn('no route matches /a/lark-77', saidIn(head)), undefined);
  t.is(leakIn('no route matches /a/lark-77', ''), 'a short one');
  t.notRegex(saidIn(head), /Host|Cookie/);
});
