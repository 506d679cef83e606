import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { accessLine } from './log-line.ts';
import { ACCESS_FIELDS, LOG_MESSAGES } from './log-messages.ts';

const ROOT = join(import.meta.dirname, '../..');

test('the reference has the fields of a request, in the order of the line', async (t) => {
  const [, , , ...fields] = Object.keys(JSON.parse(await accessLine()) as object);
  t.deepEqual(Object.keys(ACCESS_FIELDS), fields);
});

/** A text of the sources: a literal, or a template, in whose holes templates may stand. */
const HOLE = String.raw`\$\{(?:[^{}\x60]|\x60[^\x60]*\x60|\{[^{}]*\})*\}`;
const TEXT = String.raw`(?:'((?:[^'\\]|\\.)*)'|\x60((?:[^\x60\\$]|\\.|${HOLE}|\$)*)\x60)`;
const ANYWHERE = [
  new RegExp(String.raw`emit\('notice', \{[^]{0,120}?message: ${TEXT}`, 'g'),
  new RegExp(String.raw`onNotice\(\{[^]{0,160}?message: ${TEXT}`, 'g'),
  new RegExp(String.raw`#notice\('\w+', ${TEXT}`, 'g'),
];
/** Where messages are made elsewhere than they are told. */
const IN_FILES: readonly (readonly [file: RegExp, pattern: RegExp])[] = [
  [
    /^src\/(?:store\/|tunnel\/|proxy\/|reload\.ts$)/,
    new RegExp(String.raw`const message = ${TEXT};\s+events\.emit\('notice'`, 'g'),
  ],
  [/^src\/config\/diagnostics\/diagnostics\.ts$/, new RegExp(String.raw`message: ${TEXT}`, 'g')],
  [/^src\/observe\/notices\.ts$/, /'(\w+(?: \w+)+)'/g],
  [/^src\/config\/diagnostics\/diagnostics\.ts$/, new RegExp(String.raw`message: ${TEXT}`, 'g')],
  [/^src\/config\/restart\.ts$/, new RegExp(String.raw`\(\{ written \}\) => ${TEXT}`, 'g')],
];

const withoutHoles = (text: string): string => text.replaceAll(new RegExp(HOLE, 'g'), '…').replaceAll('\\`', '`');

function messagesIn(file: string): readonly string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const own = IN_FILES.flatMap(([files, pattern]) => (files.test(file) ? [pattern] : []));
  return [...ANYWHERE, ...own].flatMap((pattern) =>
    [...source.matchAll(pattern)].map(([, literal, template]) => withoutHoles(literal ?? template ?? '')),
  );
}

test('the reference has every message that the sources write out, and no other', (t) => {
  const written = new Set(globSync('src/**/*.ts', { cwd: ROOT }).flatMap(messagesIn));
  const told = Object.values(LOG_MESSAGES)
    .flat()
    .map(({ message }) => message);
  t.deepEqual(told.toSorted(), [...written].toSorted());
});

test('every field that the reference names stands in the sources', (t) => {
  const all = globSync('src/**/*.ts', { cwd: ROOT })
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n');
  for (const { message, fields } of Object.values(LOG_MESSAGES).flat())
    for (const field of fields) t.regex(all, new RegExp(`\\b${field}\\b`), message);
});
