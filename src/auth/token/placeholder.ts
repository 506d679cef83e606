import { randomBytes } from 'node:crypto';
import type { ExpirySpec, TokenSpec } from '../../config/profile/profile.ts';
import { EMPTY_REQUEST } from '../draft.ts';
import { Scope } from '../scope.ts';
import type { Compile } from '../template.ts';
import { compileMap } from './json-template.ts';
import { addFields, placePointer } from './pointer.ts';

/** The answer to a caller that requests a token itself. */
export interface PlaceholderAnswer {
  readonly contentType: string;
  readonly body: string;
}

const LIFETIME_MS = 3_600_000;
const RANDOM_BYTES = 24;

/** A text that is no token. Its prefix makes that clear to people and to secret scanners; 32 random characters follow. */
const makePlaceholder = (): string => `outrider-placeholder-${randomBytes(RANDOM_BYTES).toString('base64url')}`;

type Placed = readonly (readonly [pointer: string, value: unknown])[];

/**
 * Compiles the answer that replaces that of the token endpoint. It has the shape that `token.read` reads, and a placeholder as
 * its token. It is valid for an hour by the first source of the expiry that can be filled in. Further fields of the profile are
 * added and change none of these. It holds no credential. `nowMs` is epoch milliseconds.
 */
export function compilePlaceholder(spec: TokenSpec, compile: Compile): (nowMs: number) => PlaceholderAnswer {
  const { read } = spec;
  const more = compileMap(spec.placeholder ?? {}, compile, true);
  const source = read.expiry.find((each) => !('jwt' in each));
  return (nowMs) => {
    const accessToken = makePlaceholder();
    const refreshToken = spec.hasRefreshToken ? makePlaceholder() : undefined;
    const token = { accessToken, tokenType: read.tokenType.default ?? '', refreshToken };
    if (read.format === 'text') return { contentType: 'text/plain; charset=utf-8', body: accessToken };
    const fields: Placed = [
      [read.accessToken.pointer ?? '', accessToken],
      [read.tokenType.pointer ?? '', token.tokenType],
      [read.refreshToken.pointer ?? '', refreshToken ?? ''],
      ...(source ? expiryFields(source, nowMs) : []),
    ];
    const answer: Record<string, unknown> = {};
    for (const [pointer, value] of fields) if (pointer !== '' && value !== '') placePointer(answer, pointer, value);
    const scope = new Scope({ credentials: new Map(), token, subject: '', request: EMPTY_REQUEST, now: () => nowMs });
    addFields(
      answer,
      more((template) => template.render(scope)),
    );
    if (read.format === 'form') {
      // A form can't express null. The config allows no maps and lists in one.
      const list = Object.entries(answer).flatMap(([name, value]): [string, string][] =>
        isScalar(value) ? [[name, String(value)]] : [],
      );
      return { contentType: 'application/x-www-form-urlencoded', body: new URLSearchParams(list).toString() };
    }
    return { contentType: 'application/json', body: JSON.stringify(answer) };
  };
}

const isScalar = (value: unknown): value is string | number | boolean =>
  value !== undefined && typeof value !== 'object';

const MOMENT: Readonly<Record<'s' | 'ms' | 'iso', (ms: number) => number | string>> = {
  s: (ms) => Math.floor(ms / 1000),
  ms: (ms) => ms,
  iso: (ms) => new Date(ms).toISOString(),
};

/** The fields that one source of the expiry reads, for a token that was issued now. */
function expiryFields(source: ExpirySpec, nowMs: number): Placed {
  if ('jwt' in source) return [];
  const show = MOMENT[source.unit];
  if ('in' in source) return [[source.in, show(LIFETIME_MS)]];
  const since: Placed = source.since === undefined ? [] : [[source.since, show(nowMs)]];
  return [...since, [source.at, show(nowMs + LIFETIME_MS)]];
}
