import { parseDateTime } from '../../core/date-time.ts';
import type { ExpirySpec, TokenSpec } from '../../config/profile/profile.ts';
import { readPointer } from './pointer.ts';

/** A problem with the expiry in an answer that an operator should look into. */
export interface ExpiryWarning {
  readonly code: 'unreadable_expiry' | 'implausible_expiry';
  /** Names the fields, and never quotes their values. */
  readonly message: string;
  readonly help: string;
}

/** What the expiry of a token is read from. */
export interface ExpiryInput {
  /** The parsed answer, into which the pointers lead. */
  readonly root: unknown;
  readonly accessToken: string;
  /** The moment of the answer by the endpoint's clock (its `Date`), epoch milliseconds. */
  readonly theirNowMs: number;
}

/** The longest lifetime that a token is given, so that times stay safe integers. */
const LONGEST_LIFETIME_MS = 100 * 365 * 86_400_000;
const DAY_MS = 86_400_000;
/** A longer lifetime is warned of: it is more often milliseconds that were declared as seconds than a real one. */
const PLAUSIBLE_MS = 40 * DAY_MS;

/**
 * Reads the lifetime of a token in milliseconds, from the first source that yields one; else it is the profile's default. A
 * lifetime that is over already is 0 or less. `warn` is called at most once for each kind of problem.
 */
export function readLifetime(
  read: TokenSpec['read'],
  input: ExpiryInput,
  warn: (warning: ExpiryWarning) => void,
): number {
  const unreadable: Unreadable[] = [];
  let lifetimeMs: number | undefined;
  for (const source of read.expiry) {
    const found = lifetimeBy(source, input, unreadable);
    if (Number.isNaN(found)) continue;
    lifetimeMs = clamp(found);
    if (lifetimeMs > PLAUSIBLE_MS) warn(implausible(source, lifetimeMs));
    break;
  }
  if (unreadable.length > 0) warn(unreadableExpiry(unreadable, lifetimeMs === undefined));
  return lifetimeMs ?? read.lifetimeDefaultMs;
}

interface Unreadable {
  readonly field: string;
  readonly source: ExpirySpec;
}

function unreadableExpiry(unreadable: readonly Unreadable[], isDefault: boolean): ExpiryWarning {
  const fields = unreadable.map(({ field }) => field);
  const taken = isDefault ? 'token.read.lifetime_default holds' : 'another source is taken';
  return {
    code: 'unreadable_expiry',
    message: `${[...new Set(fields)].join(' and ')} of the token answer can't be read as token.read.expiry says: ${taken}`,
    help: `compare \`token.read.expiry\` of the profile with the answer: ${readingOf(unreadable)}`,
  };
}

/** Says what the sources can read. It names only units that every source could have. */
function readingOf(unreadable: readonly Unreadable[]): string {
  if (unreadable.some(({ source }) => 'at' in source)) return '`unit: iso` reads moments of RFC 3339';
  return unreadable.some(({ source }) => 'in' in source) ? '`in` reads numbers' : '`jwt` reads numbers of a JWT';
}

function implausible(source: ExpirySpec, lifetimeMs: number): ExpiryWarning {
  const days = Math.floor(lifetimeMs / DAY_MS);
  const { question, help } = ADVICE['jwt' in source ? 'jwt' : source.unit];
  const message = `by ${nameOf(source)} of its answer the token lives for ${days} days: ${question}`;
  return { code: 'implausible_expiry', message, help };
}

interface Advice {
  readonly question: string;
  readonly help: string;
}

/** What may be wrong with an implausible lifetime and what to do about it, by the unit of its source. */
const ADVICE: Readonly<Record<'s' | 'ms' | 'iso' | 'jwt', Advice>> = {
  s: {
    question: 'are milliseconds declared as seconds?',
    help: 'if they are, write `unit: ms` in `token.read.expiry` of the profile',
  },
  ms: {
    question: 'is it the right field?',
    help: 'compare `token.read.expiry` of the profile with the answer: `in` is a lifetime, `at` a moment',
  },
  iso: {
    question: 'is it the right moment?',
    help: 'compare `token.read.expiry` of the profile with the answer: `since` is the moment that the token began',
  },
  jwt: {
    question: 'does the claim hold milliseconds?',
    help: 'a claim is read in seconds (RFC 7519): if it holds something else, take another source in `token.read.expiry` of the profile, or `token.read.lifetime_default`',
  },
};

