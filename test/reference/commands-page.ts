import { spawnSync } from 'node:child_process';
import { CLI } from '../commands/run.ts';
import { block, capital, code, page, table, toHeading, type Part } from './page.ts';

const ABOUT = `Installed as a package a command is \`outrider COMMAND\`; in a checkout, \`npx node src/cli.ts COMMAND\`. The config is \`--config\`, else \`$OUTRIDER_CONFIG\`, else
\`./proxy.config.yaml\`, else \`/etc/outrider/proxy.config.yaml\`. Data goes to stdout, everything else to stderr. \`NO_COLOR\` is honoured.`;

const EXIT_CODES = table(
  ['exit code', 'means'],
  [
    ['0', 'done'],
    ['1', 'failed: [what stands in brackets](errors.md) tells why'],
    ['2', 'wrong usage'],
    ['125', '`exec`: Outrider itself failed, and the program was not run'],
    ['126, 127', '`exec`: the program can not be run; is not there'],
    ['128 + n', '`exec`: signal n ended the program; else `exec` ends with the exit code of its program'],
    ['130', '`start`: a second SIGINT ended it at once'],
  ],
);

interface Help {
  readonly usage: string;
  readonly summary: string;
  /** By heading: term and meaning. */
  readonly lists: Readonly<Record<string, readonly (readonly [term: string, meaning: string])[]>>;
  /** What stands behind it all. */
  readonly rest: string;
}

const OWN = /^-(?:h, --help|V, --version)/;
/** The lists that every command's help may have; any other is the command's own. */
const COMMON: ReadonlySet<string> = new Set(['Arguments', 'Options', 'Global Options', 'Commands']);
const LIST = /^([A-Z][\w ]+):\n((?: {2}.*\n?)+)/gm;

/** What the command line itself says of a command. */
function helpOf(words: readonly string[]): Help {
  const { stdout, stderr, status } = spawnSync(process.execPath, [CLI, ...words, '--help'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  // Long lines go on further to the right.
  const text = stdout.replaceAll(/\n {6,}(?=\S)/g, ' ');
  const [usage = '', summary = ''] = text.split('\n\n');
  const lists = [...text.matchAll(LIST)].map(([, heading = '', body = '']) => {
    const rows = body.trimEnd().split('\n');
    return [heading, rows.map((row) => row.trim().split(/ {2,}/) as unknown as readonly [string, string])] as const;
  });
  const blocks = stdout.split('\n\n');
  const last = blocks.findLastIndex((each) => /^[A-Z][\w ]+:\n {2}/.test(each));
  return {
    usage: usage.replace(/^Usage: /, ''),
    summary: summary.replaceAll('\n', ' '),
    lists: Object.fromEntries(lists),
    rest: blocks
      .slice(last + 1)
      .join('\n\n')
      .trim(),
  };
}

interface Command {
  readonly words: readonly string[];
  readonly help: Help;
}

/** The commands below these words, whole commands alone: `ca show`, and not `ca`. */
function commandsBelow(words: readonly string[]): readonly Command[] {
  const help = helpOf(words);
  const below = (help.lists['Commands'] ?? [])
    .filter(([, meaning]) => !meaning.includes('(not available yet)'))
    .map(([term]) => term.split(/[ |]/, 1)[0] as string)
    .filter((name) => name !== 'help');
  return below.length === 0 ? [{ words, help }] : below.flatMap((name) => commandsBelow([...words, name]));
}

const rowsOf = (list: Help['lists'][string] = []): readonly (readonly string[])[] =>
  list.filter(([term]) => !OWN.test(term)).map(([term, meaning]) => [code(term), meaning]);

function section({ words, help }: Command): Part {
  const rows = [...rowsOf(help.lists['Arguments']), ...rowsOf(help.lists['Options'])];
  const more = Object.entries(help.lists).filter(([heading]) => !COMMON.has(heading));
  return [
    `## ${words.join(' ')}`,
    `${capital(help.summary)}.`,
    block('text', help.usage),
    ...(rows.length === 0 ? [] : [table(['argument or option', 'means'], rows)]),
    ...more.flatMap(([heading, list]) => [`${heading}:`, table(['name', 'means'], rowsOf(list))]),
    ...(help.rest === '' ? [] : [block('text', help.rest)]),
  ].join('\n\n');
}

/** `config/reference/commands.md`. */
export function commandsPage(): string {
  const commands = commandsBelow([]).toSorted((a, b) => (a.words.join(' ') < b.words.join(' ') ? -1 : 1));
  const overview = commands.map(({ words, help }) => [toHeading(words.join(' '), code(words.join(' '))), help.summary]);
  return page(
    'Commands',
    ABOUT,
    table(['command', 'does'], overview),
    '## Exit codes',
    EXIT_CODES,
    '## For every command',
    table(
      ['option', 'means'],
      [...rowsOf(helpOf([]).lists['Options']), ['`-h, --help`', 'what it does, and its options']],
    ),
    ...commands.map(section),
  );
}
