import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '..');
const threats = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
  .split(/^## /m)
  .find((part) => part.startsWith('Threats'))
  ?.split(/^### /m)
  .slice(1) as readonly string[];

/** A line of text between quotes, as a test's title stands in its file. */
const isTitle = (source: string, words: string): boolean =>
  source
    .replaceAll(String.raw`\``, '`')
    .replaceAll(String.raw`\'`, "'")
    .split('\n')
    .some((line) => line.includes(words) && /['"`]/.test(line));

for (const threat of threats) {
  const [title = '', ...lines] = threat.split('\n');
  test(`what holds this threat is there: ${title}`, (t) => {
    const held = lines.flatMap((line) => {
      const [, file, words] = /^- `(test\/[^`]+)`: (.+)$/.exec(line) ?? [];
      return file !== undefined && words !== undefined ? [{ file, words }] : [];
    });
    t.true(held.length >= 2, 'a threat without tests');
    t.is(held.length, lines.filter((line) => line.startsWith('- ')).length, 'a line that names no test');
    for (const { file, words } of held) {
      t.true(existsSync(join(ROOT, file)), file);
      t.true(isTitle(readFileSync(join(ROOT, file), 'utf8'), words), `${file}: ${words}`);
    }
  });
}
