import { z } from 'zod';
import { described, scalarInfo, optional, type Measured, type UnitOf } from './scalar.ts';

type Camel<K extends string> = K extends `${infer A}_${infer B}` ? `${A}${Capitalize<Camel<B>>}` : K;

/** The name of a key in the code: in camel case, and with the unit where it is a measure (`Ms`, `Bytes`). */
type NameOf<K extends string, S> =
  S extends Measured<infer U> ? (Camel<K> extends `${string}${U}` ? Camel<K> : `${Camel<K>}${U}`) : Camel<K>;

/** What a section is read to: each key under its name in the code. An absent key is undefined. */
export type SectionOutput<Shape extends z.ZodRawShape> = {
  readonly [K in keyof Shape & string as NameOf<K, Shape[K]>]: z.output<Shape[K]>;
};

/** A schema made by {@link section}. */
export type Section<Shape extends z.ZodRawShape> = z.ZodType<SectionOutput<Shape>, Record<string, unknown>>;

interface SectionInfo {
  /** Key in the file → name in the code. */
  readonly names: ReadonlyMap<string, string>;
}

const sections = new WeakMap<object, SectionInfo>();
const restarting = new WeakSet<object>();

/** What is known about a schema made by {@link section}. Undefined for other schemas. */
export const sectionInfo = (schema: object): SectionInfo | undefined => sections.get(schema);

/** The schema inside of wrappers such as `optional` and `default`. */
function innermost(schema: z.core.$ZodType): z.core.$ZodType {
  const def = schema._zod.def as { readonly innerType?: z.core.$ZodType };
  return scalarInfo(schema) === undefined && def.innerType ? innermost(def.innerType) : schema;
}

/** The name of a key in the code, where it is no measure: `signature_method` is `signatureMethod`. */
export const camelCase = (key: string): string =>
  key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function nameOf(key: string, schema: z.core.$ZodType): string {
  const camel = camelCase(key);
  const { unit } = scalarInfo(innermost(schema)) ?? {};
  return unit === undefined || camel.endsWith(unit) ? camel : camel + unit;
}

/** The schema of a map with these keys alone. It yields the names of the code: `body_memory: 16MiB` is `bodyMemoryBytes`. */
export function section<Shape extends z.ZodRawShape>(shape: Shape): Section<Shape> {
  const schema = z.strictObject(shape);
  const entries = Object.entries(shape) as [string, z.core.$ZodType][];
  sections.set(schema, { names: new Map(entries.map(([key, value]) => [key, nameOf(key, value)])) });
  return schema as unknown as Section<Shape>;
}

type Inner<S> = S extends { readonly unwrap: () => infer I extends z.ZodType } ? I : S;

/** The schema of a part that may override some `keys` of the whole config's section `shape`. All of them are optional. */
export function overrides<Shape extends z.ZodRawShape, K extends keyof Shape & string>(
  shape: Shape,
  ...keys: readonly K[]
): Section<{ readonly [P in K]: z.ZodOptional<Inner<Shape[P]> & z.ZodType> & UnitOf<Shape[P]> }> {
  const entries = keys.map((key) => {
    const schema = shape[key] as unknown as z.ZodType;
    const copy = optional(innermost(schema) as z.ZodType);
    return [key, described(schema.meta()?.description ?? '', copy)] as const;
  });
  return section(Object.fromEntries(entries)) as never;
}

/** Marks a key whose change takes effect only after a restart. Returns `schema` itself. */
export function needsRestart<S extends z.ZodType>(schema: S): S {
  restarting.add(schema);
  return schema;
}

/** A key or a whole section whose change needs a restart. */
export interface RestartingKey {
  /** The key as it is written in the file: `state_dir`. */
  readonly written: string;
  /** The names that lead to its value in a `Config`: `['stateDir']`. */
  readonly way: readonly string[];
}

/** All keys within `schema` that {@link needsRestart} marks. `written` and `way` lead to `schema` itself. */
export function restartingKeys(schema: z.core.$ZodType, written = '', way: readonly string[] = []): RestartingKey[] {
  if (restarting.has(schema)) return [{ written, way }];
  const inner = innermost(schema);
  const { names } = sectionInfo(inner) ?? { names: new Map<string, string>() };
  const { shape } = inner._zod.def as { readonly shape?: Readonly<Record<string, z.core.$ZodType>> };
  return Object.entries(shape ?? {}).flatMap(([key, value]) =>
    restartingKeys(value, written === '' ? key : `${written}.${key}`, [...way, names.get(key) ?? key]),
  );
}
