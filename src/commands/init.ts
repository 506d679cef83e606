import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { pathToFileURL } from 'node:url';
import { DEFAULT_FILES } from '../config/find-file.ts';
import { builtInProfile } from '../config/profile/profiles.ts';
import { didYouMean } from '../config/diagnostics/suggest.ts';
import { builtInProfiles, JSON_SCHEMA_FILE } from '../config/shipped.ts';
import { PACKAGE_ROOT } from '../core/package.ts';
import { starterFiles } from './init-files.ts';
import type { Context } from './output.ts';
import { columns, printError, shellQuote } from './output.ts';

export interface InitOptions {
  /** Empty: they are asked for, on a terminal. */
  readonly profiles: readonly string[];
  /** Where the files go; made where it is not there. */
  readonly dir: string;
  /** Writes over files that are there. */
  readonly force: boolean;
}

const CONFIG_FILE = DEFAULT_FILES[0] as string;
const ENV_FILE = '.env.example';
/** As for a missing argument. */
const WRONG_USAGE = 2;

/** The package that we are, or the directory below which it was installed for one project. */
function project(): string {
  const above = dirname(PACKAGE_ROOT);
  return basename(above) === 'node_modules' ? dirname(above) : PACKAGE_ROOT;
}

/** The schema as an editor finds it: relative within the project that holds it, so that others find it too; else absolute. */
export function schemaFor(dir: string, schemaFile = JSON_SCHEMA_FILE, home = project()): string {
  const way = relative(home, dir);
  const isWithin = !way.startsWith('..') && !isAbsolute(way);
  const path = relative(dir, schemaFile);
  // The line ends at a blank.
  if (!isWithin || /\s/.test(path)) return pathToFileURL(schemaFile).href;
  return path.startsWith('.') ? path : `./${path}`;
}

/** A link that leads nowhere is there too. */
function isThere(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // No file can be there either; writing it will say why.
    return false;
  }
}

/** Writes all files or none; none is ever seen half written. */
function writeAll(files: ReadonlyMap<string, string>): void {
  const written = [...files].map(([file, text]) => [`${file}.${process.pid}.new`, file, text] as const);
  try {
    for (const [draft, , text] of written) writeFileSync(draft, text, { flag: 'wx' });
    for (const [draft, file] of written) renameSync(draft, file);
  } finally {
    for (const [draft] of written) rmSync(draft, { force: true });
  }
}

const list = (): string =>
  columns(
    builtInProfiles().map((name, i) => [`${String(i + 1).padStart(3)}  ${name}`, builtInProfile(name).profile?.title]),
  );

/** Asks until the answer names profiles, by name or number; an empty list when there is no more input. */
async function ask({ stderr }: Context): Promise<readonly string[]> {
  const known = builtInProfiles();
  const terminal = createInterface({ input: process.stdin, output: stderr });
  const closed = new Promise<undefined>((done) => terminal.once('close', () => done(undefined)));
  try {
    stderr.write(`Which providers will you call?\n\n${list()}\n`);
    for (;;) {
      const answer = await Promise.race([terminal.question('Names or numbers, with blanks between them: '), closed]);
      if (answer === undefined) return [];
      const words = answer.split(/[\s,]+/).filter((word) => word !== '');
      const names = words.map((word) => known[Number(word) - 1] ?? word);
      const unknown = names.find((name) => !known.includes(name));
      if (unknown !== undefined) stderr.write(`There is no ${unknown}: ${didYouMean(unknown, known, 'profiles')}\n`);
      else if (names.length > 0) return names;
    }
  } finally {
    terminal.close();
  }
}

/** Writes `proxy.config.yaml` and `.env.example` for some of the built-in profiles. Resolves with the exit code. */
export async function init(context: Context, options: InitOptions): Promise<number> {
  const { stdout, cwd } = context;
  const known = builtInProfiles();
  const dir = resolve(cwd, options.dir);
  const [config, env] = [join(dir, CONFIG_FILE), join(dir, ENV_FILE)];
  const unknown = options.profiles.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const message = `no profile is called "${unknown}"`;
    return printError(context, { code: 'unknown_profile', message, help: didYouMean(unknown, known, 'profiles') });
  }
  const taken = options.force ? [] : [config, env].filter(isThere);
  if (taken.length > 0) {
    const names = taken.map((file) => relative(cwd, file) || file).join(' and ');
    return printError(context, {
      code: 'file_exists',
      message: `${names} ${taken.length === 1 ? 'is' : 'are'} there already, and nothing was written`,
      help: '`outrider init --force` writes over what is there; `--dir` takes another directory',
    });
  }
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY;
  const chosen = options.profiles.length > 0 || !isTerminal ? options.profiles : await ask(context);
  if (chosen.length === 0) {
    const help = `name one or more, as in \`outrider init PROFILE\`: ${known.join(', ')}`;
    printError(context, { code: 'no_profile', message: 'no profile was named', help });
    return WRONG_USAGE;
  }
  const files = starterFiles([...new Set(chosen)].map(builtInProfile), schemaFor(dir));
  try {
    mkdirSync(dir, { recursive: true });
    writeAll(
      new Map([
        [config, files.config],
        [env, files.env],
      ]),
    );
  } catch (error) {
    return printError(context, {
      code: 'unwritable',
      message: `the files can't be written to ${dir}: ${(error as NodeJS.ErrnoException).code}`,
      help: 'name a directory that you may write to with `--dir`',
    });
  }
  stdout.write(nextSteps(relative(cwd, dir), files));
  return 0;
}

/** What was written, what has to be set, and the commands that follow. */
function nextSteps(dir: string, { variables }: ReturnType<typeof starterFiles>): string {
  const required = variables.filter(({ isRequired }) => isRequired);
  const environments = variables.filter(({ isRequired, value }) => !isRequired && value !== '');
  return [
    `Wrote ${join(dir, CONFIG_FILE)} and ${join(dir, ENV_FILE)}.`,
    '',
    'Set these variables:',
    '',
    ...required.map(({ name, comment }) => `  export ${name}=…${comment === '' ? '' : `  # ${comment}`}`),
    '',
    ...environments.map(({ name, value, comment }) => `${name} is ${value} until you set it: ${comment}.`),
    ...(environments.length === 0 ? [] : ['']),
    ...(dir === '' ? [] : [`Go there with \`cd ${shellQuote(dir)}\`.`]),
    '`outrider check` tells whether anything is missing; `outrider start` runs the proxy, with a curl line for each route.',
    '',
  ].join('\n');
}
