import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { CompactSign, compactVerify, errors } from 'jose';
import { ALGORITHMS, type KeyKind } from '../../src/keys/algorithms.ts';
import { JWS_ALGORITHM_NAMES, JWS_ALGORITHMS, signJws } from '../../src/keys/jws.ts';
import { VECTORS } from './rfc-keys.ts';

for (const { source, algorithm, key, header, payload, compact, isRepeatable } of VECTORS) {
  test(`${source}: ${algorithm}`, (t) => {
    const made = signJws(algorithm, key, header, payload);
    if (isRepeatable) t.is(made, compact);
    const rule = ALGORITHMS[JWS_ALGORITHMS[algorithm]];
    for (const text of [compact, made]) {
      const end = text.lastIndexOf('.');
      t.is(text.slice(0, end), compact.slice(0, compact.lastIndexOf('.')));
      const signature = Buffer.from(text.slice(end + 1), 'base64url');
      t.true(rule.verify(key, Buffer.from(text.slice(0, end)), signature));
      signature[3] = (signature[3] ?? 0) ^ 1;
      t.false(rule.verify(key, Buffer.from(text.slice(0, end)), signature));
    }
  });
}

const KEYS: Readonly<Record<Exclude<KeyKind, 'none'>, KeyObject>> = {
  secret: createSecretKey(randomBytes(64)),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  'p-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'p-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ed25519: generateKeyPairSync('ed25519').privateKey,
};

for (const algorithm of JWS_ALGORITHM_NAMES) {
  test(`${algorithm}: jose takes what we sign and no other text, and we take what jose signs`, async (t) => {
    const rule = ALGORITHMS[JWS_ALGORITHMS[algorithm]];
    const { key: kind } = rule;
    const key = KEYS[kind as Exclude<KeyKind, 'none'>];
    const other = kind === 'secret' ? key : createPublicKey(key);
    const ours = kind === 'secret' ? key.export() : key;
    const header = JSON.stringify({ alg: algorithm, typ: 'JWT' });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (payload) => {
        const made = signJws(algorithm, ours, header, payload);
        const read = await compactVerify(made, other, { algorithms: [algorithm] });
        t.is(Buffer.from(read.payload).toString(), payload);
        const [protectedPart, , signature] = made.split('.');
        const changed = [protectedPart, Buffer.from(`${payload}x`).toString('base64url'), signature].join('.');
        await t.throwsAsync(compactVerify(changed, other), { instanceOf: errors.JWSSignatureVerificationFailed });
        const theirs = await new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: algorithm }).sign(key);
        const end = theirs.lastIndexOf('.');
        t.true(
          rule.verify(ours, Buffer.from(theirs.slice(0, end)), Buffer.from(theirs.slice(end + 1), 'base64url')),
          'by jose',
        );
      }),
      { numRuns: 10 },
    );
  });
}
