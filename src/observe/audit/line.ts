import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import type { Secret } from '../../core/secret.ts';
import { toJson } from '../line.ts';

/** What a line says besides its number, its time and its place in the chain. Undefined values are left out. */
export type Told = Readonly<Record<string, unknown>>;

/** The place of a line in the chain. */
export interface Link {
  /** Grows by 1 with each line, also from one file to the next. */
  readonly seq: number;
  /** The SHA-256 of the line before it, in hex. */
  readonly prev: string;
}

/** A line as it was read. */
export interface Line extends Link {
  readonly event: string;
  readonly time: string;
  /** All its members. */
  readonly told: Told;
  /** In hex; undefined where it has none. */
  readonly hmac: string | undefined;
}

/** Stands for the line before the first one. */
export const NO_LINE = '0'.repeat(64);

const MAC = /^,"hmac":"([0-9a-f]{64})"}$/;
const MAC_LENGTH = `,"hmac":"${NO_LINE}"}`.length;
const DIGEST = /^[0-9a-f]{64}$/;
const END = Buffer.from('}');

/** The SHA-256 of a line without its line break, in hex. */
export const digestOf = (line: Uint8Array | string): string => hash('sha256', line);

/** Makes the key for HMACs of a secret: 32 bytes in base64. */
export const macKey = (key: Secret): KeyObject => createSecretKey(key.reveal(), 'base64');

const macOf = (signed: Uint8Array | string, key: KeyObject): string =>
  createHmac('sha256', key).update(signed).digest('hex');

/** Writes a line, without its line break. With `key` its last member is the HMAC of the line without that member. */
export function writeLine({ seq, prev }: Link, time: string, event: string, told: Told, key?: KeyObject): string {
  const text = toJson({ seq, time, event, ...told, prev });
  return key ? `${text.slice(0, -1)},"hmac":"${macOf(text, key)}"}` : text;
}

/** Reads a line. Undefined: it is none of an audit trail. */
export function readLine(bytes: Buffer): Line | undefined {
  let told: unknown;
  try {
    told = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (typeof told !== 'object' || told === null) return undefined;
  const { seq, time, event, prev } = told as Partial<Record<string, unknown>>;
  if (!Number.isSafeInteger(seq) || typeof time !== 'string' || typeof event !== 'string') return undefined;
  if (typeof prev !== 'string' || !DIGEST.test(prev)) return undefined;
  const [, hmac] = MAC.exec(bytes.subarray(-MAC_LENGTH).toString('latin1')) ?? [];
  return { seq: seq as number, time, event, prev, hmac, told: told as Told };
}

/** Whether the HMAC at the end of a line is the one that `key` makes. */
export function isSigned(bytes: Buffer, { hmac }: Line, key: KeyObject): boolean {
  return hmac !== undefined && macOf(Buffer.concat([bytes.subarray(0, -MAC_LENGTH), END]), key) === hmac;
}
