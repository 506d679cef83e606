/** A JSON Schema as TypeScript: what of it a type can say. */
export interface TypeSchema {
  readonly $ref?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly anyOf?: readonly TypeSchema[];
  readonly items?: TypeSchema;
  readonly properties?: Readonly<Record<string, TypeSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: TypeSchema | boolean;
}

const PLAIN: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  integer: 'number',
  null: 'null',
  number: 'number',
  string: 'string',
};

/** A text with a `${…}` in it, for places that take no other text. */
export const REFERENCE = 'Reference';
/** The schema's own way to say the same. */
const REFERENCE_PATTERN = '\\$\\{';

/** One of several types; a text with a reference is a text. */
function union(types: readonly string[]): string {
  const all = new Set(types);
  if (all.has('string')) all.delete(REFERENCE);
  return [...all].join(' | ');
}

function commentOf({ description, default: standard }: TypeSchema, indent: string): string {
  const texts = [description, standard === undefined ? undefined : `Default: ${JSON.stringify(standard)}.`];
  const text = texts.filter((each) => each !== undefined).join(' ');
  return text === '' ? '' : `${indent}/** ${text} */\n`;
}

function objectType(schema: TypeSchema, indent: string, nameOf: (ref: string) => string): string {
  const { properties, required = [], additionalProperties: others } = schema;
  if (properties === undefined) {
    const values = typeof others === 'object' ? typeText(others, nameOf, indent) : 'unknown';
    return `Readonly<Record<string, ${values}>>`;
  }
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([key, value]) => {
    const name = /^\w+$/.test(key) ? key : JSON.stringify(key);
    const mark = required.includes(key) ? '' : '?';
    return `${commentOf(value, inner)}${inner}readonly ${name}${mark}: ${typeText(value, nameOf, inner)};\n`;
  });
  return `{\n${lines.join('')}${indent}}`;
}

const itemType = (type: string): string => (type.includes(' | ') ? `(${type})` : type);

/** The type of the values that a schema takes; `nameOf` names what a `$ref` stands for. */
export function typeText(schema: TypeSchema, nameOf: (ref: string) => string, indent = ''): string {
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if (schema.anyOf) return union(schema.anyOf.map((each) => typeText(each, nameOf, indent)));
  const values = schema.enum ?? ('const' in schema ? [schema.const] : undefined);
  if (values) return union(values.map((value) => JSON.stringify(value)));
  const types = [schema.type ?? []].flat().map((type) => {
    if (type === 'object') return objectType(schema, indent, nameOf);
    if (type === 'array') return `readonly ${itemType(typeText(schema.items ?? {}, nameOf, indent))}[]`;
    return type === 'string' && schema.pattern === REFERENCE_PATTERN ? REFERENCE : (PLAIN[type] as string);
  });
  return types.length === 0 ? 'unknown' : union(types);
}
