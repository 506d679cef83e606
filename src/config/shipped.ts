import fs from 'node:fs';
import path from 'node:path';
import { PACKAGE_ROOT } from '../core/package.ts';

/** Beside `src` in a checkout and beside `dist` in the package. */
const SHIPPED = path.join(PACKAGE_ROOT, 'config');
const PROFILES = path.join(SHIPPED, 'profiles');

/** Where the derived JSON Schema lies. */
export const JSON_SCHEMA_FILE = path.join(SHIPPED, 'proxy.schema.json');

/** Names of the profiles that come with the product. */
export function builtInProfiles(): readonly string[] {
  return fs
    .readdirSync(PROFILES)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .toSorted();
}

export const builtInFile = (name: string): string => path.join(PROFILES, `${encodeURIComponent(name)}.yaml`);

/** The text of a profile that comes with the product. */
export const builtInText = (name: string): string => fs.readFileSync(builtInFile(name), 'utf8');

/** The completion script of a shell: it asks us at TAB for what the last word may become, a line each. */
export const completionScript = (shell: string): string =>
  fs.readFileSync(path.join(SHIPPED, `completion/outrider.${shell}`), 'utf8');
