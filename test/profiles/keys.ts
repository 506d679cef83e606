import { jsonSchema } from '../../src/config/json-schema.ts';

/** A key that a profile may have. */
export interface Key {
  /** Dotted; `[]` is an entry of a list, `<>` a name of one's own, `[signer: x]` an entry that names this signer. */
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
  readonly $ref?: string;
  readonly enum?: readonly string[];
  readonly default?: Key['default'];
}

const { $defs } = jsonSchema() as { $defs: Readonly<Record<string, Schema>> };

/** What a `$ref` stands for; any other schema stands for itself. */
const resolved = (schema: Schema): Schema =>
  schema.$ref === undefined ? schema : ($defs[schema.$ref.replace('#/$defs/', '')] as Schema);

/** The forms that a value may have. */
const formsOf = (schema: Schema): readonly Schema[] => [
  resolved(schema),
  ...(resolved(schema).anyOf ?? []).flatMap(formsOf),
];

/** The signer whose parameters a form of an entry has. */
const signerOf = ({ properties }: Schema): readonly string[] =>
  properties?.['signer'] ? formsOf(properties['signer']).flatMap((form) => form.enum ?? []) : [];

/** What a form has besides the keys that every entry has. */
function parametersOf(form: Schema): Schema {
  const { signer: _signer, when: _when, ...parameters } = form.properties ?? {};
  return { ...form, properties: parameters };
}

/**
 * Every key of a profile by the validator's own schema. What stands in several places (the keys of a token call, of a signature)
 * is listed once, where it is nearest to the root.
 */
export function profileKeys(): readonly Key[] {
  const keys: Key[] = [];
  const seen = new Set<string>();
  const open: (readonly [schema: Schema, path: string])[] = [[$defs['profile'] as Schema, '']];
  for (let next = open.shift(); next; next = open.shift()) {
    const [schema, path] = next;
    const forms = formsOf(schema);
    const signers = forms.flatMap(signerOf);
    if (signers.length > 0 && !keys.some(({ path: known }) => known.endsWith('].signer'))) {
      keys.push({ path: `${path}.signer`, isRequired: false, default: undefined, choices: signers });
    }
    for (const form of forms) {
      const [signer] = signerOf(form);
      if (signer !== undefined) open.push([parametersOf(form), path.replace(/\[\]$/, `[signer: ${signer}]`)]);
      if (signer !== undefined) continue;
      const { properties, items, additionalProperties, required } = form;
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
