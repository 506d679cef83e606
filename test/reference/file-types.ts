import { join } from 'node:path';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { REFERENCE, typeText, type TypeSchema } from './type-text.ts';

/** Where the derived types of a config lie. */
export const TYPES_FILE = join(import.meta.dirname, '../../src/config/file-types.ts');

/** The types of the definitions that the schema refers to: name there → type, and what it is. */
const DEFINED: Readonly<Record<string, readonly [type: string, what: string]>> = {
  profile: ['ProfileFile', 'A profile, as below `profiles`.'],
  signature: ['SignatureFile', "An entry of a profile's `sign`."],
  when: ['WhenFile', 'Which requests an entry of `sign` is for.'],
};

/** The text of that file: the types of a config, for those who write one as an object. */
export function fileTypesText(): string {
  const schema: TypeSchema & { readonly $defs?: Readonly<Record<string, TypeSchema>> } = jsonSchema();
  const nameOf = (ref: string): string => {
    const [type] = DEFINED[ref.replace('#/$defs/', '')] ?? [];
    if (type === undefined) throw new Error(`no type stands for ${ref}`);
    return type;
  };
  const defined = Object.entries(DEFINED).map(
    ([name, [type, what]]) =>
      `/** ${what} */\nexport type ${type} = ${typeText(schema.$defs?.[name] ?? {}, nameOf)};\n`,
  );
  return `// Derived: \`npm run reference\` writes it. What it says stands in the definitions.

/** A text with a reference in it: \`\${VAR}\`, \`\${VAR:-default}\`, \`\${file:/path}\`. */
export type ${REFERENCE} = \`\${string}\\\${\${string}}\${string}\`;

/** A config file as an object. A text means what it means in the file. */
export type ConfigFile = ${typeText(schema, nameOf)};

${defined.join('\n')}`;
}
