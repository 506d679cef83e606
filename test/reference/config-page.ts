import { stringify } from 'yaml';
import { builtInProfiles, builtInText } from '../../src/config/shipped.ts';
import { profileKeys } from '../profiles/keys.ts';
import { BLOCKS, rowsOf, yamlOf } from '../profiles/page.ts';
import { CONFIG_EXAMPLES, PROFILE_EXAMPLE } from './config-examples.ts';
import { CONFIG_KEYS, isOverridable, needsRestart, type ConfigKey } from './config-keys.ts';
import { CONFIG_NOTES } from './config-notes.ts';
import { block, code, page, table, toHeading, type Part } from './page.ts';

const ABOUT = `Every key of \`proxy.config.yaml\`, in the order of the file. \`<name>\` is a name of your own, \`[]\` an entry of a list. Unknown keys are errors, and
\`outrider check\` tells all of them at once. [\`proxy.schema.json\`](../proxy.schema.json) tells editors the same.`;

const VALUES = table(
  ['type', 'is written'],
  [
    ['duration', '`250ms`, `10s`, `5m`, `24h`, `7d`: a whole number and its unit'],
    ['size', '`512B`, `64KiB`, `1MiB`, `1GiB`'],
    ['address', '`127.0.0.1:8080`, `[::1]:8080`, `unix:/run/outrider.sock`; port 0 is any free one'],
    [
      'any single value',
      '`${VAR}`, `${VAR:-default}`, `${VAR:?message}`, `${file:/path}` as a whole or within; `$$` is a dollar sign',
    ],
    ['path of a file', 'relative ones begin at the config file'],
  ],
);

const RELOAD = `SIGHUP, or \`outrider start --watch\`, takes over a changed file; a section that needs a restart says so. What a route may say otherwise, below
\`routes[]\` and for itself alone, is marked.`;

const notesOf = ({ path }: ConfigKey): string => (isOverridable(path) ? 'a route may say otherwise' : '');

/** What the page about profiles says of each of their keys: type, default, meaning. */
const MEANINGS = new Map(rowsOf('key').map(({ key, cells }) => [key, cells]));
const PROFILES_PAGE = '../profiles/README.md';

/** A cell of that page, read from here. */
const away = (text: string): string => text.replaceAll('](#', `](${PROFILES_PAGE}#`).replaceAll('\\|', '|');

/** A provider's `renew` is that of its profile. */
const meaningOf = ({ path, meaning }: ConfigKey): string =>
  meaning || away(MEANINGS.get(path.replace('providers.<name>.', ''))?.[2] ?? '');

const rowOf = (key: ConfigKey): readonly string[] => [
  code(key.path),
  key.type,
  key.isRequired ? '**required**' : key.default === undefined ? '' : code(key.default),
  meaningOf(key),
  notesOf(key),
];

const SECTIONS = CONFIG_KEYS.filter(({ path }) => !/[.[]/.test(path));

function section(top: ConfigKey): Part {
  const { path, type, meaning, default: absent } = top;
  const keys = CONFIG_KEYS.filter((key) => key.path.startsWith(`${path}.`) || key.path.startsWith(`${path}[`));
  const facts = [
    meaning,
    ...(type === 'map' ? [] : [`Type: ${type}${absent === undefined ? '' : `; default: ${code(absent)}`}.`]),
    ...(needsRestart(path) ? ['A change needs a **restart**.'] : []),
    ...(path === 'profiles' ? [`The keys of a profile: ${toHeading('Keys of a profile', 'below')}.`] : []),
  ];
  return [
    `## ${path}`,
    facts.join(' '),
    ...(keys.length === 0 ? [] : [table(['key', 'type', 'default', 'meaning', 'besides'], keys.map(rowOf))]),
    ...(CONFIG_NOTES[path] === undefined ? [] : [CONFIG_NOTES[path]]),
    ...(CONFIG_EXAMPLES[path] ?? []).map((text) => block('yaml', text)),
  ].join('\n\n');
}

const PROFILE = `A profile is a file in [\`config/profiles\`](../profiles), or an entry of \`profiles\`. [Its own page](${PROFILES_PAGE}) shows how one is written. An example is
from a built-in profile that has the key, or from that page.`;

/** What fits into a cell, as code. */
const isShort = (value: unknown): boolean => /^[^`]{1,80}$/.test(JSON.stringify(value) ?? '');

/** What stands at a path of a profile, wherever it leads. */
function* valuesAt(value: unknown, [step, ...rest]: readonly string[]): Generator<unknown> {
  if (step === undefined) return yield value;
  if (typeof value !== 'object' || value === null) return;
  const [, signer] = /^\[signer: (.*)\]$/.exec(step) ?? [];
  if (signer !== undefined) {
    const named = Object.values(value).filter((each: { readonly signer?: unknown }) => each.signer === signer);
    for (const each of named) yield* valuesAt(each, rest);
  } else if (step === '[]' || step === '<>') for (const each of Object.values(value)) yield* valuesAt(each, rest);
  else yield* valuesAt((value as Readonly<Record<string, unknown>>)[step], rest);
}

const TRIED: readonly unknown[] = [
  ...builtInProfiles().map((name) => yamlOf(builtInText(name))),
  ...BLOCKS.filter(({ language, kind }) => language === 'yaml' && kind !== 'example').map(({ text }) => yamlOf(text)),
  yamlOf(PROFILE_EXAMPLE),
];

/** The first short value that a profile has at a path; empty where there is none. */
export function exampleAt(path: string): string {
  const steps = path.replaceAll('[', '.[').split('.');
  const found = TRIED.flatMap((profile) => [...valuesAt(profile, steps)]).find(isShort);
  return found === undefined ? '' : code(stringify(found, { collectionStyle: 'flow', lineWidth: 0 }).trim());
}

function profileRow(path: string): readonly string[] {
  const [type = '', absent = '', meaning = ''] = MEANINGS.get(path) ?? [];
  return [code(path.replaceAll('<>', '<name>')), away(type), away(absent), exampleAt(path), away(meaning)];
}

const profileTable = (): Part =>
  table(
    ['key', 'type', 'default', 'example', 'meaning'],
    profileKeys()
      .map(({ path }) => path)
      .toSorted()
      .map(profileRow),
  );

/** `config/reference/config.md`. */
export const configPage = (): string =>
  page(
    'The config',
    ABOUT,
    table(
      ['section', 'says'],
      [
        ...SECTIONS.map(({ path, meaning }) => [toHeading(path, code(path)), meaning]),
        [toHeading('Keys of a profile'), 'how a provider authenticates'],
      ],
    ),
    '## How values are written',
    VALUES,
    RELOAD,
    ...SECTIONS.map(section),
    '## Keys of a profile',
    PROFILE,
    profileTable(),
  );
