import { hash } from 'node:crypto';
import { z } from 'zod';
import { parseDateTime } from '../../core/date-time.ts';
import { isHeaderValue } from '../../core/headers.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { described, integer, listOf, scalar, text, unexpectedValue, type Scalar } from './scalar.ts';
import { section } from './section.ts';
import { method, ownName, pathPattern } from './values.ts';
import type { ScalarNode } from '../yaml/tree.ts';

/** A digest in place of a token: SHA-256 in hex. */
const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** Returns the SHA-256 (hex) that stands in place of a token. Undefined for a token itself. */
const writtenDigest = (value: string): string | undefined => DIGEST.exec(value)?.[1];

/** The SHA-256 of a token, in hex. Callers are looked up by it, so that the time of a look-up tells nothing of a token. */
export const tokenDigest = (token: string): string => hash('sha256', token);

/** The same for the token of a caller as the config has it: the token, or its digest. */
export const callerDigest = (value: string): string => writtenDigest(value) ?? tokenDigest(value);

/** Why a text can't be the token of a caller (`empty_secret`, `invalid_value`). The error holds nothing of it. */
export function callerTokenError(value: string): ConfigError | undefined {
  if (value === '') return new ConfigError('empty_secret', "the caller's token is empty", 'give it a value');
  if (value.startsWith('sha256:') && writtenDigest(value) === undefined) {
    const help = 'it has 64 hex digits in lower case: `outrider token-for NAME` prints such a line';
    return new ConfigError('invalid_value', 'the digest of the token is none', help);
  }
  if (isHeaderValue(value) && value.trim() === value) return undefined;
  const help = 'use visible ASCII with no line break and no space at the ends';
  return new ConfigError('invalid_value', 'the token can not stand in a header', help);
}

/** The node is kept: a changed file is read again. */
const callerToken: Scalar<ScalarNode> = scalar({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  keepsEmpty: true,
  seen: 'never',
  read: (node) => {
    const error = callerTokenError(node.text);
    if (error) throw error;
    return node;
  },
});

/** How often something may happen, in times a second. */
export interface Rate {
  readonly perSecond: number;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60 };

const rate: Scalar<Rate> = scalar({
  expects: 'a rate',
  json: { type: 'string', pattern: '^[1-9]\\d*/[sm]$|\\$\\{' },
  read: (node) => {
    const [, count, unit = ''] = /^([1-9]\d{0,6})\/([sm])$/.exec(node.text) ?? [];
    if (count === undefined)
      throw unexpectedValue(node, 'a rate', 'write a whole number and the time: 50/s, 100/m (s, m)');
    return { perSecond: Number(count) / (SECONDS[unit] as number) };
  },
});

const moment: Scalar<number> = scalar({
  expects: 'a moment',
  json: { type: 'string' },
  read: (node) => {
    const atMs = parseDateTime(node.text);
    if (Number.isNaN(atMs))
      throw unexpectedValue(node, 'a moment', 'write date, time and zone (RFC 3339): 2027-01-31T00:00:00Z');
    return atMs;
  },
});

/** All routes, also those that are added later. */
export const ALL = '*';

const allRoutes: Scalar<typeof ALL> = scalar({
  expects: '"*", or a list',
  json: { const: ALL },
  read: (node) => {
    if (node.text !== ALL) throw unexpectedValue(node, '"*", or a list', 'write a list of names: [phonepe]');
    return ALL;
  },
});

/** One entry of `callers`. */
export const caller = section({
  name: described('Its name in log, metrics and commands.', ownName),
  token: described(
    'The token that it shows, or `sha256:` and the SHA-256 of it (`outrider token-for`).',
    callerToken.optional(),
  ),
  tokens: described('Several of them, while one takes the place of another.', listOf(callerToken)),
  certificate: described(
    'What its client certificate, from `listen.tls.client_ca`, says of it: one of these.',
    section({
      uri: described('A URI among its alternative names: `spiffe://acme/shop`.', text.optional()),
      dns: described('A DNS name among its alternative names.', text.optional()),
      cn: described('The common name of its subject.', text.optional()),
    }).optional(),
  ),
  routes: described(
    'The routes that it may use, by name; "*" for all, and for what is forwarded without a route. Default: none.',
    z.union([allRoutes, z.array(text)]).optional(),
  ),
  methods: described('The methods that it may use; default: all.', listOf(method)),
  paths: described(
    'The paths that it may use, as at the base-URL door; `/a/*` is for all paths below `/a`. Default: all.',
    listOf(pathPattern),
  ),
  rate: described(
    'How many requests it may make: `50/s` or `100/m`, a second of them at once, in each process.',
    rate.optional(),
  ),
  concurrent: described('How many of its requests may be under way.', integer(1, 1_000_000).optional()),
  expires: described('From when on it may do nothing: 2027-01-31T00:00:00Z.', moment.optional()),
});
