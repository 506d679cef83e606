import { constants, createHmac, createPublicKey, generateKeyPairSync, hash, type KeyObject, verify } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { type Algorithm, ALGORITHM_NAMES, ALGORITHMS, type Key, type KeyKind } from '../../src/keys/algorithms.ts';

const pairs: Readonly<Record<Exclude<KeyKind, 'none' | 'secret'>, KeyObject>> = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  'p-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'p-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ed25519: generateKeyPairSync('ed25519').privateKey,
};
const keyFor = (kind: KeyKind): Key =>
  kind === 'none' || kind === 'secret' ? Buffer.from('a shared secret') : pairs[kind];
/** What the other side has. */
const verifierFor = (kind: KeyKind): Key =>
  kind === 'none' || kind === 'secret' ? keyFor(kind) : createPublicKey(pairs[kind]);

for (const name of ALGORITHM_NAMES) {
  test(`${name}: what is signed verifies, and one changed bit anywhere does not`, (t) => {
    const algorithm = ALGORITHMS[name];
    const { key: kind, isRandomized } = algorithm;
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.nat(), (text, at) => {
        const signature = algorithm.sign(keyFor(kind), text);
        const other = verifierFor(kind);
        t.true(algorithm.verify(other, text, signature));
        const changed = Buffer.from(signature);
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ (1 << (at % 8));
        t.false(algorithm.verify(other, text, changed));
        t.false(algorithm.verify(other, Buffer.concat([text, Buffer.from('x')]), signature));
        t.false(algorithm.verify(other, text, signature.subarray(1)));
        t.false(algorithm.verify(other, text, Buffer.alloc(0)));
        t.is(algorithm.sign(keyFor(kind), text).equals(signature), !isRandomized);
      }),
      { numRuns: kind === 'rsa' ? 10 : 30 },
    );
  });
}

test('digests and HMACs are those of node:crypto', (t) => {
  const bytes = Buffer.from('text');
  for (const name of ['sha256', 'sha512', 'sha1', 'md5'] as const)
    t.deepEqual(ALGORITHMS[name].sign(Buffer.alloc(0), bytes), hash(name, bytes, 'buffer'));
  for (const name of ['hmac-sha1', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'] as const) {
    const expected = createHmac(name.slice(5), 'key').update(bytes).digest();
    t.deepEqual(ALGORITHMS[name].sign(Buffer.from('key'), bytes), expected);
  }
});

test('ECDSA is r and s side by side, or DER when asked', (t) => {
  const bytes = Buffer.from('text');
  for (const [name, size] of [
    ['ecdsa-p256-sha256', 64],
    ['ecdsa-p384-sha384', 96],
  ] as const) {
    const algorithm = ALGORITHMS[name];
    const { key: kind } = algorithm;
    const key = keyFor(kind) as KeyObject;
    t.is(algorithm.sign(key, bytes).length, size);
    const der = algorithm.sign(key, bytes, 'der');
    t.is(der[0], 0x30);
    t.true(verify(name.slice(-6), bytes, createPublicKey(key), der));
    t.true(algorithm.verify(key, bytes, der, 'der'));
    t.false(algorithm.verify(key, bytes, der));
  }
});

/** A signature that begins with a zero, as one in 256 does, and what it signs. */
function beginningWithZero({ sign }: Pick<Algorithm, 'sign'>): { readonly bytes: Buffer; readonly signature: Buffer } {
  for (let n = 0; ; n++) {
    const bytes = Buffer.from(String(n));
    const signature = sign(pairs.rsa, bytes);
    if (signature[0] === 0) return { bytes, signature };
    if (n > 10_000) throw new Error('no signature begins with a zero');
  }
}

test('an RSA signature is as long as its key: without the zero at its beginning, or with one more, it is none', (t) => {
  const zero = Buffer.alloc(1);
  for (const name of ALGORITHM_NAMES.filter((each) => ALGORITHMS[each].key === 'rsa')) {
    const algorithm = ALGORITHMS[name];
    const { bytes, signature } = beginningWithZero(algorithm);
    t.true(algorithm.verify(verifierFor('rsa'), bytes, signature), name);
    t.false(algorithm.verify(verifierFor('rsa'), bytes, signature.subarray(1)), name);
    t.false(algorithm.verify(verifierFor('rsa'), bytes, Buffer.concat([zero, signature])), name);
  }
});

test('the salt of PSS is as long as the digest', (t) => {
  const bytes = Buffer.from('text');
  for (const [name, digest, saltLength] of [
    ['rsa-pss-sha256', 'sha256', 32],
    ['rsa-pss-sha512', 'sha512', 64],
  ] as const) {
    const signature = ALGORITHMS[name].sign(pairs.rsa, bytes);
    const key = { key: createPublicKey(pairs.rsa), padding: constants.RSA_PKCS1_PSS_PADDING };
    t.true(verify(digest, bytes, { ...key, saltLength }, signature));
    t.false(verify(digest, bytes, { ...key, saltLength: saltLength - 1 }, signature));
  }
});