/** One field that an expiry may be read from, as an answer has it. */
export interface SaidExpiry {
  readonly field: string;
  /** As it stands there; undefined where it can't be read, and may be anything. */
  readonly value: string | number | undefined;
}

/** What the sources find in an answer, in their order, for a person to read; a field that is absent or null is left out. */
export function saidOfExpiry(
  read: TokenSpec['read'],
  { root, accessToken }: Omit<ExpiryInput, 'theirNowMs'>,
): readonly SaidExpiry[] {
  return read.expiry.flatMap((source) => {
    const isClaim = 'jwt' in source;
    const from = isClaim ? claimsOf(accessToken) : root;
    const isReadable = (value: unknown): value is string | number =>
      !Number.isNaN(TIMES[isClaim ? 's' : source.unit](value));
    const pointers = 'in' in source ? [source.in] : [source.since, isClaim ? source.jwt : source.at];
    return pointers.flatMap((pointer): readonly SaidExpiry[] => {
      const value = pointer === undefined ? undefined : readPointer(from, pointer);
      if (pointer === undefined || value === undefined || value === null) return [];
      const field = isClaim ? `the claim ${pointer}` : pointer;
      return [{ field, value: isReadable(value) ? value : undefined }];
    });
  });
}

const nameOf = (source: ExpirySpec): string =>
  'in' in source ? source.in : 'at' in source ? source.at : `the claim ${source.jwt}`;

type ReadTime = (value: unknown) => number;

/** How a value of each unit is read: in milliseconds, NaN for an unreadable value. */
const TIMES = {
  s: (value) => numberOf(value) * 1000,
  ms: (value) => numberOf(value),
  iso: (value) => (typeof value === 'string' ? parseDateTime(value) : Number.NaN),
} as const satisfies Record<'s' | 'ms' | 'iso', ReadTime>;

/**
 * The lifetime in milliseconds by one source; NaN when it yields none. A field that is there and can't be read is added to
 * `unreadable`.
 */
function lifetimeBy(
  source: ExpirySpec,
  { root, accessToken, theirNowMs }: ExpiryInput,
  unreadable: Unreadable[],
): number {
  const time = (from: unknown, pointer: string, read: ReadTime, name = pointer): number => {
    const value = readPointer(from, pointer);
    const ms = read(value);
    if (Number.isNaN(ms) && value !== undefined && value !== null) unreadable.push({ field: name, source });
    return ms;
  };
  if ('in' in source) return time(root, source.in, TIMES[source.unit]);
  if ('at' in source) {
    const read = TIMES[source.unit];
    const sinceMs = source.since === undefined ? theirNowMs : time(root, source.since, read);
    return time(root, source.at, read) - sinceMs;
  }
  const claims = claimsOf(accessToken);
  if (!claims) {
    unreadable.push({ field: 'the access token (it is no JWT)', source });
    return Number.NaN;
  }
  const claim = (pointer: string): number => time(claims, pointer, TIMES.s, `the claim ${pointer}`);
  return claim(source.jwt) - (source.since === undefined ? theirNowMs : claim(source.since));
}

/**
 * The claims of a JWT (RFC 7519); undefined for any other text. The signature is not verified: the claims only decide when the
 * token is renewed.
 */
function claimsOf(token: string): object | undefined {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    const bytes = Buffer.from(payload, 'base64url');
    const claims = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
    return typeof claims === 'object' && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a JSON number, or a decimal number in a string (Vipps: `"expires_on": "1547819160"`); NaN for anything else. */
function numberOf(found: unknown): number {
  const value = typeof found === 'string' && /^-?\d+(?:\.\d+)?$/.test(found) ? Number(found) : found;
  return typeof value === 'number' && Number.isFinite(value) ? value : Number.NaN;
}

function clamp(lifetimeMs: number): number {
  return Math.floor(Math.min(Math.max(lifetimeMs, -LONGEST_LIFETIME_MS), LONGEST_LIFETIME_MS));
}
