import type { ExpirySpec, ReadSpec, TokenSpec } from '../../config/profile.ts';
import { isHeaderValue } from '../../core/headers.ts';
import type { HttpAnswer } from '../../core/http.ts';
import { badAnswer, dateOf, statusFailure } from './failure.ts';
import { readPointer } from './pointer.ts';

/** What an answer to a token call says. */
export interface TokenAnswer {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken: string | undefined;
  /** From the answer's arrival on; as it was said, so it can be 0 or less. */
  readonly lifetimeMs: number;
}

const UNIT_MS = { s: 1000, ms: 1 } as const;
/** No token is taken to live longer, so that times stay safe integers. */
const LONGEST_LIFETIME_MS = 100 * 365 * 86_400_000;

/**
 * Reads an answer that arrived at `arrivedAtMs`. Throws {@link TokenFailure}: a status other than 2xx, no JSON, no token, an
 * empty one, one that is no text, or one that a header can't hold.
 */
export function readTokenResponse(read: TokenSpec['read'], answer: HttpAnswer, arrivedAtMs: number): TokenAnswer {
  if (answer.status < 200 || answer.status > 299) throw statusFailure(answer, arrivedAtMs);
  const json = parse(answer.body);
  const accessToken = read.accessToken.pointer === undefined ? undefined : readPointer(json, read.accessToken.pointer);
  if (accessToken === undefined || accessToken === null) throw badAnswer('it has no token');
  if (typeof accessToken !== 'string') throw badAnswer('its token is not a text');
  if (accessToken.trim() === '') throw badAnswer('its token is empty');
  const tokenType = readText(json, read.tokenType) ?? '';
  if (!isHeaderValue(accessToken) || !isHeaderValue(tokenType)) {
    throw badAnswer('its token has characters that a header can not hold');
  }
  return {
    accessToken,
    tokenType,
    refreshToken: readText(json, read.refreshToken),
    lifetimeMs: readLifetime(read, json, dateOf(answer.headers) ?? arrivedAtMs),
  };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    // The parser's message quotes the body, which may hold a token.
    throw badAnswer('it is not JSON');
  }
}

function readText(json: unknown, { pointer, default: otherwise }: ReadSpec): string | undefined {
  const found = pointer === undefined ? undefined : readPointer(json, pointer);
  return typeof found === 'string' && found !== '' ? found : otherwise;
}

/** The lifetime by the first source that yields one. `theirNowMs` is what their clock said when the answer was sent. */
function readLifetime(read: TokenSpec['read'], json: unknown, theirNowMs: number): number {
  for (const source of read.expiry) {
    const lifetimeMs = lifetimeBy(source, json, theirNowMs);
    if (!Number.isNaN(lifetimeMs)) return clamp(lifetimeMs);
  }
  return read.lifetimeDefaultMs;
}

/** NaN when the source yields none. */
function lifetimeBy(source: ExpirySpec, json: unknown, theirNowMs: number): number {
  const unitMs = UNIT_MS[source.unit];
  if ('in' in source) return readNumber(json, source.in) * unitMs;
  const sinceMs = source.since === undefined ? theirNowMs : readNumber(json, source.since) * unitMs;
  return readNumber(json, source.at) * unitMs - sinceMs;
}

/** A number, or a decimal string (Vipps: `"expires_on": "1547819160"`); anything else is NaN. */
function readNumber(json: unknown, pointer: string): number {
  const found = readPointer(json, pointer);
  const value = typeof found === 'string' && /^-?\d+(?:\.\d+)?$/.test(found) ? Number(found) : found;
  return typeof value === 'number' && Number.isFinite(value) ? value : Number.NaN;
}

function clamp(lifetimeMs: number): number {
  return Math.floor(Math.min(Math.max(lifetimeMs, -LONGEST_LIFETIME_MS), LONGEST_LIFETIME_MS));
}
