import { z } from 'zod';
import { parseDuration, parseSize } from '../../core/units.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { soundsSecret } from '../diagnostics/hide.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { ScalarNode, type Node } from '../yaml/tree.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** When a diagnostic may show a value: always, never (a secret), or only if it is a template and no secret written out. */
export type Visibility = 'always' | 'as_template' | 'never';

/**
 * What an empty item of a list is: a mistake, no item at all, or an item like others because its position has a meaning. An
 * item that is nothing but `${VAR:-}` is never a mistake. It is left out, except where positions have a meaning.
 */
export type EmptyItem = 'wrong' | 'left_out' | 'positional';

/** The unit of a number. The key's name in the code ends in it. */
export type Unit = 'Ms' | 'Bytes';

declare const UNIT: unique symbol;
/** A schema whose numbers have this unit. It exists for the compiler alone. */
export interface Measured<U extends Unit> {
  readonly [UNIT]: U;
}

/** The unit of a schema, to be kept by a schema that is made of it. */
export type UnitOf<S> = S extends Measured<infer U> ? Measured<U> : unknown;

interface ScalarInfo {
  /** What the key expects, for messages: "a duration". */
  readonly expects: string;
  /** Whether an empty value is read like others. If not, it counts as absent. */
  readonly keepsEmpty: boolean;
  readonly emptyItem: EmptyItem;
  /** Whether maps and lists are accepted too. */
  readonly takesAll: boolean;
  readonly seen: Visibility;
  readonly unit?: Unit | undefined;
}

const infos = new WeakMap<object, ScalarInfo>();

/** What is known about a schema made by {@link scalar} or {@link anyNode}. Undefined for other schemas. */
export const scalarInfo = (schema: object): ScalarInfo | undefined => infos.get(schema);

/** How a single value is read. By default an empty value is absent, an empty item is a mistake, and values are shown. */
export interface ScalarOptions<T> {
  /** What the key expects, for messages: "a duration". */
  readonly expects: string;
  /** The JSON Schema of the value, for editors. */
  readonly json: JsonSchema;
  readonly keepsEmpty?: boolean;
  readonly emptyItem?: EmptyItem;
  readonly seen?: Visibility;
  readonly unit?: Unit;
  /** Makes a typed value of the node. Throws a {@link ConfigError} if it has the wrong form. */
  readonly read: (node: ScalarNode) => T;
}

/** A schema that reads a node to a `T`. */
export type Scalar<T> = z.ZodType<T, ScalarNode>;

const ERROR = 'error';

function register<T, N>(schema: z.ZodType<T, N>, info: ScalarInfo): z.ZodType<T, N> {
  infos.set(schema, info);
  return schema;
}

/** Makes the schema of a single value. `read` decides its type, not YAML: `1.10` may be a text. */
export function scalar<T>({
  expects,
  json,
  keepsEmpty = false,
  emptyItem = 'wrong',
  seen = 'always',
  unit,
  read,
}: ScalarOptions<T>): Scalar<T> {
  const schema = z
    .instanceof(ScalarNode)
    .transform((node, context): T => {
      try {
        return read(node);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        context.addIssue({ code: 'custom', message: error.message, params: { [ERROR]: error } });
        return z.NEVER;
      }
    })
    .meta(json);
  return register(schema, { expects, keepsEmpty, emptyItem, takesAll: false, seen, unit });
}

/**
 * Makes a schema that accepts any node and yields it as it is. Its meaning is decided later, with more than its place known.
 */
export function anyNode(
  expects: string,
  json: JsonSchema,
  options: { readonly keepsEmpty: boolean; readonly seen: Visibility },
): z.ZodType<Node, Node> {
  const schema = z.custom<Node>(() => true).meta(json);
  return register(schema, { expects, emptyItem: 'wrong', takesAll: true, ...options });
}

/** The {@link ConfigError} that an issue of zod carries, else an `invalid_value` with zod's message. */
export function errorOf(issue: z.core.$ZodIssue): ConfigError {
  const params = issue.code === 'custom' ? issue.params : undefined;
  const error: unknown = params?.[ERROR];
  return error instanceof ConfigError ? error : new ConfigError('invalid_value', issue.message);
}

/**
 * A value as a message may show it. A value from a file is not shown, nor one from a variable whose name sounds like a secret.
 */
export function shown(node: ScalarNode): string {
  if ((node.interpolation?.files.length ?? 0) > 0) return 'the content of the file';
  if (node.interpolation !== undefined && soundsSecret(node.raw)) return `the value of ${node.raw}`;
  const text = node.text.length > 80 ? `${node.text.slice(0, 80)}…` : node.text;
  return node.interpolation === undefined ? `"${text}"` : `"${text}" (from ${node.raw})`;
}

/** The error `invalid_value`, with the message "<value> is not <expects>". `help` is the remedy. */
export const unexpectedValue = (node: ScalarNode, expects: string, help = `write ${expects}`): ConfigError =>
  new ConfigError('invalid_value', `${shown(node)} is not ${expects}`, help);

const INTERPOLATED: JsonSchema = { type: 'string', pattern: '\\$\\{' };
const SCALAR_TYPES = ['string', 'number', 'boolean'];

/** Any text. `true`, `1.10` and the like stay as they are written. */
export const text: Scalar<string> = scalar({
  expects: 'a text',
  json: { type: SCALAR_TYPES },
  read: (node) => node.text,
});

