import { jsonSchema } from '../../src/config/json-schema.ts';

/** A key that a profile may have. */
export interface Key {
  /** Dotted; `[]` is an entry of a list, `<>` a name of one's own. */
  readonly path: string;
  readonly isRequired: boolean;
  /** As one would write it; undefined where the schema says none. */
  readonly default: string | number | boolean | undefined;
  /** The values that it may have, where they are few. */
  readonly choices: readonly string[];
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly default?: Key['default'];
}

/** The forms that a value may have. */
const formsOf = (schema: Schema): readonly Schema[] => [schema, ...(schema.anyOf ?? []).flatMap(formsOf)];

/**
 * Every key of a profile by the validator's own schema. What stands in several places (the keys of a token call, of a signature)
 * is listed once, where it is nearest to the root.
 */
export function profileKeys(): readonly Key[] {
  const { $defs } = jsonSchema() as { $defs: { profile: Schema } };
  const keys: Key[] = [];
  const seen = new Set<string>();
  const open: (readonly [schema: Schema, path: string])[] = [[$defs.profile, '']];
  for (let next = open.shift(); next; next = open.shift()) {
    const [schema, path] = next;
    for (const { properties, items, additionalProperties, required } of formsOf(schema)) {
      if (items) open.push([items, `${path}[]`]);
      if (additionalProperties) open.push([additionalProperties, `${path}.<>`]);
      const look = Object.keys(properties ?? {}).join();
      if (!properties || seen.has(look)) continue;
      seen.add(look);
      for (const [name, value] of Object.entries(properties)) {
        const key = path === '' ? name : `${path}.${name}`;
        const choices = formsOf(value).flatMap((form) => form.enum ?? []);
        keys.push({ path: key, isRequired: required?.includes(name) === true, default: value.default, choices });
        open.push([value, key]);
      }
    }
  }
  return keys;
}
