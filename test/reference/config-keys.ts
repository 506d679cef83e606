import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';
import { scalarInfo, WRITTEN_DEFAULT } from '../../src/config/schema/scalar.ts';
import { restartingKeys } from '../../src/config/schema/section.ts';

type Schema = z.core.$ZodType;

/** A key of the config as a person asks for it. */
export interface ConfigKey {
  /** From the file's root; `<name>` is a name of one's own, `[]` an entry of a list. */
  readonly path: string;
  readonly type: string;
  /** As one would write it; undefined where there is none. */
  readonly default: string | undefined;
  readonly isRequired: boolean;
  readonly meaning: string;
}

const defOf = (schema: Schema): z.core.$ZodTypes['_zod']['def'] => schema._zod.def as z.core.$ZodTypes['_zod']['def'];

const WRAPPERS: ReadonlySet<string> = new Set(['optional', 'default', 'prefault']);

/** Without what says that it may be absent. */
function innermost(schema: Schema): Schema {
  const def = defOf(schema) as { readonly type: string; readonly innerType?: Schema };
  return scalarInfo(schema) === undefined && def.innerType && WRAPPERS.has(def.type)
    ? innermost(def.innerType)
    : schema;
}

const withoutArticle = (text: string): string => text.replace(/^(?:an?|the) /, '');

/** What may stand there, in words. */
function typeOf(wrapped: Schema): string {
  const schema = innermost(wrapped);
  const info = scalarInfo(schema);
  if (info) {
    const [, choices] = /^one of (.*)$/.exec(info.expects) ?? [];
    return choices === undefined ? withoutArticle(info.expects) : choices.replaceAll(/[^ ,]+/g, '`$&`');
  }
  const def = defOf(schema);
  if (def.type === 'array') return `list, each ${typeOf(def.element)}`;
  if (def.type === 'record') return `map, each ${typeOf(def.valueType)}`;
  if (def.type !== 'union') return 'map';
  const types = def.options.map(typeOf);
  // "false, or a map" says it all.
  return types.find((type) => type.includes('or a map')) ?? types.join(', or ');
}

function defaultOf(schema: Schema): string | undefined {
  const written = (schema as z.ZodType).meta()?.[WRITTEN_DEFAULT];
  if (written !== undefined) return String(written as string | number | boolean);
  const def = defOf(schema);
  return def.type === 'default' && Array.isArray(def.defaultValue) ? '[]' : undefined;
}

/** The schemas below one, each with the step that leads there. */
function* below(wrapped: Schema): Generator<readonly [step: string, schema: Schema]> {
  const schema = innermost(wrapped);
  if (scalarInfo(schema)) return;
  const def = defOf(schema);
  if (def.type === 'object') for (const [key, value] of Object.entries(def.shape)) yield [key, value];
  if (def.type === 'array') yield ['[]', def.element];
  if (def.type === 'record') yield ['<name>', def.valueType];
  if (def.type === 'union') for (const option of def.options) yield* below(option);
}

const join = (path: string, step: string): string => (step === '[]' || path === '' ? path + step : `${path}.${step}`);

function* keysBelow(schema: Schema, path: string): Generator<ConfigKey> {
  for (const [step, value] of below(schema)) {
    const own = join(path, step);
    // Profiles have a table of their own.
    if (own === 'profiles.<name>') continue;
    const isNamed = step !== '[]' && step !== '<name>';
    if (isNamed) {
      yield {
        path: own,
        type: typeOf(value),
        default: defaultOf(value),
        isRequired: value._zod.optin === undefined,
        meaning: (value as z.ZodType).meta()?.description ?? '',
      };
    }
    yield* keysBelow(value, own);
  }
}

/** Every key of the config but those of profiles, in the order of the file. */
export const CONFIG_KEYS: readonly ConfigKey[] = [...keysBelow(configSchema, '')];

const RESTARTING: ReadonlySet<string> = new Set(restartingKeys(configSchema).map(({ written }) => written));

/** Whether a change of a key takes effect after a restart alone. */
export const needsRestart = (path: string): boolean => RESTARTING.has(path.split('.', 1)[0] as string);

const paths: ReadonlySet<string> = new Set(CONFIG_KEYS.map(({ path }) => path));

/** Whether a route may say otherwise for itself. */
export const isOverridable = (path: string): boolean => path.includes('.') && paths.has(`routes[].${path}`);
