import { join } from 'node:path';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { REFERENCE, typeText, type TypeSchema } from './type-text.ts';

/** Where the derived types of a config lie. */
export const TYPES_FILE = join(import.meta.dirname, '../../src/config/file-types.ts');

const PROFILE_REF = '#/$defs/profile';

/** The text of that file: the types of a config, for those who write one as an object. */
export function fileTypesText(): string {
  const schema: TypeSchema & { readonly $defs?: { readonly profile?: TypeSchema } } = jsonSchema();
  const nameOf = (ref: string): string => {
    if (ref !== PROFILE_REF) throw new Error(`no type stands for ${ref}`);
    return 'ProfileFile';
  };
  return `// Derived: \`npm run reference\` writes it. What it says stands in the definitions.

/** A text with a reference in it: \`\${VAR}\`, \`\${VAR:-default}\`, \`\${file:/path}\`. */
export type ${REFERENCE} = \`\${string}\\\${\${string}}\${string}\`;

/** A config file as an object. A text means what it means in the file. */
export type ConfigFile = ${typeText(schema, nameOf)};

/** A profile, as below \`profiles\`. */
export type ProfileFile = ${typeText(schema.$defs?.profile ?? {}, nameOf)};
`;
}
