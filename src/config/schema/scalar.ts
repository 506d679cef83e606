import { z } from 'zod';
import { parseDuration, parseSize } from '../../core/units.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { soundsSecret } from '../diagnostics/hide.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { ScalarNode, type Node } from '../yaml/tree.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** When a value may be seen in a diagnostic: a secret never, and some not when they are written out where a template belongs. */
export type Visibility = 'always' | 'as_template' | 'never';

/** What an empty one means in a list: a mistake; no item; or an item, since its place means something. One `${VAR:-}` is no item but for the last. */
export type EmptyItem = 'wrong' | 'left_out' | 'positional';

/** What a number counts; its name in the code ends in this. */
export type Unit = 'Ms' | 'Bytes';

declare const UNIT: unique symbol;
/** A schema of numbers of that unit. For the compiler alone. */
export interface Measured<U extends Unit> {
  readonly [UNIT]: U;
}

/** What a schema counts, for one made of it. */
export type UnitOf<S> = S extends Measured<infer U> ? Measured<U> : unknown;

interface ScalarInfo {
  /** What belongs there, for messages: "a duration such as 10s". */
  readonly expects: string;
  /** An empty value reaches the scalar, which says what is wrong with it, in place of counting as absent. */
  readonly keepsEmpty: boolean;
  readonly emptyItem: EmptyItem;
  /** Takes maps and lists too. */
  readonly takesAll: boolean;
  readonly seen: Visibility;
  readonly unit?: Unit | undefined;
}

const infos = new WeakMap<object, ScalarInfo>();

/** What is known of a schema made by {@link scalar}; undefined for others. */
export const scalarInfo = (schema: object): ScalarInfo | undefined => infos.get(schema);

export interface ScalarOptions<T> {
  readonly expects: string;
  /** How the value looks to an editor. */
  readonly json: JsonSchema;
  readonly keepsEmpty?: boolean;
  readonly emptyItem?: EmptyItem;
  readonly seen?: Visibility;
  readonly unit?: Unit;
  /** Types the value; throws a {@link ConfigError} where it doesn't fit. */
  readonly read: (node: ScalarNode) => T;
}

export type Scalar<T> = z.ZodType<T, ScalarNode>;

const ERROR = 'error';

function register<T, N>(schema: z.ZodType<T, N>, info: ScalarInfo): z.ZodType<T, N> {
  infos.set(schema, info);
  return schema;
}

/** A schema for a single value, whose type is decided here and not by YAML. */
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

/** A schema that hands on the node itself, whatever it is: its meaning depends on more than its place. */
export function anyNode(
  expects: string,
  json: JsonSchema,
  options: { readonly keepsEmpty: boolean; readonly seen: Visibility },
): z.ZodType<Node, Node> {
  const schema = z.custom<Node>(() => true).meta(json);
  return register(schema, { expects, emptyItem: 'wrong', takesAll: true, ...options });
}

/** The {@link ConfigError} within an issue of zod's. */
export function errorOf(issue: z.core.$ZodIssue): ConfigError {
  const params = issue.code === 'custom' ? issue.params : undefined;
  const error: unknown = params?.[ERROR];
  return error instanceof ConfigError ? error : new ConfigError('invalid_value', issue.message);
}

/** A value as it may be shown: what came out of a file is not, nor out of a variable that sounds like a secret's. */
export function shown(node: ScalarNode): string {
  if ((node.interpolation?.files.length ?? 0) > 0) return 'the content of the file';
  if (node.interpolation !== undefined && soundsSecret(node.raw)) return `the value of ${node.raw}`;
  const text = node.text.length > 80 ? `${node.text.slice(0, 80)}…` : node.text;
  return node.interpolation === undefined ? `"${text}"` : `"${text}" (from ${node.raw})`;
}

/** Says that a value is not what it should be. */
export const unexpectedValue = (node: ScalarNode, expects: string, help = `write ${expects}`): ConfigError =>
  new ConfigError('invalid_value', `${shown(node)} is not ${expects}`, help);

const INTERPOLATED: JsonSchema = { type: 'string', pattern: '\\$\\{' };
const SCALAR_TYPES = ['string', 'number', 'boolean'];

/** Any text; `true`, `1.10` and the like are taken as they are written. */
export const text: Scalar<string> = scalar({
  expects: 'a text',
  json: { type: SCALAR_TYPES },
  read: (node) => node.text,
});

/** A text of a certain form. `help` says how to write it. */
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

export const boolean: Scalar<boolean> = scalar({
  expects: 'true or false',
  json: { anyOf: [{ type: 'boolean' }, INTERPOLATED] },
  read: (node) => {
    const lower = node.text.toLowerCase();
    if (lower !== 'true' && lower !== 'false') throw unexpectedValue(node, 'true or false');
    return lower === 'true';
  },
});

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

/** Longer than that no timer of the platform can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds. `minimumMs` is 0 where "not at all" makes sense. */
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

/** Bytes. */
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

/** Keys of a schema's metadata that become part of the JSON Schema: see json-schema.ts. */
export const WRITTEN_DEFAULT = 'x-default';
export const MAY_BE_NULL = 'x-null';

/** `schema` with what holds when the value is absent; `written` is that as one would write it in the file. */
export function withDefault<S extends z.ZodType>(
  schema: S,
  value: z.output<S>,
  written: string | number | boolean,
): z.ZodDefault<S> & UnitOf<S> {
  return schema.default(value as never).meta({ [WRITTEN_DEFAULT]: written }) as never;
}

/** A list of what `item` reads; an absent one is empty. */
export const listOf = <S extends z.ZodType>(item: S): z.ZodDefault<z.ZodArray<S>> => z.array(item).default([]);

/** `schema`, or undefined where the value is absent. */
export const optional = <S extends z.ZodType>(schema: S): z.ZodOptional<S> & UnitOf<S> => schema.optional() as never;

/** `schema` with a sentence for editors. */
export function described<S extends z.ZodType>(description: string, schema: S): S {
  const copy = schema.meta({ description }) as S;
  const info = infos.get(schema);
  if (info) infos.set(copy, info);
  return copy;
}

/** A value of a map that null takes away, as if its key were not there. */
export function removable<S extends z.ZodType>(schema: S): z.ZodOptional<S> {
  return schema.optional().meta({ [MAY_BE_NULL]: true });
}
