import { resolve } from 'node:path';
import { ConfigError } from '../diagnostics/config-error.ts';

type Part = string | EnvPart | { readonly file: readonly Part[] };
interface EnvPart {
  readonly env: string;
  readonly fallback: readonly Part[] | undefined;
  /** The message after `:?`. Empty when nothing follows it. */
  readonly complaint: string | undefined;
}

/** Where the values of references come from. */
export interface InterpolationSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the directory in which relative paths start. */
  readonly directory: string;
  /** Returns the text of a file, without one line break at its end. Throws a {@link ConfigError} (`unreadable_file`). */
  readonly readFile: (file: string) => string;
}

/** The text of an interpolated scalar, and how it is made. */
export interface Interpolation {
  readonly text: string;
  /** Absolute paths of the files that the text is made of. */
  readonly files: readonly string[];
  /** Whether the scalar is nothing but `${VAR:-}`. Its author expects that it may be empty. */
  readonly mayBeNothing: boolean;
  /** Makes the text again from the files as they are now. The environment stays. Throws a {@link ConfigError}. */
  again(readFile: InterpolationSources['readFile']): string;
}

const HELP = 'write ${VAR}, ${VAR:-default}, ${VAR:?message} or ${file:/path}, and $$ for a dollar';
const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;

/** Whether {@link interpolate} would replace anything in the text. */
export function hasReferences(text: string): boolean {
  return text.includes('${') || text.includes('$$');
}

/**
 * Replaces `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, `${file:/path}` and `$$`. The default and the message are for a
 * variable that is unset or empty. A `$` before anything else stands for itself. References may stand in defaults and in paths.
 * When the whole text is one reference, its value loses all line breaks at its end: editors, `echo` and here-documents put them
 * there.
 * Throws a {@link ConfigError}: `bad_interpolation`, `unset_variable`, `unreadable_file`.
 */
export function interpolate(raw: string, outside: InterpolationSources): Interpolation {
  const parts = parseParts(raw, { at: 0 }, false);
  const { env, directory } = outside;
  const files: string[] = [];
  const isWhole = parts.length === 1 && typeof parts[0] === 'object';
  const again = (readFile: InterpolationSources['readFile']): string => {
    const rendered = render(parts, { env, directory, readFile });
    return isWhole ? withoutLastBreaks(rendered) : rendered;
  };
  const unset = unsetNames(parts, env);
  if (unset.length > 1) {
    const names = unset.join(', ');
    throw new ConfigError(
      'unset_variable',
      `the environment variables ${names} are not set`,
      'set them, or give defaults',
    );
  }
  const text = again((file) => {
    files.push(file);
    return outside.readFile(file);
  });
  return { text, files, mayBeNothing: mayBeNothing(parts), again };
}

function withoutLastBreaks(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '\n' || text[end - 1] === '\r')) end--;
  return text.slice(0, end);
}

/** Whether the parts are one `${VAR:-}`, or one inside the default of another. */
function mayBeNothing([part, ...more]: readonly Part[]): boolean {
  if (typeof part !== 'object' || more.length > 0 || 'file' in part || part.fallback === undefined) return false;
  return part.fallback.length === 0 || mayBeNothing(part.fallback);
}

/** The variables that are not set and have neither a default nor a message. Each is named once. */
function unsetNames(parts: readonly Part[], env: InterpolationSources['env']): string[] {
  const names = parts.map((part) =>
    typeof part === 'object' && 'env' in part && part.fallback === undefined && part.complaint === undefined
      ? part.env
      : undefined,
  );
  return [...new Set(names)].filter(
    (name) => name !== undefined && (!Object.hasOwn(env, name) || env[name] === undefined),
  ) as string[];
}

function parseParts(raw: string, cursor: { at: number }, isNested: boolean): Part[] {
  const parts: Part[] = [];
  let literal = '';
  const push = (part: Part): void => {
    if (literal !== '') parts.push(literal);
    literal = '';
    if (part !== '') parts.push(part);
  };
  while (cursor.at < raw.length) {
    if (isNested && raw[cursor.at] === '}') break;
    if (raw.startsWith('$$', cursor.at)) {
      literal += '$';
      cursor.at += 2;
    } else if (raw.startsWith('${', cursor.at)) {
      cursor.at += 2;
      push(parseReference(raw, cursor));
    } else {
      literal += raw[cursor.at++];
    }
  }
  push('');
  return parts;
}

function parseReference(raw: string, cursor: { at: number }): Part {
  const close = (): void => {
    if (raw[cursor.at] !== '}') throw new ConfigError('bad_interpolation', 'a `${` is never closed', HELP);
    cursor.at++;
  };
  if (raw.startsWith('file:', cursor.at)) {
    cursor.at += 5;
    const file = parseParts(raw, cursor, true);
    close();
    if (file.length === 0) throw new ConfigError('bad_interpolation', '`${file:}` names no file', HELP);
    return { file };
  }
  const name = NAME.exec(raw.slice(cursor.at, cursor.at + 256))?.[0];
  if (name === undefined) throw new ConfigError('bad_interpolation', 'no variable is named after `${`', HELP);
  cursor.at += name.length;
  const operator = raw.slice(cursor.at, cursor.at + 2);
  let fallback: Part[] | undefined;
  let complaint: string | undefined;
  if (operator === ':-') {
    cursor.at += 2;
    fallback = parseParts(raw, cursor, true);
  } else if (operator === ':?') {
    const end = raw.indexOf('}', cursor.at);
    complaint = raw.slice(cursor.at + 2, end < 0 ? raw.length : end);
    cursor.at = end < 0 ? raw.length : end;
  } else if (cursor.at < raw.length && raw[cursor.at] !== '}') {
    throw new ConfigError(
      'bad_interpolation',
      'the name in a `${` is followed by something else than `}`, `:-` or `:?`',
      HELP,
    );
  }
  close();
  return { env: name, fallback, complaint };
}

function render(parts: readonly Part[], outside: InterpolationSources): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      if ('file' in part) return outside.readFile(resolve(outside.directory, render(part.file, outside)));
      return renderVariable(part, outside);
    })
    .join('');
}

function renderVariable({ env: name, fallback, complaint }: EnvPart, outside: InterpolationSources): string {
  const value = Object.hasOwn(outside.env, name) ? outside.env[name] : undefined;
  if (fallback !== undefined) return value === undefined || value === '' ? render(fallback, outside) : value;
  if (complaint !== undefined && (value === undefined || value === '')) {
    throw new ConfigError(
      'unset_variable',
      `${name}: ${complaint === '' ? 'not set, or empty' : complaint}`,
      `set ${name}`,
    );
  }
  if (value === undefined) {
    throw new ConfigError(
      'unset_variable',
      `the environment variable ${name} is not set`,
      `set it, or give a default: \${${name}:-…}`,
    );
  }
  return value;
}
