import { z } from 'zod';
import { MAY_BE_NULL, WRITTEN_DEFAULT } from './schema/scalar.ts';
import { configSchema } from './schema.ts';

type Json = Record<string, unknown>;

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** The schema, with null allowed as well: YAML reads a key without a value (`token:`) as null. */
function orNull(schema: Json): Json {
  const { type, anyOf } = schema;
  if (Array.isArray(anyOf)) return { ...schema, anyOf: [...(anyOf as Json[]), { type: 'null' }] };
  if (type !== undefined) return { ...schema, type: [...new Set([type, 'null'].flat())] };
  return '$ref' in schema ? { anyOf: [schema, { type: 'null' }] } : schema;
}

const mapValues = (record: Json, change: (value: Json) => Json): Json =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, isJson(value) ? change(value) : value]));

/**
 * Completes the schema that zod makes: defaults are as one writes them in the file, and null may stand for any optional value.
 */
function finish({ [WRITTEN_DEFAULT]: written, [MAY_BE_NULL]: mayBeNull, default: _typed, ...rest }: Json): Json {
  const schema: Json = written === undefined ? rest : { default: written, ...rest };
  for (const key of ['items', 'additionalProperties']) if (isJson(schema[key])) schema[key] = finish(schema[key]);
  for (const key of ['properties', '$defs']) if (isJson(schema[key])) schema[key] = mapValues(schema[key], finish);
  if (Array.isArray(schema['anyOf'])) schema['anyOf'] = (schema['anyOf'] as Json[]).map(finish);
  const { properties, required } = schema;
  if (isJson(properties)) {
    for (const [key, property] of Object.entries(properties)) {
      const isRequired = Array.isArray(required) && required.includes(key);
      if (isJson(property) && !isRequired) properties[key] = orNull(property);
    }
  }
  return mayBeNull === true ? orNull(schema) : schema;
}

/** The JSON Schema (2020-12) of the config file, for editors. The schema of a profile is at `#/$defs/profile`. */
export function jsonSchema(): Json {
  return finish(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }));
}

/** The text of `config/proxy.schema.json`. */
export const jsonSchemaText = (): string => `${JSON.stringify(jsonSchema(), null, 2)}\n`;
