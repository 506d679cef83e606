import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ADDRESS_HELP, parseAddress, type Address } from '../core/address.ts';
import { ConfigError } from './diagnostics/config-error.ts';
import { decode, readSecretFile, reasonOf } from './yaml/files.ts';
import { hasReferences, interpolate } from './yaml/interpolate.ts';

/** Of what a config says about its admin address: the value of `admin` or of `admin.address`, or that there is none. */
export type WrittenAdmin =
  | { readonly key: 'admin' | 'admin.address'; readonly raw: string }
  | { readonly key: 'absent' };

const ABSENT: WrittenAdmin = { key: 'absent' };
/** What `admin.address` is by default. */
export const DEFAULT_ADMIN: Address = { host: '127.0.0.1', port: 8081 };

const KEY = /^[A-Za-z_]\w*:(?= |$)/;
const BLANK = /^ *(?:#.*)?$/;
/** A scalar on one line that means itself, wherever it stands; a plain one has no character that YAML could take for more. */
const QUOTED = String.raw`"[^"\\]*"|'[^']*'`;
const IN_BLOCK = new RegExp(String.raw`^(${QUOTED}|[\w/$][\w./:$+=@,~{}\[\]-]*(?<!:))?(?: +#.*)?$`);
const PAIR = String.raw`(\w+): +(${QUOTED}|[\w/](?:[\w./-]|:(?=[\w./-]))*)`;
const BRACES = new RegExp(String.raw`^\{ *(${PAIR}(?: *, *${PAIR})*)? *\}(?: +#.*)?$`);
/** Plain words that YAML takes for nothing. */
const NULL = /^(?:null|Null|NULL)$/;

function scalarOf(key: 'admin' | 'admin.address', written: string | undefined): WrittenAdmin | undefined {
  if (written === undefined || NULL.test(written)) return ABSENT;
  return { key, raw: /^["']/.test(written) ? written.slice(1, -1) : written };
}

/** `{ address: "…", token: "…" }` on one line. */
function inBraces(text: string): WrittenAdmin | undefined {
  const pairs = [...(BRACES.exec(text)?.[1] ?? '').matchAll(new RegExp(PAIR, 'g'))];
  const addresses = pairs.filter(([, key]) => key === 'address');
  if (addresses.length > 1) return undefined;
  return scalarOf('admin.address', addresses[0]?.[2]);
}

/** A map of one line a key. */
function inBlock(lines: readonly string[]): WrittenAdmin | undefined {
  const written = lines.filter((line) => !BLANK.test(line));
  const indent = /^ */.exec(written[0] ?? '')?.[0].length ?? 0;
  const values = new Map<string, string>();
  for (const line of written) {
    const [, before = '', key, value] = /^( *)(\w+):(?: +|$)(.*)$/.exec(line) ?? [];
    if (key === undefined || before.length !== indent || values.has(key)) return undefined;
    if (!IN_BLOCK.test(value as string)) return undefined;
    values.set(key, value as string);
  }
  return scalarOf('admin.address', IN_BLOCK.exec(values.get('address') ?? '')?.[1]);
}

/** From the line that begins with `admin:` to the next that begins with anything. */
function below(lines: readonly string[], first: number): WrittenAdmin | undefined {
  const rest = lines.slice(first + 1);
  const end = rest.findIndex((line) => /^[^ #]/.test(line));
  const block = end < 0 ? rest : rest.slice(0, end);
  const value = (lines[first] as string).slice('admin:'.length).trimStart();
  if (value === '' || value.startsWith('#')) return inBlock(block);
  if (!block.every((line) => BLANK.test(line))) return undefined;
  if (value.startsWith('{')) return BRACES.test(value) ? inBraces(value) : undefined;
  return IN_BLOCK.test(value) ? scalarOf('admin', IN_BLOCK.exec(value)?.[1]) : undefined;
}

/**
 * What a config's text says of the admin address, found line by line, without reading it as YAML: that would cost more than all
 * the rest of asking. Undefined wherever YAML might see something else.
 */
export function findAdmin(text: string): WrittenAdmin | undefined {
  // To YAML a tab is no indentation, and these others break no line.
  if (/\r(?!\n)|[\t\u0085\u2028\u2029\ufeff]/.test(text)) return undefined;
  const lines = text.split(/\r?\n/);
  const outermost = lines.filter((line) => /^[^ #]/.test(line));
  if (!outermost.every((line) => KEY.test(line))) return undefined;
  const places = outermost.filter((line) => line.startsWith('admin:'));
  if (places.length === 0) return ABSENT;
  return places.length === 1 ? below(lines, lines.indexOf(places[0] as string)) : undefined;
}

/** The same for a text that is not YAML: what its author must have meant. */
function guessAdmin(text: string): WrittenAdmin | undefined {
  const lines = text.split(/\r?\n/);
  const first = lines.findIndex((line) => /^admin:(?: |$)/.test(line));
  if (first >= 0) return below(lines, first);
  return /\badmin["']?\s*:/.test(text) ? undefined : ABSENT;
}

/** The same by YAML's own reader. */
async function readAdmin(text: string): Promise<WrittenAdmin> {
  const [{ readDocument }, { find, Source }, { Problems }] = await Promise.all([
    import('./yaml/document.ts'),
    import('./yaml/tree.ts'),
    import('./diagnostics/problems.ts'),
  ]);
  const source = new Source('', text.replace(/^\ufeff/, ''));
  const root = readDocument(source, undefined, new Problems(source));
  if (!root) {
    const guess = guessAdmin(text);
    if (guess) return guess;
    throw new ConfigError('yaml_syntax', 'the config file is not YAML', '`outrider check` shows where');
  }
  const admin = find(root, 'admin');
  const written = admin?.kind === 'map' ? admin.get('address') : admin;
  const key = admin?.kind === 'map' ? 'admin.address' : 'admin';
  if (written === undefined || (written.kind === 'scalar' && written.value === null)) return ABSENT;
  if (written.kind === 'scalar') return { key, raw: written.raw };
  throw new ConfigError('invalid_type', `\`${key}\` is not a single value`, ADDRESS_HELP);
}

/**
 * The admin address of a config file, as the proxy reads it: references are resolved, the path of a Unix socket is absolute. False: it
 * is switched off. Nothing else of the file is read, and nothing that is wrong elsewhere matters.
 * Throws a {@link ConfigError}: `missing_config`, `unreadable_file`, `yaml_syntax`, `invalid_type`, `invalid_value`, and those of
 * {@link interpolate}.
 */
export async function readAdminAddress(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Address | false> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing_config' : 'unreadable_file';
    throw new ConfigError(code, `${file} can't be read: ${reasonOf(error)}`, 'name the file with --config');
  }
  const text = decode(bytes);
  if (text === undefined) throw new ConfigError('unreadable_file', `${file} is not UTF-8`, 'save it as UTF-8');
  const written = findAdmin(text) ?? (await readAdmin(text));
  if (written.key === 'absent') return DEFAULT_ADMIN;
  const { key, raw } = written;
  const directory = dirname(file);
  const value = hasReferences(raw) ? interpolate(raw, { env, directory, readFile: readSecretFile }).text : raw;
  if (value === '') return DEFAULT_ADMIN;
  if (key === 'admin' && value === 'false') return false;
  const address = key === 'admin' ? undefined : parseAddress(value);
  if (address === undefined) {
    const isShort = value.length <= 80 && !raw.includes('file:');
    throw new ConfigError(
      'invalid_value',
      `\`${key}\`${isShort ? `, "${value}",` : ''} is not an address`,
      ADDRESS_HELP,
    );
  }
  return 'path' in address ? { path: resolve(directory, address.path) } : address;
}
