import fs from 'node:fs';
import path from 'node:path';
import { systemClock, type Clock } from '../core/clock.ts';
import type { NoticeRecord } from '../core/events.ts';
import { buildConfig } from './build.ts';
import type { Config } from './config.ts';
import type { Diagnostic } from './diagnostics/diagnostics.ts';
import { MAX_FILE_BYTES, readDocument } from './yaml/document.ts';
import { cachedReader, decode, reasonOf } from './yaml/files.ts';
import { masked } from './diagnostics/masked.ts';
import { Problems } from './diagnostics/problems.ts';
import { Source } from './yaml/tree.ts';
import { vocabulary } from './vocabulary.ts';

export interface LoadOptions {
  /** Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  /** Diagnostics name the file relative to this directory. Default: the working directory of the process. */
  readonly cwd?: string;
  /** Called when watched secret files change, and when they can't be read or used. */
  readonly onNotice?: (notice: NoticeRecord) => void;
}

/** The result of reading a config. */
export interface Loaded {
  /** Undefined if and only if one of the diagnostics is an error. */
  readonly config: Config | undefined;
  /** Everything that is wrong, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
  /** The absolute paths of the files that `${file:…}` names, whether they can be read or not. */
  readonly secretFiles: readonly string[];
  /**
   * The file's text for showing the diagnostics, with the positions of the file: stars replace whatever may be a secret. Empty
   * when there is nothing to show, or the file can't be read.
   */
  readonly text: string;
}

/**
 * Reads a config file, the profiles that it uses and the secret files that it names. It is synchronous and never throws: every
 * mistake becomes a diagnostic, also `missing_config` and `unreadable_file`.
 */
export function loadConfig(file: string, options: LoadOptions = {}): Loaded {
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(file);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT';
    return failed(
      file,
      options,
      isThere ? 'unreadable_file' : 'missing_config',
      isThere ? `the config file can't be read: ${reasonOf(error)}` : 'the config file is not there',
      'name it with --config or $OUTRIDER_CONFIG, or write ./proxy.config.yaml',
    );
  }
  if (bytes.length > MAX_FILE_BYTES) {
    const help = `the most is ${MAX_FILE_BYTES / 1024 / 1024}MiB`;
    return failed(file, options, 'unreadable_file', 'the config file is too large', help);
  }
  const text = decode(bytes);
  if (text === undefined)
    return failed(file, options, 'unreadable_file', 'the config file is not UTF-8', 'save it as UTF-8');
  return parseConfig(text, file, options);
}

/** As {@link loadConfig}, for a given text. `file` is where the text would lie: relative paths start in its directory. */
export function parseConfig(text: string, file: string, options: LoadOptions = {}): Loaded {
  const { env = process.env, clock = systemClock, onNotice = () => {} } = options;
  const absolute = path.resolve(file);
  const directory = path.dirname(absolute);
  const source = new Source(displayName(absolute, options), text.replace(/^\ufeff/, ''));
  const problems = new Problems(source);
  const read = cachedReader();
  const files = new Set<string>();
  const readFile = (file: string): string => {
    files.add(file);
    return read(file);
  };
  const root = readDocument(source, { env, directory, readFile }, problems);
  const config = root && buildConfig(root, { file: absolute, env, clock, onNotice }, problems);
  const isSound = problems.errors === 0;
  const secretFiles = [...files];
  if (!problems.found) return { config, diagnostics: [], secretFiles, text: '' };
  const { text: shown, words } = masked(source, vocabulary());
  return {
    config: isSound ? config : undefined,
    diagnostics: problems.all(config?.secretTexts() ?? [], words),
    secretFiles,
    text: shown,
  };
}

/** The file's name as a person would write it in `cwd`: relative within that directory, absolute outside. */
function displayName(absolute: string, { cwd = process.cwd() }: LoadOptions): string {
  const relative = path.relative(cwd, absolute);
  return relative.startsWith('..') || path.isAbsolute(relative) ? absolute : relative;
}

function failed(file: string, options: LoadOptions, code: Diagnostic['code'], message: string, help: string): Loaded {
  const name = displayName(path.resolve(file), options);
  const diagnostic: Diagnostic = {
    severity: 'error',
    code,
    message,
    file: name,
    line: 0,
    column: 0,
    length: 0,
    path: '',
    help,
  };
  return { config: undefined, diagnostics: [diagnostic], secretFiles: [], text: '' };
}
