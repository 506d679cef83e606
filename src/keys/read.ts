import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { KeyKind } from './algorithms.ts';

/** How the text of a credential becomes a key. `text`: its UTF-8 bytes. */
export const KEY_FORMATS = ['text', 'pem', 'base64', 'hex'] as const;
export type KeyFormat = (typeof KEY_FORMATS)[number];

/** Why a text is no key. Neither the message nor the help holds anything of the text. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

/**
 * Reads a key. Throws a {@link KeyError}.
 * @param passphrase Opens an encrypted PEM; not needed for one that is not encrypted.
 */
export function readKey(text: string, format: KeyFormat, passphrase?: string): KeyObject {
  if (format === 'pem') return readPem(text, passphrase);
  return createSecretKey(READ_BYTES[format](text));
}

const READ_BYTES: Readonly<Record<Exclude<KeyFormat, 'pem'>, (text: string) => Buffer>> = {
  text: (text) => Buffer.from(text, 'utf8'),
  base64(text) {
    const digits = text.replaceAll(/\s/g, '').replace(/={1,2}$/, '');
    const isOneAlphabet = /^(?:[\w-]*|[A-Za-z0-9+/]*)$/.test(digits);
    if (digits === '' || digits.length % 4 === 1 || !isOneAlphabet) {
      throw new KeyError('is not base64', 'give it as it came from the provider, or say `format: text` or `hex`');
    }
    return Buffer.from(digits, 'base64');
  },
  hex(text) {
    const digits = text.replaceAll(/\s/g, '');
    if (!/^(?:[\da-f]{2})+$/i.test(digits)) {
      throw new KeyError('is not hex', 'give pairs of hex digits, or say `format: text` or `base64`');
    }
    return Buffer.from(digits, 'hex');
  },
};

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;
const AS_PKCS8 = '`openssl pkcs8 -topk8 -in FILE` makes PKCS#8 of it';

function readPem(text: string, passphrase: string | undefined): KeyObject {
  // A variable or a JSON file often has the line breaks as the two characters `\n`. Base64 has no backslash.
  const lines = text.replaceAll(/\\r\\n|\\n|\\r/g, '\n');
  const blocks = [...lines.matchAll(BLOCK)].map(([block, label = '']) => ({ block, label }));
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [found = blocks.find(({ label }) => label === 'CERTIFICATE' || label.endsWith('PUBLIC KEY'))] = keys;
  if (keys.length > 1) throw new KeyError('holds more than one private key', 'leave in the one that signs');
  if (!found) throw noBlock(lines);
  const { block, label } = found;
  if (label === 'OPENSSH PRIVATE KEY') {
    throw new KeyError("is in OpenSSH's own format", '`ssh-keygen -p -m PKCS8 -f FILE` makes PKCS#8 of a copy of it');
  }
  if (!label.endsWith('PRIVATE KEY')) return readPublic(block, label);
  const isEncrypted = label === 'ENCRYPTED PRIVATE KEY' || block.includes('Proc-Type: 4,ENCRYPTED');
  if (isEncrypted && (passphrase === undefined || passphrase === '')) {
    throw new KeyError(
      'is encrypted, and there is no passphrase',
      'give the credential that is its passphrase; in a profile it is named with `passphrase: "{{credentials.…}}"`',
    );
  }
  try {
    return createPrivateKey(isEncrypted ? { key: block, passphrase } : block);
  } catch (error) {
    throw unreadable(error, isEncrypted);
  }
}

function readPublic(block: string, label: string): KeyObject {
  try {
    return createPublicKey(block);
  } catch {
    throw new KeyError(`holds a ${label.toLowerCase()} that can't be read`, 'copy it anew, with every line of it');
  }
}

function noBlock(text: string): KeyError {
  if (text.includes('-----BEGIN')) {
    return new KeyError('is cut off: the line `-----END …-----` is missing', 'copy it anew, with every line of it');
  }
  return new KeyError(
    'is not PEM: the line `-----BEGIN … PRIVATE KEY-----` is missing',
    'give the key with its first and last line; from a file: "${file:/path/key.pem}"',
  );
}

/** The message of OpenSSL is left out: it says nothing to the reader, and nobody knows what it may quote. */
function unreadable(error: unknown, isEncrypted: boolean): KeyError {
  // A wrong passphrase yields noise, in which OpenSSL may see a key of an unknown kind.
  if (isEncrypted) {
    return new KeyError('is not opened by its passphrase', 'give the passphrase that the key was encrypted with');
  }
  if (String((error as NodeJS.ErrnoException).code).includes('UNSUPPORTED')) {
    return new KeyError('is a private key of a kind that is not known, or it is damaged', AS_PKCS8);
  }
  return new KeyError("holds a private key that can't be read", `copy it anew, with every line of it; ${AS_PKCS8}`);
}

const CURVES: Readonly<Record<string, KeyKind>> = { prime256v1: 'p-256', secp384r1: 'p-384' };
const CURVE_NAMES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** The kind of a key; undefined for one that no algorithm of ours takes. */
export function kindOf(key: KeyObject): KeyKind | undefined {
  if (key.type === 'secret') return 'secret';
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType === 'rsa' || asymmetricKeyType === 'ed25519') return asymmetricKeyType;
  return asymmetricKeyType === 'ec' ? CURVES[asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
}

/** What a key is, for people: `an RSA key of 2048 bits`. */
export function describeKey(key: KeyObject): string {
  if (key.type === 'secret') return 'a shared secret';
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details } = key;
  const whole = key.type === 'public' ? 'public key' : 'key';
  if (type === 'rsa') return `an RSA ${whole} of ${details?.modulusLength} bits`;
  const curve = details?.namedCurve;
  if (curve !== undefined) return `an EC ${whole} on ${CURVE_NAMES[curve] ?? curve}`;
  return `a ${whole} of type ${type}`;
}

const KIND_NAMES: Readonly<Record<KeyKind, string>> = {
  none: 'no key',
  secret: 'a shared secret',
  rsa: 'an RSA key',
  'p-256': 'an EC key on P-256',
  'p-384': 'an EC key on P-384',
  ed25519: 'an Ed25519 key',
};

/** What an algorithm wants, for people: `an EC key on P-256`. */
export const describeKind = (kind: KeyKind): string => KIND_NAMES[kind];

/** RSA keys with fewer bits are weak (NIST SP 800-131A, RFC 7518 §3.3). */
const LEAST_RSA_BITS = 2048;

/** Whether an RSA key has too few bits to be trusted. */
export const isWeak = (key: KeyObject): boolean =>
  key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < LEAST_RSA_BITS;
