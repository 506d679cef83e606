import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The profile reference, taken apart, so that what it says can be tried. */
export const PAGE = readFileSync(new URL('../../config/profiles/README.md', import.meta.url), 'utf8');

export interface Block {
  /** `yaml`, `console`. */
  readonly language: string;
  /** Of the comment above it: `example: acme` is kind and name; empty without one. */
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** Every fenced block, in order. */
export const BLOCKS: readonly Block[] = [
  ...PAGE.matchAll(/(?:<!-- (\w+)(?:: (\S+))? -->\n)?```(\w+)\n([\s\S]*?)```\n/g),
].map(([, kind = '', name = '', language = '', text = '']) => ({ language, kind, name, text }));

/** The one block of that name; throws when there is none. */
export function blockOf(kind: string, name: string): Block {
  const found = BLOCKS.find((block) => block.kind === kind && block.name === name);
  if (!found) throw new Error(`the page has no ${kind} "${name}"`);
  return found;
}

/** The first `console` block behind an example: its commands, each with the lines that it prints. */
export function commandsOf(name: string): { readonly args: readonly string[]; readonly lines: readonly string[] }[] {
  const console = BLOCKS[BLOCKS.indexOf(blockOf('example', name)) + 1];
  if (console?.language !== 'console') throw new Error(`nothing is run behind "${name}"`);
  return console.text
    .split(/^\$ outrider /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      const args = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
      return { args, lines };
    });
}

export interface Row {
  readonly key: string;
  /** The cells behind the key. */
  readonly cells: readonly string[];
}

/** The rows of every table whose first column is headed so; keys without their backticks, names of one's own as `<>`. */
export function rowsOf(heading: string): Row[] {
  const tables = PAGE.matchAll(new RegExp(`^\\| ${heading} \\|.*\\n\\|[-|]+\\n((?:\\|.*\\n)+)`, 'gm'));
  return [...tables]
    .flatMap(([, body = '']) => body.trimEnd().split('\n'))
    .map((line) => {
      const [key = '', ...cells] = line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim());
      return { key: key.replace(/^`(.*)`$/, '$1').replaceAll(/<\w+>/g, '<>'), cells };
    });
}

export const yamlOf = (text: string): unknown => parse(text);
