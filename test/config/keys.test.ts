import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import test from 'ava';
import { parseConfig, type Loaded } from '../../src/config/load.ts';
import { keepSecret, secretsIn } from '../helpers/canary.ts';

const pem = (key: KeyObject): string => {
  const text = key.export({ format: 'pem', type: 'pkcs8' }) as string;
  keepSecret('a private key', text);
  return text;
};
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const SHORT = pem(generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey);
const P256 = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const PUBLIC = RSA.publicKey.export({ format: 'pem', type: 'spki' }) as string;

const PRIVATE_KEY = { secret: true, format: 'pem' };
const entry = (parts: object): object => ({ text: 'x', set: { header: 'x-sign' }, ...parts });
const signing = (parts: object): object => ({ credentials: { private_key: PRIVATE_KEY }, sign: [entry(parts)] });
const jwt = (parts: object): object => ({
  credentials: { private_key: PRIVATE_KEY, shared: { secret: true } },
  jwt: { proof: { algorithm: 'RS256', key: '{{credentials.private_key}}', claims: { iss: 'me' }, ...parts } },
  inject: { headers: { 'x-proof': '{{jwt.proof}}' } },
});

function load(profile: object, credentials: object): Loaded {
  const config = {
    profiles: { own: profile },
    providers: { p: { profile: 'own', credentials, endpoints: { token: 'https://id.example' } } },
    routes: [{ match: { path: '/p' }, provider: 'p', upstream: 'https://api.example' }],
  };
  return parseConfig(JSON.stringify(config), '/proxy.config.yaml', { env: {} });
}

/** What is said about a config: code, place, and what is wrong. Nothing of a key may stand anywhere in it. */
const said = (profile: object, credentials: object = {}): string[] => {
  const { diagnostics } = load(profile, credentials);
  const leaks = secretsIn(JSON.stringify(diagnostics));
  if (leaks.length > 0) throw new Error(`shown: ${leaks.join(', ')}`);
  return diagnostics.map(({ code, path, message }) => `${code} at ${path}: ${message}`);
};

const RS = { algorithm: 'rsa-sha256', key: '{{credentials.private_key}}' };
const AT_KEY = 'providers.p.credentials.private_key';

