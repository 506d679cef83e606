import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { CODE_ENTRIES } from '../src/commands/codes.ts';
import { jsonSchema } from '../src/config/json-schema.ts';
import { isTemplateName } from '../src/config/template/template.ts';
import { HTTP1_ERRORS } from '../src/http1/error.ts';
import { run } from './commands/run.ts';

const ROOT = join(import.meta.dirname, '..');

interface Text {
  readonly file: string;
  readonly text: string;
}

const read = (...patterns: readonly string[]): readonly Text[] =>
  globSync([...patterns], { cwd: ROOT })
    .toSorted()
    .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

const SOURCES = read('src/**/*.ts').map(({ file, text }) => ({ file, text: text.replaceAll('\\`', '`') }));
const PAGES = read(
  '*.md',
  'config/profiles/README.md',
  'config/reference/*.md',
  'proxy.config.yaml',
  'config/profiles/*.yaml',
  'config/deploy/**/*.*',
  'Dockerfile',
);

interface Found {
  readonly file: string;
  readonly found: string;
}

/** Every match of a pattern's first group, with its file. */
const findAll = (texts: readonly Text[], pattern: RegExp): Found[] =>
  texts.flatMap(({ file, text }) => [...text.matchAll(pattern)].map(([, found = '']) => ({ file, found })));

/** A command line stands in backticks, behind a prompt, on a line of its own, or in a Dockerfile. */
const COMMAND_LINES = [
  /`(?:npx |)(?:outrider|node src\/cli\.ts) ([a-z][^`]*)`/g,
  /^(?:\$ )?(?:npx |)(?:outrider|node src\/cli\.ts) ([a-z].*)$/gm,
  /^ExecStart=outrider (.*)$/gm,
  /CMD \[(?:"node", "dist\/outrider\.cjs", )?"([a-z]+)"/g,
];

/** In messages of ours a command that is no command line is prose, and prose begins with one of these. */
const PROSE = /^(?:itself|store key|v1)\b/;

/** What `--help` lists under a heading. */
const listed = (help: string, heading: string): string[] =>
  (new RegExp(`^${heading}:\\n((?:  .*\\n?)+)`, 'm').exec(help)?.[1] ?? '')
    .split('\n')
    .flatMap((line) => (line.includes('(not available yet)') ? [] : (/^ {2}(\S.*?)(?: {2}|$)/.exec(line)?.[1] ?? [])));

async function helpOf(t: ExecutionContext, words: readonly string[]) {
  const help = await run(t, [...words, '--help']);
  // Long lines go on further to the right.
  const stdout = help.stdout.replaceAll(/\n {6,}/g, ' ');
  const options = [...listed(stdout, 'Options'), ...listed(stdout, 'Global Options')];
  return {
    commands: listed(stdout, 'Commands').map((line) => line.split(/[ |]/, 1)[0] as string),
    options: new Set(options.flatMap((line) => line.match(/(?<!\S)--?[a-z][\w-]*/gi) ?? [])),
  };
}

test.serial('every command that is named anywhere exists, and takes the options that stand beside it', async (t) => {
  t.timeout(120_000);
  const everywhere = [...SOURCES, ...PAGES];
  const lines = COMMAND_LINES.flatMap((pattern) => findAll(everywhere, pattern)).filter(
    ({ found }) => !PROSE.test(found),
  );
  t.true(lines.length > 30, 'positive control');
  const helps = new Map<string, Awaited<ReturnType<typeof helpOf>>>();
  const ask = async (words: readonly string[]) => {
    const key = words.join(' ');
    const known = helps.get(key) ?? (await helpOf(t, words));
    helps.set(key, known);
    return known;
  };
  const wrong: string[] = [];
  for (const { file, found } of lines) {
    const [before = ''] = found.split(' -- ', 1);
    const way: string[] = [];
    const words = before.match(/[^\s[\]]+/g) ?? [];
    let { commands } = await ask([]);
    for (const word of words) {
      if (commands.length === 0 || !/^[a-z-]+$/.test(word)) break;
      if (!commands.includes(word)) wrong.push(`${file}: ${found}`);
      else way.push(word);
      commands = commands.includes(word) ? (await ask(way)).commands : [];
    }
    const { options } = await ask(way);
    // An argument in quotes is the caller's own.
    const flags = before.replaceAll(/'[^']*'/g, '').match(/(?<![^\s[])--?[a-z][\w-]*/gi) ?? [];
    for (const flag of flags) if (!options.has(flag)) wrong.push(`${file}: ${found}: ${flag}`);
  }
  t.deepEqual(wrong, []);
});

test('a message of ours puts a command in backticks, so that the test above sees it', (t) => {
  const bare = findAll(SOURCES, /(?<![`.\w-])outrider ([a-z].*)$/gm).filter(({ found }) => !PROSE.test(found));
  t.deepEqual(bare, []);
});

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const CONFIG = jsonSchema() as Schema;

