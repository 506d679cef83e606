import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { isHeaderValue } from '../core/headers.ts';
import type { Encryption } from '../config/config.ts';
import type { Secret } from '../core/secret.ts';
import type { TokenRecord } from './store.ts';

/** Turns records into text and back: JSON, or JSON that is encrypted with AES-256-GCM. */
export interface Codec {
  readonly write: (key: string, record: TokenRecord) => string;
  /**
   * Undefined, after a call of {@link OnUnreadable}, for a text that is no record or was not written for this key of the store
   * with one of our encryption keys.
   */
  readonly read: (key: string, text: string) => TokenRecord | undefined;
}

/** Called with the reason for which the record of `key` counts as absent. The reason holds nothing of the record. */
export type OnUnreadable = (key: string, reason: string) => void;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
/** `v1.KEY_NAME.BASE64URL`, where the bytes are nonce, ciphertext and tag. */
const SEALED = /^v1\.([0-9a-f]{8})\.([\w-]+)$/;

interface NamedKey {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Gives an encryption key its name: a part of a digest, which finds the key and doesn't help to guess it. */
function named(secret: Secret): NamedKey {
  const bytes = Buffer.from(secret.reveal(), 'base64');
  return { name: hash('sha256', Buffer.concat([Buffer.from('outrider store key\0'), bytes])).slice(0, 8), bytes };
}

/**
 * The data that a sealed text is bound to: the encryption key's name, and the key of the record in the store. So a text is
 * worthless in another record's place.
 */
const additionalData = (keyName: string, key: string): Buffer => Buffer.from(`outrider v1\0${keyName}\0${key}`);

/**
 * Creates the codec for a store. Without `encryption` it writes plain JSON, and refuses sealed texts. With it, it seals by the
 * current key, reads by the old keys too, and refuses plain texts.
 */
export function createCodec(encryption: Encryption | undefined, onUnreadable: OnUnreadable): Codec {
  const current = encryption && named(encryption.key);
  const keys = new Map(
    [...(encryption?.oldKeys ?? []).map(named), ...(current ? [current] : [])].map((k) => [k.name, k]),
  );
  const refuse = (key: string, reason: string): undefined => {
    onUnreadable(key, reason);
    return undefined;
  };

  function unseal(key: string, text: string): string | undefined {
    const [, keyName = '', sealed = ''] = SEALED.exec(text) ?? [];
    if (!current) return keyName === '' ? text : refuse(key, 'it is encrypted and there is no key');
    if (keyName === '') return refuse(key, 'it is not encrypted');
    const used = keys.get(keyName);
    if (!used) return refuse(key, 'it is encrypted with a key that is not known');
    const bytes = Buffer.from(sealed, 'base64url');
    try {
      const decipher = createDecipheriv(CIPHER, used.bytes, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(additionalData(keyName, key)).setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return refuse(key, 'it does not decrypt');
    }
  }

  return {
    write(key, record) {
      const text = JSON.stringify(record);
      if (!current) return text;
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, current.bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(additionalData(current.name, key));
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${current.name}.${sealed.toString('base64url')}`;
    },
    read(key, text) {
      const plain = unseal(key, text);
      if (plain === undefined) return undefined;
      return parseRecord(plain) ?? refuse(key, 'it is no token record');
    },
  };
}

function parseRecord(text: string): TokenRecord | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { generation, accessToken, tokenType, refreshToken, issuedAtMs, expiresAtMs } = (json ?? {}) as Record<
    keyof TokenRecord,
    unknown
  >;
  const isSound =
    Number.isSafeInteger(generation) &&
    typeof accessToken === 'string' &&
    accessToken !== '' &&
    isHeaderValue(accessToken) &&
    typeof tokenType === 'string' &&
    isHeaderValue(tokenType) &&
    (refreshToken === undefined || typeof refreshToken === 'string') &&
    Number.isFinite(issuedAtMs) &&
    Number.isFinite(expiresAtMs);
  if (!isSound) return undefined;
  return { generation, accessToken, tokenType, refreshToken, issuedAtMs, expiresAtMs } as TokenRecord;
}

/**
 * A record that stands in for an unreadable one. It has expired, so it is never used, and it keeps the generation, so that
 * counting goes on.
 */
export const tombstone = (generation: number): TokenRecord => ({
  generation,
  accessToken: '',
  tokenType: '',
  refreshToken: undefined,
  issuedAtMs: 0,
  expiresAtMs: 0,
});
