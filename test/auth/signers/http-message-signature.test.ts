import { createHash, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { createVerifier, httpbis } from 'http-message-signatures';
import { ALGORITHMS, type Key } from '../../../src/keys/algorithms.ts';
import { OutriderError } from '../../../src/core/errors.ts';
import type { MessageComponent } from '../../../src/config/profile/components.ts';
import type { SignerParameters } from '../../../src/config/profile/signers.ts';
import { messageSignature, signatureBase } from '../../../src/auth/signers/http-message-signature.ts';
import { compile, sign, signed } from './given.ts';
import { BODY, DIGEST, MESSAGE_VECTORS, REQUEST } from './rfc9421-vectors.ts';

type Parameters = SignerParameters<'http-message-signature'>;

const componentsOf = (...names: readonly string[]): MessageComponent[] =>
  names.map((name) => ({ name, parameter: undefined }));

type Given = Partial<Omit<Parameters, 'components'>> & { readonly components?: readonly MessageComponent[] };

const signerOf = ({ components = [], ...parts }: Given) =>
  messageSignature(
    {
      components: [...components],
      keyId: undefined,
      key: 'secret',
      algorithm: undefined,
      label: 'sig1',
      expiresMs: undefined,
      tag: undefined,
      digest: 'sha-256',
      ...parts,
    },
    compile,
  );

for (const vector of MESSAGE_VECTORS) {
  const { section, components, parameters, algorithm, key, base, signature, isRepeatable } = vector;
  test(`RFC 9421 ${section}: the signature base is the published one, and so is its signature`, (t) => {
    const [, input = ''] = /"@signature-params": (.*)$/.exec(base) ?? [];
    t.true(input.endsWith(`;${parameters}`));
    const made = signatureBase(
      components,
      input,
      signed({ ...REQUEST, body: BODY }),
      new Map([['content-digest', DIGEST]]),
    );
    t.is(made, base);
    t.true(ALGORITHMS[algorithm].verify(key, Buffer.from(base), Buffer.from(signature, 'base64')));
  });

  if (!parameters.includes('nonce')) {
    test(`RFC 9421 ${section}: the signer puts in the published fields`, (t) => {
      const [, keyId = ''] = /keyid="([^"]+)"/.exec(parameters) ?? [];
      const [, tag] = /tag="([^"]+)"/.exec(parameters) ?? [];
      const label = `sig-${section.replaceAll('.', '').toLowerCase()}`;
      const signer = signerOf({ components, keyId, tag, label, digest: 'sha-512' });
      const { added, signature: made, text } = sign(signer, { ...REQUEST, body: BODY }, key);
      t.is(text, base);
      t.is(added['signature-input'], `${label}=${base.slice(base.lastIndexOf('"@signature-params": ') + 21)}`);
      t.is(added['content-digest'], components.some(({ name }) => name === 'content-digest') ? DIGEST : undefined);
      t.is(added['signature'], `${label}=:${made}:`);
      if (isRepeatable) t.is(made, signature);
      else t.true(ALGORITHMS[algorithm].verify(key, Buffer.from(base), Buffer.from(made, 'base64')));
    });
  }
}

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const PAIRS = {
  'rsa-pss-sha512': generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'rsa-v1_5-sha256': generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ecdsa-p384-sha384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ed25519: generateKeyPairSync('ed25519'),
} as const satisfies Record<string, Pair>;

/** Verifies by other code. The first signature counts. */
async function verifies(
  url: string,
  method: string,
  headers: Record<string, string | string[]>,
  verifier: Parameters_<typeof createVerifier>,
): Promise<boolean> {
  const [key, algorithm] = verifier;
  const result = await httpbis.verifyMessage(
    {
      keyLookup: () => Promise.resolve({ id: 'k', algs: [algorithm], verify: createVerifier(key, algorithm) } as never),
    },
    { url, method, headers },
  );
  return result === true;
}
type Parameters_<F extends (...args: never[]) => unknown> = F extends (...args: infer A) => unknown ? A : never;

