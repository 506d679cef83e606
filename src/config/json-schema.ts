import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { noteOf } from './leaf.ts';
import { configSchema } from './schema.ts';

/** Where the derived schema lies: `config/proxy.schema.json`. */
export const JSON_SCHEMA_FILE = fileURLToPath(new URL('../../config/proxy.schema.json', import.meta.url));

type Json = Record<string, unknown>;

/** YAML's way of leaving something empty (`token:`) is null. */
function orNull(schema: Json): Json {
  const { default: _default, ...rest } = schema;
  const { type, anyOf } = rest;
  if (Array.isArray(anyOf)) return { ...rest, anyOf: [...(anyOf as Json[]), { type: 'null' }] };
  if (type === undefined) return '$ref' in rest ? { anyOf: [rest, { type: 'null' }] } : rest;
  return { ...rest, type: [...new Set([type, 'null'].flat())] };
}

/** The JSON Schema (2020-12) of the config file for editors, with that of a profile file at `#/$defs/profile`. */
export function jsonSchema(): Json {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: json }) => {
      const def = (zodSchema as z.core.$ZodTypes)._zod.def;
      if (def.type === 'object') {
        for (const [key, schema] of Object.entries(def.shape)) {
          const property = json.properties?.[key] as Json;
          const isRequired = json.required?.includes(key) === true;
          (json.properties as Json)[key] = { ...noteOf(schema), ...(isRequired ? property : orNull(property)) };
        }
      }
      if (def.type === 'record' && (def.valueType as z.core.$ZodTypes)._zod.def.type === 'optional') {
        json.additionalProperties = orNull(json.additionalProperties as Json);
      }
    },
  }) as Json;
}

/** The file's text. `node src/config/json-schema.ts` writes it. */
export const jsonSchemaText = (): string => `${JSON.stringify(jsonSchema(), null, 2)}\n`;

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  fs.writeFileSync(JSON_SCHEMA_FILE, jsonSchemaText());
}
