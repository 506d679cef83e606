// Nothing is imported here: the shell asks at every TAB.

/** What may stand in the place of an argument. */
export type Operand = 'caller' | 'command' | 'method' | 'path' | 'profile' | 'provider' | 'shell' | 'none';

/** What a command takes. */
interface Taken {
  readonly options: readonly string[];
  /** In their order; the last one may come again where `isRepeated`. */
  readonly operands?: readonly Operand[];
  readonly isRepeated?: boolean;
  /** Then the first argument is one of these. */
  readonly commands?: Readonly<Record<string, Taken>>;
}

/** Options of every command. */
export const GLOBAL_OPTIONS: readonly string[] = ['--config', '-h', '--help'];

/** All commands; `--help` of each lists the same options. */
export const COMMANDS: Readonly<Record<string, Taken>> = {
  start: { options: ['--watch'] },
  check: { options: ['--json', '--explain'] },
  explain: {
    options: ['--json', '-H', '--header', '-d', '--data', '--caller', '--callback'],
    operands: ['method', 'path'],
  },
  token: { options: ['--json', '--renew', '--show'], operands: ['provider'] },
  'token-for': { options: ['--json'], operands: ['caller'] },
  simulate: { options: ['--json', '--port'] },
  health: { options: ['--json', '--admin', '--wait'] },
  status: { options: ['--json', '--admin'] },
  logs: { options: ['--json', '--admin', '--route', '--caller', '--status', '-f', '--follow'] },
  reload: { options: ['--json', '--admin'] },
  exec: { options: ['--intercept', '-v', '--verbose'], operands: ['none'] },
  init: { options: ['--dir', '--force'], operands: ['profile'], isRepeated: true },
  doctor: { options: ['--json', '--offline'], operands: ['provider'], isRepeated: true },
  demo: { options: [] },
  completion: { options: [], operands: ['shell'] },
  audit: {
    options: [],
    commands: {
      verify: { options: ['--json', '--head'], operands: ['none'] },
      help: { options: [] },
    },
  },
  ca: {
    options: [],
    commands: {
      show: { options: ['--json'] },
      export: { options: [] },
      trust: { options: [] },
      untrust: { options: [] },
      help: { options: [] },
    },
  },
  help: { options: [], operands: ['command'] },
};

/** The program itself, as a command that has all others. */
const PROGRAM: Taken = { options: ['-V', '--version'], commands: COMMANDS };

/** Options whose value is the word behind them. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  '--admin',
  '--caller',
  '--callback',
  '--config',
  '--data',
  '--dir',
  '--explain',
  '--head',
  '--header',
  '--port',
  '--route',
  '--status',
  '--wait',
  '-H',
  '-d',
]);

/** Those that there is a completion script for. */
export const SHELLS: readonly string[] = ['bash', 'zsh', 'fish'];

const FIXED: Readonly<Partial<Record<Operand, readonly string[]>>> = {
  command: Object.keys(COMMANDS),
  method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'],
  shell: SHELLS,
};

/** Looks up the names of one sort; only called where they are wanted. */
export type Lookup = (operand: Operand) => readonly string[];

/** The command that stands in a command line, and how many arguments follow it. */
function read(words: readonly string[]): { readonly taken: Taken; readonly operands: number } {
  let taken = PROGRAM;
  let operands = 0;
  words.forEach((word, i) => {
    if (word.startsWith('-') || WITH_VALUE.has(words[i - 1] ?? '')) return;
    const next =
      operands === 0 && taken.commands && Object.hasOwn(taken.commands, word) ? taken.commands[word] : undefined;
    if (next) taken = next;
    else operands += 1;
  });
  return { taken, operands };
}

/** The commands that may come next in a command line. */
export const commandsIn = (words: readonly string[]): readonly string[] =>
  Object.keys(read(words).taken.commands ?? {});

/** The options of the command that stands in a command line. */
export const optionsIn = (words: readonly string[]): readonly string[] => [
  ...read(words).taken.options,
  ...GLOBAL_OPTIONS,
];

/**
 * What the last word of a command line may become; the words are those behind `outrider`, the last one may be empty.
 * Nothing where only the shell can help: file names, other programs.
 */
export function wordsFor(words: readonly string[], lookup: Lookup): readonly string[] {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  if (before.includes('--') || WITH_VALUE.has(before.at(-1) ?? '')) return [];
  const { taken, operands } = read(before);
  const fitting = (candidates: readonly string[]): readonly string[] =>
    candidates.filter((candidate) => candidate.startsWith(current));
  if (current.startsWith('-')) return fitting(optionsIn(before));
  if (taken.commands) return operands === 0 ? fitting(Object.keys(taken.commands)) : [];
  const list = taken.operands ?? [];
  const operand = list[operands] ?? (taken.isRepeated ? list.at(-1) : undefined);
  return operand === undefined ? [] : fitting(FIXED[operand] ?? lookup(operand));
}

/** The names in a config that a shell may propose. */
export interface ConfigNames {
  readonly callers: readonly string[];
  readonly providers: readonly string[];
  /** Of routes. */
  readonly paths: readonly string[];
}

/** Reads names line by line, for which a config need not be right: what isn't understood is passed over. */
export function namesIn(text: string): ConfigNames {
  const callers = new Set<string>();
  const providers = new Set<string>();
  const paths = new Set<string>();
  let section = '';
  let column: number | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, indent = '', key] = /^( *)(?:["']?([\w.-]+)["']?[ ]*:(?= |$))?/.exec(line) ?? [];
    if (/^ *(?:#|$)/.test(line)) continue;
    if (indent === '' && key !== undefined) {
      section = key;
      column = undefined;
    } else if (section === 'providers' && key !== undefined) {
      column ??= indent.length;
      if (indent.length === column) providers.add(key);
    }
    if (section === 'callers') {
      const name = /(?:^|[\s{,])name: *["']?([\w.-]+)/.exec(line)?.[1];
      if (name !== undefined) callers.add(name);
    }
    if (section === 'routes') {
      const path = /(?:^|[\s{,])path: *["']?(\/[^\s,}"']*)/.exec(line)?.[1];
      if (path !== undefined) paths.add(path);
    }
  }
  return { callers: [...callers], providers: [...providers], paths: [...paths] };
}