const word = fc.string({ unit: fc.constantFrom('a', 'B', '7', '-', '.', '_'), minLength: 1, maxLength: 6 });
const value = fc.string({ unit: fc.constantFrom('a', ' ', 'Z', '"', ';', ',', '\t'), maxLength: 8 });

for (const [algorithm, { privateKey, publicKey }] of Object.entries(PAIRS)) {
  test(`property: what is signed by ${algorithm}, another library verifies, and not when it is changed`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'DELETE'),
        fc.array(word, { maxLength: 3 }),
        fc.array(fc.tuple(word, word), { maxLength: 3 }),
        fc.array(value, { minLength: 1, maxLength: 3 }),
        fc.string({ maxLength: 20 }),
        async (method, segments, pairs, values, body) => {
          const query = pairs.map((pair) => pair.join('=')).join('&');
          const target = `/${segments.map((one) => `x${one}`).join('/')}${query === '' ? '' : `?${query}`}`;
          const components = componentsOf(
            '@method',
            '@target-uri',
            '@authority',
            '@scheme',
            '@request-target',
            '@path',
            '@query',
            'x-tag',
            'content-digest',
          );
          const signer = signerOf({
            components,
            keyId: 'k',
            algorithm: algorithm as never,
            expiresMs: 300_000,
            tag: 'a "b" \\',
          });
          const origin = 'https://api.example:8443';
          const nowMs = Date.now();
          const headers = values.flatMap((one) => ['X-Tag', one]);
          const { added } = sign(signer, { method, origin, target, headers, body, nowMs }, privateKey);
          const seen = { ...added, 'X-Tag': values };
          const check = (changed: Record<string, string | string[]>, url = origin + target): Promise<boolean> =>
            verifies(url, method, changed, [publicKey, algorithm as never]).catch(() => false);
          t.true(await check(seen));
          t.false(await check({ ...seen, 'X-Tag': [...values, 'more'] }));
          t.false(await check(seen, `${origin}/other`));
        },
      ),
      { numRuns: algorithm.startsWith('rsa') ? 15 : 40 },
    );
  });
}

const byKey: readonly (readonly [Key, keyof typeof ALGORITHMS])[] = [
  [PAIRS.ed25519.privateKey, 'ed25519'],
  [PAIRS['ecdsa-p256-sha256'].privateKey, 'ecdsa-p256-sha256'],
  [PAIRS['ecdsa-p384-sha384'].privateKey, 'ecdsa-p384-sha384'],
  [PAIRS['rsa-pss-sha512'].privateKey, 'rsa-pss-sha512'],
  [createSecretKey(Buffer.from('shared')), 'hmac-sha256'],
];
for (const [key, algorithm] of byKey) {
  test(`without an algorithm the key decides, and nothing names it: ${algorithm}`, (t) => {
    const { text, signature, added } = sign(signerOf({ components: componentsOf('@method') }), {}, key);
    t.true(ALGORITHMS[algorithm].verify(key, Buffer.from(text), Buffer.from(signature, 'base64')));
    t.false(added['signature-input']?.includes('alg='));
  });
}

const base = (components: readonly MessageComponent[], request: Parameters_<typeof signed>[0]): string =>
  sign(signerOf({ components, algorithm: 'hmac-sha256' }), request)
    .text.split('\n')
    .slice(0, -1)
    .join('\n');

test('derived components are made of the target as it is sent', (t) => {
  const all = componentsOf('@method', '@target-uri', '@authority', '@scheme', '@request-target', '@path', '@query');
  t.is(
    base(all, { method: 'PUT', origin: 'http://api.example:8080', target: '/a%2fb/?q=%20+&&' }),
    [
      '"@method": PUT',
      '"@target-uri": http://api.example:8080/a%2fb/?q=%20+&&',
      '"@authority": api.example:8080',
      '"@scheme": http',
      '"@request-target": /a%2fb/?q=%20+&&',
      '"@path": /a%2fb/',
      '"@query": ?q=%20+&&',
    ].join('\n'),
  );
  t.is(base(componentsOf('@query'), { target: '/a' }), '"@query": ?');
});

