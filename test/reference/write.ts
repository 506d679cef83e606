import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGES, REFERENCE } from './pages.ts';

mkdirSync(REFERENCE, { recursive: true });
for (const [file, make] of Object.entries(PAGES)) writeFileSync(join(REFERENCE, file), await make());
