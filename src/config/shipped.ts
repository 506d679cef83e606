import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside `src` in a checkout and beside `dist` in the package. */
const SHIPPED = new URL('../../config/', import.meta.url);
const PROFILES = new URL('profiles/', SHIPPED);

/** Where the derived JSON Schema lies. */
export const JSON_SCHEMA_FILE = fileURLToPath(new URL('proxy.schema.json', SHIPPED));

/** Names of the profiles that come with the product. */
export function builtInProfiles(): readonly string[] {
  return fs
    .readdirSync(PROFILES)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .toSorted();
}

export const builtInFile = (name: string): string =>
  fileURLToPath(new URL(`${encodeURIComponent(name)}.yaml`, PROFILES));

/** The text of a profile that comes with the product. */
export const builtInText = (name: string): string => fs.readFileSync(builtInFile(name), 'utf8');

/** The completion script of a shell: it asks us at TAB for what the last word may become, a line each. */
export const completionScript = (shell: string): string =>
  fs.readFileSync(new URL(`completion/outrider.${shell}`, SHIPPED), 'utf8');
