import { createHash, createHmac, createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import OAuth from 'oauth-1.0a';
import { OutriderError } from '../../../src/core/errors.ts';
import { percentEncode } from '../../../src/core/byte-string.ts';
import type { SignerParameters } from '../../../src/config/profile/signers.ts';
import { baseString, oauth1, type Parameter } from '../../../src/auth/signers/oauth1.ts';
import { compile, sign } from './given.ts';

type Parameters = SignerParameters<'oauth1'>;

const KEYS = {
  consumerKey: '9djdj82h48djs9d2',
  consumerSecret: 'j49sk3j29djd',
  token: 'kkk9d7dh3k39sjv7',
  tokenSecret: 'dh893hdasih9',
};
const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];

const signerOf = (parts: Partial<Parameters> = {}) =>
  oauth1(
    { ...KEYS, signatureMethod: 'HMAC-SHA1', key: undefined, realm: undefined, bodyHash: false, ...parts },
    compile,
  );

const hmac = (key: string, text: string): string => createHmac('sha1', key).update(text).digest('base64');

// oauth_version is left out there; we send it. So the text is the published one, and the signature is made of it here.
for (const [source, request, parameters, key, signature] of [
  [
    'RFC 5849 §1.2, temporary credentials',
    { method: 'POST', origin: 'https://photos.example.net', target: '/initiate' },
    [
      ['oauth_consumer_key', 'dpf43f3p2l4k3l03'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131200'],
      ['oauth_nonce', 'wIjqoS'],
      ['oauth_callback', 'http://printer.example.com/ready'],
    ],
    'kd94hf93k423kf44&',
    '74KNZJeDHnMBp0EMJ9ZHt/XKycU=',
  ],
  [
    'RFC 5849 §1.2, token credentials',
    { method: 'POST', origin: 'https://photos.example.net', target: '/token' },
    [
      ['oauth_consumer_key', 'dpf43f3p2l4k3l03'],
      ['oauth_token', 'hh5s93j4hdidpola'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131201'],
      ['oauth_nonce', 'walatlh'],
      ['oauth_verifier', 'hfdp7dh39dks9884'],
    ],
    'kd94hf93k423kf44&hdhd0244k9j7ao03',
    'gKgrFCywp7rO0OXSjdot/IHF7IU=',
  ],
  [
    'RFC 5849 §1.2, a photo',
    { method: 'GET', origin: 'http://photos.example.net', target: '/photos?file=vacation.jpg&size=original' },
    [
      ['file', 'vacation.jpg'],
      ['size', 'original'],
      ['oauth_consumer_key', 'dpf43f3p2l4k3l03'],
      ['oauth_token', 'nnch734d00sl2jdk'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131202'],
      ['oauth_nonce', 'chapoH'],
    ],
    'kd94hf93k423kf44&pfkkdhi9sl3r4s00',
    'MdpQcU8iPSUjWoN/UDMsK2sui9I=',
  ],
] as const) {
  test(`${source}: the base string has the published signature`, (t) => {
    t.is(hmac(key, baseString(request, parameters)), signature);
  });
}

/** The request of RFC 5849 §3.4.1.1, and its base string there but for `oauth_version`. */
const EXAMPLE = {
  method: 'POST',
  origin: 'http://example.com',
  target: '/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b',
  headers: FORM,
  body: 'c2&a3=2+q',
  nowMs: 137_131_201_000,
  nonce: '7d8f3e4a',
};
const BASE =
  'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7';

test('RFC 5849 §3.4.1.1: query, form and header are one list, decoded, sorted and encoded once', (t) => {
  t.is(sign(signerOf(), EXAMPLE).text, `${BASE}%26oauth_version%3D1.0`);
  // The signature that erratum 2550 gives.
  t.is(hmac('j49sk3j29djd&dh893hdasih9', BASE), 'r6/TJjbCOr97/+UU0NsvSne7s5g=');
});

test('the header holds the realm, every parameter and the signature', (t) => {
  const { added, signature } = sign(signerOf({ realm: 'Pho"tos' }), EXAMPLE);
  t.is(
    added['authorization'],
    `OAuth realm="Pho\\"tos", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_version="1.0", oauth_signature="${percentEncode(signature)}"`,
  );
  t.is(signature, hmac('j49sk3j29djd&dh893hdasih9', `${BASE}%26oauth_version%3D1.0`));
});

test('without a token neither it nor its secret is signed', (t) => {
  const { text, added, signature } = sign(signerOf({ token: undefined, tokenSecret: undefined }), {});
  t.false(`${text}${added['authorization']}`.includes('oauth_token'));
  t.is(signature, hmac('j49sk3j29djd&', text));
});

const letters = fc.string({
  unit: fc.constantFrom('a', 'B', '9', '%20', '%26', '%C3%A9', '~', '-', '!', '*', "'", '('),
  minLength: 1,
  maxLength: 6,
});
const pairs = fc.array(fc.tuple(letters, letters), { maxLength: 4 });

for (const [method, digest] of [
  ['HMAC-SHA1', 'sha1'],
  ['HMAC-SHA256', 'sha256'],
] as const) {
  test(`property: ${method} signs any query and form as oauth-1.0a does`, (t) => {
    fc.assert(
      fc.property(fc.constantFrom('GET', 'POST'), letters, pairs, pairs, (verb, path, query, form) => {
        // That library wants names that come once.
        const once = (list: [string, string][]): [string, string][] => [
          ...new Map(
            list.map(([name, value]) => [decodeURIComponent(name), [`k${name}`, value] as [string, string]]),
          ).values(),
        ];
        const sent = once(query);
        const fields = verb === 'POST' ? once(form).map(([name, value]) => [`f${name}`, value] as const) : [];
        const list = (entries: readonly (readonly [string, string])[]): string =>
          entries.map((pair) => pair.join('=')).join('&');
        const target = `/${path}${sent.length > 0 ? `?${list(sent)}` : ''}`;
        const made = sign(signerOf({ signatureMethod: method }), {
          method: verb,
          origin: 'https://api.example:8443',
          target,
          headers: verb === 'POST' ? FORM : [],
          body: list(fields),
          nowMs: 1_700_000_000_000,
          nonce: 'n',
        });
        const other = new OAuth({
          consumer: { key: KEYS.consumerKey, secret: KEYS.consumerSecret },
          signature_method: method,
          hash_function: (text, key) => createHmac(digest, key).update(text).digest('base64'),
        });
        other.getNonce = () => 'n';
        other.getTimeStamp = () => 1_700_000_000;
        const data = Object.fromEntries(
          fields.map(([name, value]) => [decodeURIComponent(name), decodeURIComponent(value)]),
        );
        // It doesn't decode the names of a query: they are given to it as data.
        for (const [name, value] of sent) data[decodeURIComponent(name)] = decodeURIComponent(value);
        const expected = other.authorize(
          { url: `https://api.example:8443/${path}`, method: verb, data },
          { key: KEYS.token, secret: KEYS.tokenSecret },
        );
        t.is(made.signature, expected.oauth_signature);
      }),
      { numRuns: 200 },
    );
  });
}

const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
for (const [method, digest] of [
  ['RSA-SHA1', 'sha1'],
  ['RSA-SHA256', 'sha256'],
] as const) {
  test(`${method} signs with the private key, as PKCS #1 v1.5 does`, (t) => {
    const signer = signerOf({ signatureMethod: method, key: 'key', consumerSecret: undefined, tokenSecret: undefined });
    const { text, signature } = sign(signer, EXAMPLE, RSA.privateKey);
    t.true(createVerify(digest).update(text).verify(RSA.publicKey, signature, 'base64'));
    t.is(signature, createSign(digest).update(text).sign(RSA.privateKey, 'base64'));
  });
}

test('the hash of a body is signed where it is wanted, by the digest of the method, and a form has none', (t) => {
  const hashOf = (parts: Partial<Parameters>, headers: readonly string[], body = '{"a":1}'): string | undefined =>
    /oauth_body_hash="([^"]*)"/.exec(
      sign(signerOf({ bodyHash: true, ...parts }), { method: 'POST', headers, body }).added['authorization'] ?? '',
    )?.[1];
  const json = ['Content-Type', 'application/json'];
  const expected = (digest: string, body: string): string =>
    percentEncode(createHash(digest).update(body).digest('base64'));
  t.is(hashOf({}, json), expected('sha1', '{"a":1}'));
  t.is(hashOf({ signatureMethod: 'HMAC-SHA256' }, json), expected('sha256', '{"a":1}'));
  t.is(hashOf({}, [], ''), expected('sha1', ''));
  t.is(hashOf({}, FORM, 'a=1'), undefined);
  t.is(hashOf({ bodyHash: false }, json), undefined);
});

