import { join } from 'node:path';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { REFERENCE, typeText, type TypeSchema } from './type-text.ts';

const CONFIG = join(import.meta.dirname, '../../src/config');

/** The types of the definitions that the schema refers to: name there → type, and what it is. */
const DEFINED: Readonly<Record<string, readonly [type: string, what: string]>> = {
  profile: ['ProfileFile', 'A profile, as below `profiles`.'],
  signature: ['SignatureFile', "An entry of a profile's `sign`."],
  when: ['WhenFile', 'Which requests an entry of `sign` is for.'],
};

const DERIVED = '// Derived: `npm run reference` writes it. What it says stands in the definitions.';

/**
 * The files with the types of a config and of its profiles, for those who write one as an object: the text of each, by where it
 * lies.
 */
export function typeFiles(): ReadonlyMap<string, string> {
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
  return new Map([
    [
      join(CONFIG, 'config-file-types.ts'),
      `${DERIVED}
import type { ProfileFile, ${REFERENCE} } from './profile-file-types.ts';

/** A config file as an object. A text means what it means in the file. */
export type ConfigFile = ${typeText(schema, nameOf)};
`,
    ],
    [
      join(CONFIG, 'profile-file-types.ts'),
      `${DERIVED}

/** A text with a reference in it: \`\${VAR}\`, \`\${VAR:-default}\`, \`\${file:/path}\`. */
export type ${REFERENCE} = \`\${string}\\\${\${string}}\${string}\`;

${defined.join('\n')}`,
    ],
  ]);
}