const CASES: readonly (readonly [title: string, profile: object, credentials: object, expected: RegExp])[] = [
  [
    'an EC key for RSA',
    signing(RS),
    { private_key: P256 },
    /^bad_key at .*private_key: .* is an EC key on P-256, and rsa-sha256 takes an RSA key$/,
  ],
  [
    'an RSA key for ES256',
    jwt({ algorithm: 'ES256' }),
    { private_key: pem(RSA.privateKey) },
    /^bad_key at .*: .* is an RSA key of 2048 bits, and ES256 takes an EC key on P-256$/,
  ],
  [
    'a public key that should sign',
    signing(RS),
    { private_key: PUBLIC },
    /^bad_key at .* is an RSA public key of 2048 bits, and only a private one signs$/,
  ],
  [
    'a key too short for its digest',
    signing({ ...RS, algorithm: 'rsa-pss-sha512' }),
    { private_key: SHORT },
    /^bad_key at .*, and rsa-pss-sha512 can't sign with it$/,
  ],
  [
    'a short key',
    signing(RS),
    { private_key: SHORT },
    /^weak_key at .* is an RSA key of 512 bits, which is too short to be safe$/,
  ],
  [
    'a private key that is not marked as secret',
    { credentials: { private_key: { format: 'pem' } }, sign: [entry(RS)] },
    { private_key: pem(RSA.privateKey) },
    /^bad_key at .* the profile does not mark it as a secret$/,
  ],
  [
    'base64 that is none',
    {
      credentials: { shared: { secret: true, format: 'base64' } },
      sign: [entry({ algorithm: 'hmac-sha256', key: '{{credentials.shared}}' })],
    },
    { shared: 'this is no base64!' },
    /^bad_key at providers.p.credentials.shared: .* is not base64$/,
  ],
  [
    'a text for a private key',
    { credentials: { private_key: { secret: true } }, sign: [entry(RS)] },
    { private_key: 'abc' },
    /^invalid_value at profiles.own.sign\[0\].key: rsa-sha256 takes an RSA key: a credential with `format: pem`$/,
  ],
  [
    'more than the key',
    signing({ ...RS, key: 'x{{credentials.private_key}}' }),
    { private_key: P256 },
    /^invalid_value at profiles.own.sign\[0\].key: rsa-sha256 takes an RSA key/,
  ],
  [
    'a private key for an HMAC',
    signing({ ...RS, algorithm: 'hmac-sha256' }),
    { private_key: P256 },
    /^invalid_value at .*key: hmac-sha256 takes a shared secret, and the credential "private_key" is PEM$/,
  ],
  [
    'no key',
    signing({ algorithm: 'ed25519' }),
    { private_key: P256 },
    /^missing_key at .*algorithm: ed25519 needs a `key`$/,
  ],
  [
    'DER of RSA',
    signing({ ...RS, form: 'der' }),
    { private_key: pem(RSA.privateKey) },
    /^invalid_value at .*form: only ECDSA has a `form`, not rsa-sha256$/,
  ],
  [
    'a private key in a header',
    { ...signing(RS), inject: { headers: { 'x-key': '{{credentials.private_key}}' } } },
    { private_key: pem(RSA.privateKey) },
    /^unknown_template_name at profiles.own.inject.headers.x-key: "credentials.private_key" is a private key, and would be sent$/,
  ],
  [
    'a private key in a value',
    { ...signing(RS), values: { a: '{{credentials.private_key}}' } },
    { private_key: pem(RSA.privateKey) },
    /^unknown_template_name at profiles.own.values.a/,
  ],
  [
    'a private key in a claim',
    jwt({ claims: { x: '{{credentials.private_key}}' } }),
    { private_key: pem(RSA.privateKey) },
    /^unknown_template_name at profiles.own.jwt.proof.claims.x/,
  ],
  [
    'a passphrase that is no credential',
    { credentials: { private_key: { ...PRIVATE_KEY, passphrase: 'hunter2' } }, sign: [entry(RS)] },
    {},
    /^invalid_value at profiles.own.credentials.private_key.passphrase: a passphrase is another credential of this profile$/,
  ],
  [
    '`alg` in the header',
    jwt({ header: { alg: 'none' } }),
    { private_key: pem(RSA.privateKey) },
    /^invalid_value at profiles.own.jwt.proof.header.alg: `alg` is put in by itself/,
  ],
  [
    'a moment that is a text',
    jwt({ claims: { exp: '{{now.s + 300}}' } }),
    { private_key: pem(RSA.privateKey) },
    /^invalid_value at profiles.own.jwt.proof.claims.exp: `exp` is a number in a JWT, and this is a text$/,
  ],
  [
    'no claims',
    jwt({ claims: null }),
    { private_key: pem(RSA.privateKey) },
    /^missing_key at profiles.own.jwt.proof.claims: a JWT needs `claims`$/,
  ],
  [
    'an algorithm that is none',
    jwt({ algorithm: 'none' }),
    { private_key: pem(RSA.privateKey) },
    /^invalid_value at profiles.own.jwt.proof.algorithm/,
  ],
  [
    'a reused JWT about one request',
    jwt({ reuse: '5m', claims: { htm: '{{request.method}}' } }),
    { private_key: pem(RSA.privateKey) },
    /^invalid_value at profiles.own.jwt.proof.reuse: a JWT that is used again can't depend on "request.method"$/,
  ],
  [
    'a JWT that needs itself',
    jwt({ claims: { x: '{{jwt.proof}}' } }),
    { private_key: pem(RSA.privateKey) },
    /^template_cycle at profiles.own.jwt.proof.claims.x: the JWT "proof" depends on itself$/,
  ],
  [
    'a JWT that is not there',
    { inject: { headers: { a: '{{jwt.prof}}' } } },
    {},
    /^unknown_template_name at .*: the profile has nothing called "jwt.prof"$/,
  ],
];

for (const [title, profile, credentials, expected] of CASES) {
  test(title, (t) => {
    const found = said(profile, credentials).filter((line) => !line.startsWith('missing_credential'));
    t.is(found.length, 1, found.join('\n'));
    t.regex(found[0] ?? '', expected);
  });
}

test('a token call of many requests names no JWT that depends on one of them', (t) => {
  const profile = {
    ...jwt({ claims: { htm: '{{request.method}}' } }),
    token: { fetch: { url: '{{endpoints.token}}', form: { assertion: '{{jwt.proof}}' } } },
  };
  const [found = ''] = said(profile, { private_key: pem(RSA.privateKey), shared: 'a shared text' });
  t.regex(
    found,
    /^unknown_template_name at profiles.own.token.fetch.form.assertion: "request.method" is not known here/,
  );
});

test('what is right is accepted, and its keys are read', (t) => {
  const locked = RSA.privateKey.export({ format: 'pem', type: 'pkcs1', cipher: 'aes-128-cbc', passphrase: 'open it' });
  const profile = {
    credentials: {
      private_key: { ...PRIVATE_KEY, passphrase: '{{credentials.key_password}}' },
      key_password: { secret: true },
      shared: { secret: true, format: 'hex', default: 'c0ffee' },
    },
    sign: [
      entry(RS),
      { ...entry({ algorithm: 'hmac-sha1', key: '{{credentials.shared}}' }), set: { header: 'x-other' } },
    ],
  };
  const { config, diagnostics } = load(profile, { private_key: locked, key_password: 'open it' });
  t.deepEqual(diagnostics, []);
  const keys = config?.providers.get('p')?.credentials.current.keys;
  t.true(keys?.get('private_key')?.equals(RSA.privateKey));
  t.is(keys?.get('shared')?.export().toString('hex'), 'c0ffee');
  const [wrong = ''] = said(profile, { private_key: locked, key_password: 'open that' });
  t.is(wrong, `bad_key at ${AT_KEY}: the credential "private_key" is not opened by its passphrase`);
});