test('a query parameter is decoded and written anew, under its name as it is encoded (RFC 9421 §2.2.8)', (t) => {
  const target = '/?param=value&foo=bar&baz=batman&qux=&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something';
  const parameter = (name: string): MessageComponent[] => [{ name: '@query-param', parameter: name }];
  t.is(base(parameter('baz'), { target }), '"@query-param";name="baz": batman');
  t.is(base(parameter('qux'), { target }), '"@query-param";name="qux": ');
  t.is(base(parameter('bar'), { target }), '"@query-param";name="bar": with%20plus%20whitespace');
  t.is(base(parameter('fa%C3%A7ade%22%3A%20'), { target }), '"@query-param";name="fa%C3%A7ade%22%3A%20": something');
});

test('the lines of a header are one value: trimmed, joined by a comma, with folds as one space', (t) => {
  const headers = ['X-A', '  one ', 'X-B', '', 'x-a', 'two\r\n   three', 'X-A', 'four'];
  t.is(base(componentsOf('x-a', 'x-b'), { headers }), '"x-a": one, two three, four\n"x-b": ');
});

test("the digest of the body is put in where it is covered, in place of the caller's, and the body is asked for", (t) => {
  const headers = ['Content-Digest', 'sha-256=:AAAA:', 'content-digest', 'old'];
  const signer = signerOf({ components: componentsOf('content-digest'), algorithm: 'hmac-sha256' });
  t.true(signer.needsBody([]));
  const { added, text } = sign(signer, { method: 'POST', headers, body: 'b' });
  const digest = `sha-256=:${createHash('sha256').update('b').digest('base64')}:`;
  t.is(added['content-digest'], digest);
  t.true(text.startsWith(`"content-digest": ${digest}\n`));
  const without = signerOf({ components: componentsOf('@method'), algorithm: 'hmac-sha256' });
  t.false(without.needsBody([]));
  t.is(sign(without, { headers }).added['content-digest'], undefined);
});

test('created is always there, and expires, alg, keyid and tag where they are wanted', (t) => {
  const inputOf = (parts: Given): string | undefined =>
    sign(signerOf(parts), { nowMs: 1_700_000_000_999 }, createSecretKey(Buffer.from('k'))).added['signature-input'];
  t.is(inputOf({}), 'sig1=();created=1700000000');
  t.is(
    inputOf({ label: 'pay', keyId: 'a"\\b', algorithm: 'hmac-sha256', expiresMs: 60_000, tag: 't' }),
    String.raw`pay=();created=1700000000;expires=1700000060;alg="hmac-sha256";keyid="a\"\\b";tag="t"`,
  );
});

for (const [what, components, request] of [
  ['a header that is missing', componentsOf('date'), {}],
  ['a header that is not ASCII', componentsOf('x-name'), { headers: ['X-Name', '\xe9'] }],
  ['a query parameter that is missing', [{ name: '@query-param', parameter: 'a' }], { target: '/?b=1' }],
  ['a query parameter that came twice', [{ name: '@query-param', parameter: 'a' }], { target: '/?a=1&%61=2' }],
  ['the length of a body that is none', componentsOf('content-length'), { method: 'GET' }],
] as const) {
  test(`${what} can't be covered: such a request is refused`, (t) => {
    const error = t.throws(() => sign(signerOf({ components }), request), { instanceOf: OutriderError });
    t.is(error.code, 'bad_request');
    t.not(error.remedy, '');
  });
}

test('a request without a body is signed with the digest of nothing', (t) => {
  const digest = `sha-256=:${createHash('sha256').digest('base64')}:`;
  const signer = signerOf({ components: componentsOf('content-digest'), algorithm: 'hmac-sha256' });
  t.is(sign(signer, {}).added['content-digest'], digest);
});
