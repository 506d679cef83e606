import { readFileSync } from 'node:fs';
import { PACKAGE_FILE } from './package.ts';

/** The version of this package. */
export const VERSION: string = (JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }).version;
