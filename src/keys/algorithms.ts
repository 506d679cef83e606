import { constants, createHmac, hash, KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';

/** A key that is at hand: an object of `node:crypto`, or the bytes of a shared secret. */
export type Key = KeyObject | Uint8Array;

/** The kind of key that an algorithm takes. `secret`: bytes that both sides know. */
export type KeyKind = 'none' | 'secret' | 'rsa' | 'p-256' | 'p-384' | 'ed25519';

/** How an ECDSA signature is written: `raw` is r and s side by side (RFC 7518 §3.4), `der` an ASN.1 sequence. */
export type SignatureForm = 'raw' | 'der';

/** A way to sign bytes. What comes out is bytes, before any encoding. */
export interface Algorithm {
  readonly key: KeyKind;
  /** Whether the same bytes and key give a new signature each time. */
  readonly isRandomized: boolean;
  /** Signs. The key must be of the kind above: that was checked when the config was loaded. It is not read if the kind is `none`. */
  sign(key: Key, bytes: Uint8Array, form?: SignatureForm): Buffer;
  /** Whether the signature belongs to the bytes. Takes a public key, or a private one. A digest is compared in constant time. */
  verify(key: Key, bytes: Uint8Array, signature: Uint8Array, form?: SignatureForm): boolean;
}

type Make = (key: Key, bytes: Uint8Array) => Buffer;

/** An algorithm that is verified by doing the same again. */
const repeated = (key: KeyKind, make: Make): Algorithm => ({
  key,
  isRandomized: false,
  sign: make,
  verify(given, bytes, signature) {
    const expected = make(given, bytes);
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  },
});

const digest = (name: string): Algorithm => repeated('none', (_, bytes) => hash(name, bytes, 'buffer'));
const hmac = (name: string): Algorithm =>
  repeated('secret', (key, bytes) => createHmac(name, key).update(bytes).digest());

type Options = Readonly<{ padding?: number; saltLength?: number }>;

/** An algorithm with a private and a public key. `name` is the digest, null where the algorithm has its own. */
const pair = (key: KeyKind, name: string | null, options: Options = {}, isRandomized = false): Algorithm => ({
  key,
  isRandomized,
  sign: (given, bytes, form) => sign(name, bytes, { key: objectOf(given), ...options, dsaEncoding: encodingOf(form) }),
  verify(given, bytes, signature, form) {
    const object = objectOf(given);
    if (!hasLengthOf(object, signature)) return false;
    return verify(name, bytes, { key: object, ...options, dsaEncoding: encodingOf(form) }, signature);
  },
});

/**
 * Whether an RSA signature is as long as its key (RFC 8017 §8.1.2 and §8.2.2). OpenSSL takes one of PSS without the zeros at its
 * beginning, which would give one callback two signatures. Other signatures say nothing by their length.
 */
function hasLengthOf({ asymmetricKeyDetails: details }: KeyObject, signature: Uint8Array): boolean {
  const bits = details?.modulusLength;
  return bits === undefined || signature.length === Math.ceil(bits / 8);
}

const encodingOf = (form: SignatureForm = 'raw'): 'ieee-p1363' | 'der' => (form === 'raw' ? 'ieee-p1363' : 'der');

function objectOf(key: Key): KeyObject {
  if (key instanceof KeyObject) return key;
  throw new TypeError('the algorithm takes a key from PEM, not bytes');
}

const rsa = (name: string): Algorithm => pair('rsa', name);
const rsaPss = (name: string): Algorithm =>
  pair('rsa', name, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, true);
const ecdsa = (key: KeyKind, name: string): Algorithm => pair(key, name, {}, true);

/** Every algorithm that a profile can name. Nothing else in the program lists them. */
export const ALGORITHMS = {
  sha256: digest('sha256'),
  sha512: digest('sha512'),
  sha1: digest('sha1'),
  md5: digest('md5'),
  'hmac-sha256': hmac('sha256'),
  'hmac-sha384': hmac('sha384'),
  'hmac-sha512': hmac('sha512'),
  'hmac-sha1': hmac('sha1'),
  'rsa-sha256': rsa('sha256'),
  'rsa-sha384': rsa('sha384'),
  'rsa-sha512': rsa('sha512'),
  'rsa-sha1': rsa('sha1'),
  'rsa-pss-sha256': rsaPss('sha256'),
  'rsa-pss-sha384': rsaPss('sha384'),
  'rsa-pss-sha512': rsaPss('sha512'),
  'ecdsa-p256-sha256': ecdsa('p-256', 'sha256'),
  'ecdsa-p384-sha384': ecdsa('p-384', 'sha384'),
  ed25519: pair('ed25519', null),
} as const satisfies Record<string, Algorithm>;

/** The name of an algorithm, as a profile writes it. */
export type AlgorithmName = keyof typeof ALGORITHMS;

/** All names, in the order of the table. */
export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as readonly AlgorithmName[];
