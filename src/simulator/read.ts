import { readMultipart } from './multipart.ts';
import type { SimulatorAnswer, Call } from './types.ts';

/** Why a request can't be read: a fitting status, and one sentence without any value of the request. */
export interface Problem {
  readonly status: 400 | 415;
  readonly detail: string;
}
/** What was read, or why it can't be. */
export type Read<T> = { readonly value: T } | { readonly problem: Problem };

export type TypeGuard<T> = (value: unknown) => value is T;
/** The fields of an object, with a guard for each. */
export type Shape = Readonly<Record<string, TypeGuard<unknown>>>;
/** The type of an object that fits a shape. */
export type Shaped<S extends Shape> = { readonly [K in keyof S]: S[K] extends TypeGuard<infer T> ? T : never };

const problem = (status: Problem['status'], detail: string): { readonly problem: Problem } => ({
  problem: { status, detail },
});

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function text(bytes: Uint8Array): string | undefined {
  try {
    return strictText.decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function decodeField(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

const mediaType = (call: Call): string => (call.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();

/**
 * Reads a URL-encoded form (application/x-www-form-urlencoded). Escapes and UTF-8 must be valid, and no field may occur twice.
 */
export function readForm(call: Call): Read<ReadonlyMap<string, string>> {
  if (mediaType(call) !== 'application/x-www-form-urlencoded')
    return problem(415, 'Content-Type must be application/x-www-form-urlencoded');
  const body = text(call.body);
  if (body === undefined) return problem(400, 'the form is not UTF-8');
  const fields = new Map<string, string>();
  for (const pair of body.split('&').filter(Boolean)) {
    const at = pair.indexOf('=');
    const name = decodeField(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? '' : decodeField(pair.slice(at + 1));
    if (name === undefined || value === undefined) return problem(400, 'the form has a bad percent escape');
    if (fields.has(name)) return problem(400, 'the form has a field twice');
    fields.set(name, value);
  }
  return { value: fields };
}

/**
 * Reads a form as PHP does: URL-encoded, or `multipart/form-data` with text parts. UTF-8 must be valid, and no field may occur
 * twice.
 */
export function readPhpForm(call: Call): Read<ReadonlyMap<string, string>> {
  if (mediaType(call) !== 'multipart/form-data') return readForm(call);
  const parts = readMultipart(call.header('content-type') ?? '', call.body);
  if ('wrong' in parts) return problem(400, parts.wrong);
  const fields = new Map<string, string>();
  for (const [name, bytes] of parts.fields) {
    const value = text(bytes);
    if (value === undefined) return problem(400, 'the form is not UTF-8');
    if (fields.has(name)) return problem(400, 'the form has a field twice');
    fields.set(name, value);
  }
  return { value: fields };
}

/** Checks that a JSON value is an object whose fields fit `shape`. Other fields are allowed. */
export function fit<S extends Shape>(value: unknown, shape: S): Read<Shaped<S>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return problem(400, 'the body is not a JSON object');
  const object = value as Readonly<Record<string, unknown>>;
  for (const [name, fits] of Object.entries(shape)) {
    if (!Object.hasOwn(object, name) && !fits(undefined)) return problem(400, `${name} is missing`);
    if (Object.hasOwn(object, name) && !fits(object[name])) return problem(400, `${name} is not valid`);
  }
  return { value: object as Shaped<S> };
}

/** Parses JSON text from a part of a request, such as a field or decoded base64, and checks its shape. */
export function readJsonText<S extends Shape>(json: string | Uint8Array, shape: S): Read<Shaped<S>> {
  const source = typeof json === 'string' ? json : text(json);
  return fit(source === undefined ? undefined : parse(source), shape);
}

/** Reads a body of the type `application/json`, and checks its shape. */
export function readJson<S extends Shape>(call: Call, shape: S): Read<Shaped<S>> {
  if (mediaType(call) !== 'application/json') return problem(415, 'Content-Type must be application/json');
  return readJsonText(call.body, shape);
}

/** Combines a reader with an endpoint: the endpoint answers what `read` finds, `refuse` answers a problem. */
export const reading =
  <T>(
    read: (call: Call) => Read<T>,
    refuse: (problem: Problem) => SimulatorAnswer,
    answer: (value: T, call: Call) => SimulatorAnswer,
  ) =>
  (call: Call): SimulatorAnswer => {
    const result = read(call);
    return 'problem' in result ? refuse(result.problem) : answer(result.value, call);
  };

/** A text of 1 to 2048 characters. */
export const isText: TypeGuard<string> = (value): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= 2048;
/** An id chosen by a merchant: 1 to 63 letters, digits, `_` and `-`. */
export const isId: TypeGuard<string> = (value): value is string =>
  typeof value === 'string' && /^[\w-]{1,63}$/.test(value);
/** An amount in whole paise, at least 100 (one rupee). */
export const isPaise: TypeGuard<number> = (value): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 100;
/** An amount in rupees above 0, as a number with up to two decimals. */
export const isRupees: TypeGuard<number> = (value): value is number =>
  typeof value === 'number' &&
  value > 0 &&
  Number.isSafeInteger(Math.round(value * 100)) &&
  Number(value.toFixed(2)) === value;
/** An amount in rupees as text, with up to two decimals: `10`, `10.5`, `10.50`. */
export const isRupeesText: TypeGuard<string> = (value): value is string =>
  typeof value === 'string' && /^\d{1,9}(\.\d{1,2})?$/.test(value);
/** A JSON object: neither null nor a list. */
export const isObject: TypeGuard<Readonly<Record<string, unknown>>> = (
  value,
): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Accepts a missing value too. */
export const optional =
  <T>(guard: TypeGuard<T>): TypeGuard<T | undefined> =>
  (value): value is T | undefined =>
    value === undefined || guard(value);
