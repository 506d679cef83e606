import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchemaText } from '../../src/config/json-schema.ts';
import { JSON_SCHEMA_FILE } from '../../src/config/shipped.ts';
import { typeFiles } from './file-types.ts';
import { PAGES, REFERENCE } from './pages.ts';

writeFileSync(JSON_SCHEMA_FILE, jsonSchemaText());
for (const [file, text] of typeFiles()) writeFileSync(file, text);
mkdirSync(REFERENCE, { recursive: true });
for (const [file, make] of Object.entries(PAGES)) writeFileSync(join(REFERENCE, file), await make());