/** A text that matches `form`. `help` says how to write it. */
export function pattern(
  expects: string,
  form: RegExp,
  help?: string,
  json: JsonSchema = { type: 'string' },
): Scalar<string> {
  return scalar({
    expects,
    json,
    read: (node) => {
      if (!form.test(node.text)) throw unexpectedValue(node, expects, help);
      return node.text;
    },
  });
}

/** `true` or `false`, in any case. */
export const boolean: Scalar<boolean> = scalar({
  expects: 'true or false',
  json: { anyOf: [{ type: 'boolean' }, INTERPOLATED] },
  read: (node) => {
    const lower = node.text.toLowerCase();
    if (lower !== 'true' && lower !== 'false') throw unexpectedValue(node, 'true or false');
    return lower === 'true';
  },
});

/** A whole number in decimal digits. Both limits are included. */
export function integer(minimum: number, maximum: number): Scalar<number> {
  const expects = minimum === maximum ? String(minimum) : `a whole number from ${minimum} to ${maximum}`;
  return scalar({
    expects,
    json: { anyOf: [{ type: 'integer', minimum, maximum }, INTERPOLATED] },
    read: (node) => {
      const value = /^\d{1,15}$/.test(node.text) ? Number(node.text) : Number.NaN;
      if (!(value >= minimum && value <= maximum)) throw unexpectedValue(node, expects);
      return value;
    },
  });
}

/** A number from 0 to 1, in decimal digits. */
export const share: Scalar<number> = scalar({
  expects: 'a number from 0 to 1',
  json: { anyOf: [{ type: 'number', minimum: 0, maximum: 1 }, INTERPOLATED] },
  read: (node) => {
    const value = parseShare(node.text);
    if (value === undefined) throw unexpectedValue(node, 'a number from 0 to 1');
    return value;
  },
});

/** Reads a number from 0 to 1 in decimal digits. Undefined for any other text. */
export function parseShare(text: string): number | undefined {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  return value <= 1 ? value : undefined;
}

/** One of the given texts, exactly as written. */
export function choice<const T extends string>(values: readonly T[]): Scalar<T> {
  const expects = `one of ${values.join(', ')}`;
  return scalar({
    expects,
    json: { anyOf: [{ enum: values }, INTERPOLATED] },
    read: (node) => {
      const found = values.find((value) => value === node.text);
      if (found === undefined) throw unexpectedValue(node, expects, didYouMean(node.text, values, 'values'));
      return found;
    },
  });
}

/** The timers of Node take at most this (a signed 32-bit integer). */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A duration such as `10s`, read to milliseconds. `minimumMs` is 0 where "not at all" makes sense. */
export function duration(minimumMs: number): Scalar<number> & Measured<'Ms'> {
  return scalar({
    expects: 'a duration',
    unit: 'Ms',
    json: { anyOf: [{ type: 'string', pattern: '^\\d+(ms|s|m|h|d)$' }, INTERPOLATED] },
    read: (node) => {
      const value = parseDuration(node.text);
      if (value === undefined)
        throw unexpectedValue(node, 'a duration', 'write a whole number and a unit: 250ms, 10s, 5m, 24h');
      if (value < minimumMs) throw unexpectedValue(node, 'long enough', `the least is ${minimumMs}ms`);
      if (value > MAX_TIMER_MS) throw unexpectedValue(node, 'short enough', 'the most is 24d');
      return value;
    },
  }) as never;
}

/** A size such as `1MiB`, read to bytes. `minimum` is in bytes. */
export function size(minimum: number): Scalar<number> & Measured<'Bytes'> {
  return scalar({
    expects: 'a size',
    unit: 'Bytes',
    json: { anyOf: [{ type: 'string', pattern: '^\\d+(B|KiB|MiB|GiB)$' }, INTERPOLATED] },
    read: (node) => {
      const value = parseSize(node.text);
      if (value === undefined)
        throw unexpectedValue(node, 'a size', 'write a whole number and a unit: 512B, 64KiB, 1MiB, 1GiB');
      if (value < minimum) throw unexpectedValue(node, 'large enough', `the least is ${minimum}B`);
      return value;
    },
  }) as never;
}

/** Key of a schema's metadata: the default as one writes it. json-schema.ts makes it a part of the JSON Schema. */
export const WRITTEN_DEFAULT = 'x-default';
/** Key of a schema's metadata: whether null is allowed. json-schema.ts makes it a part of the JSON Schema. */
export const MAY_BE_NULL = 'x-null';

/** `schema` with a default for an absent value. `written` is this default as one writes it in the file. */
export function withDefault<S extends z.ZodType>(
  schema: S,
  value: z.output<S>,
  written: string | number | boolean,
): z.ZodDefault<S> & UnitOf<S> {
  return schema.default(value as never).meta({ [WRITTEN_DEFAULT]: written }) as never;
}

/** A list whose items are read by `item`. An absent list is empty. */
export const listOf = <S extends z.ZodType>(item: S): z.ZodDefault<z.ZodArray<S>> => z.array(item).default([]);

/** `schema`, but an absent value is undefined. */
export const optional = <S extends z.ZodType>(schema: S): z.ZodOptional<S> & UnitOf<S> => schema.optional() as never;

/** `schema` with a sentence that editors show. */
export function described<S extends z.ZodType>(description: string, schema: S): S {
  const copy = schema.meta({ description }) as S;
  const info = infos.get(schema);
  if (info) infos.set(copy, info);
  return copy;
}

/** The schema of a value in a map where null removes the key. The removed value reads as undefined. */
export function removable<S extends z.ZodType>(schema: S): z.ZodOptional<S> {
  return schema.optional().meta({ [MAY_BE_NULL]: true });
}