/** The forms that a schema stands for. */
function formsOf(schema: Schema): readonly Schema[] {
  const target = schema.$ref === undefined ? undefined : CONFIG.$defs?.[schema.$ref.replace('#/$defs/', '')];
  return [schema, ...(target ? formsOf(target) : []), ...(schema.anyOf ?? []).flatMap(formsOf)];
}

/** What stands below a key; a step that is a name of one's own leads into any map. */
function step(schemas: readonly Schema[], key: string): readonly Schema[] {
  return schemas.flatMap(formsOf).flatMap(({ properties, additionalProperties, items }) => {
    const below = [properties?.[key] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined)];
    return [...below.filter((each) => each !== undefined), ...(items ? step([items], key) : [])];
  });
}

/** Where a key may begin: in the file, in a provider, in a route, in a profile, in a signature, in an entry of `verify`. */
const STARTS = [
  [CONFIG],
  step(step([CONFIG], 'providers'), 'any'),
  step([CONFIG], 'routes'),
  step(step([CONFIG], 'profiles'), 'any'),
  step(step(step([CONFIG], 'profiles'), 'any'), 'sign'),
  step(step(step([CONFIG], 'profiles'), 'any'), 'verify'),
];

const isKey = (name: string): boolean =>
  STARTS.some((start) => name.replaceAll('[]', '').split('.').reduce<readonly Schema[]>(step, start).length > 0);

/** `a.b` in backticks, alone or with a value behind it; a hole in a template stands for a name. */
const DOTTED = /`([a-z_]+(?:\[\])?(?:\.(?:[a-z_]+(?:\[\])?|<\w+>|\$\{\w+\}|NAME))+)(?:: [^`]*)?`/g;
const FILE = /\.(?:ts|yaml|json|md|localhost)$/;

test('every key of the config that is named anywhere exists', (t) => {
  const withoutComments = SOURCES.map(({ file, text }) => ({
    file,
    text: text.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1'),
  }));
  // The fields of the admin API's answers stand in the first column of its page. They are derived, and are no keys.
  const withoutFields = PAGES.map(({ file, text }) => ({
    file,
    text: file === 'config/reference/admin.md' ? text.replaceAll(/^\| `[^`]*` /gm, '| ') : text,
  }));
  const named = findAll([...withoutComments, ...withoutFields], DOTTED).filter(({ found }) => !FILE.test(found));
  t.true(named.length > 60, 'positive control');
  t.deepEqual(
    named.filter(({ found }) => !isKey(found) && !isTemplateName(found)),
    [],
  );
});

test('the test above tells what exists from what does not', (t) => {
  for (const name of [
    'limits.url_bytes',
    'providers.p.endpoints.api',
    'match.methods',
    'token.read.expiry[].at',
    'credentials.x.without',
  ])
    t.true(isKey(name), name);
  for (const name of ['limits.urls', 'limit.url_bytes', 'listen.address.port', 'token.read.expires'])
    t.false(isKey(name), name);
});

test('every code that a comment or a page names exists', (t) => {
  const ours = findAll(SOURCES, /(?:\bcode: |(?:Refusal|Error)\(\s*)'([a-z_]+)'/g).map(({ found }) => found);
  const codes = new Set([...CODE_ENTRIES.keys(), ...Object.keys(HTTP1_ERRORS), ...ours]);
  const comments = findAll(SOURCES, /\/\*\*([^]*?)\*\//g);
  const claims = comments.flatMap(({ file, found }) =>
    findAll([{ file, text: found.replaceAll(/\n \* ?/g, ' ') }], /((?:Reports|Throws)\b[^]*?)(?:\.\s|\.$|$)/g),
  );
  const named = [
    ...claims.flatMap(({ file, found }) => findAll([{ file, text: found }], /`([a-z]+(?:_[a-z]+)+)`/g)),
    ...findAll([...SOURCES, ...PAGES], /\b(?:error|warning)\[([a-z_]+)\]/g),
  ];
  t.true(named.length > 30, 'positive control');
  t.deepEqual(
    named.filter(({ found }) => !codes.has(found)),
    [],
  );
});