test('only a form, or a body whose hash is wanted, must be whole', (t) => {
  t.true(signerOf().needsBody(['content-type', 'Application/X-WWW-Form-Urlencoded; charset=utf-8']));
  t.false(signerOf().needsBody(['content-type', 'application/json']));
  t.true(signerOf({ bodyHash: true }).needsBody([]));
});

test('a name that comes several times is sorted by its values, and a space may be a plus', (t) => {
  const parameters: Parameter[] = [
    ['a', '2'],
    ['a', '10'],
    ['a', '1'],
  ];
  t.true(baseString({ method: 'GET', origin: 'http://a', target: '/' }, parameters).endsWith('a%3D1%26a%3D10%26a%3D2'));
  t.true(sign(signerOf(), { target: '/?q=a+b' }).text.endsWith('%26q%3Da%2520b'));
});

for (const [what, request, code] of [
  ['a query that is signed already', { target: '/?oauth_signature=x' }, 'bad_request'],
  ['a form that names a token of its own', { method: 'POST', headers: FORM, body: 'oauth_token=x' }, 'bad_request'],
  ['a query with a bad escape', { target: '/?a=%zz' }, 'bad_request'],
  ['a parameter that is not UTF-8', { target: '/?a=%ff' }, 'bad_request'],
  ['a compressed form', { method: 'POST', headers: [...FORM, 'Content-Encoding', 'gzip'], body: 'a=1' }, 'bad_body'],
  [
    'a body with two types',
    { method: 'POST', headers: [...FORM, 'Content-Type', 'text/plain'], body: 'a=1' },
    'bad_body',
  ],
] as const) {
  test(`${what} is refused`, (t) => {
    t.is(t.throws(() => sign(signerOf(), request), { instanceOf: OutriderError }).code, code);
  });
}
