import { findPackageJSON } from 'node:module';
import { dirname } from 'node:path';

/** The `package.json` of this package. What is built lies less deep below it than the sources. */
export const PACKAGE_FILE: string = findPackageJSON(import.meta.url) as string;

/** Where this package lies. */
export const PACKAGE_ROOT: string = dirname(PACKAGE_FILE);
