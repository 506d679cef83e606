import type { Source } from '../yaml/tree.ts';

/** What a person may see of a file. */
export interface MaskedSource {
  /** The file's text, all that nobody said may be seen starred out; every position stays true. */
  readonly text: string;
  /** Words that are starred out wherever they stand. */
  readonly words: ReadonlySet<string>;
}

/** A reference and nothing else; a default would be the value itself. */
const REFERENCE = '\\$\\{(?:file:[^${}\\s]*|\\w*|\\w*:-|\\w*:\\?[^}\\n]*)\\}';
const WORD = new RegExp(`${REFERENCE}|[^\\s{}[\\],:"'#]+`, 'g');
const WHOLE_REFERENCE = new RegExp(`^${REFERENCE}$`);
/** Marks of YAML, small numbers, durations and sizes, addresses. */
const PLAIN = /^(?:[-|>?&*!+]{1,2}|\d{1,3}|\d{1,4}(?:ms|s|m|h|d|B|KiB|MiB|GiB|%)|\d{1,3}(?:\.\d{1,3}){3})$/;
/** A password in a URL, and what stands in its query under a telling name. */
const IN_URL =
  /(:\/\/[^\s/:@"']*:)([^\s"']+)(?=@)|([?&][^\s=&]*(?:key|token|secret|password|sig)[^\s=&]*=)([^\s&"']+)/gi;
const MIN_WORD = 4;

const stars = (text: string): string => text.replaceAll(/\S/g, '*');

/**
 * Stars out what isn't known to be harmless: all words but references, those of `vocabulary`, and what the source was told may
 * be seen. In a text that is no YAML nobody knows what is a secret, so nothing else is shown of it.
 */
export function masked(source: Source, vocabulary: ReadonlySet<string>): MaskedSource {
  const isVisible = within(source.visible);
  const isHidden = within(source.hidden);
  const words = new Set<string>();
  const seen = new Set<string>();
  const text = source.text.replaceAll(WORD, (word, at: number) => {
    const end = at + word.length;
    const isHarmless = WHOLE_REFERENCE.test(word) || vocabulary.has(word) || PLAIN.test(word);
    if (!isHidden(at, end) && (isHarmless || isVisible(at, end))) {
      seen.add(word);
      return word;
    }
    words.add(word);
    return stars(word);
  });
  const shown = text.replaceAll(IN_URL, (_, front = '', password = '', name = '', value = '') =>
    [front, stars(String(password)), name, stars(String(value))].join(''),
  );
  return { text: shown, words: new Set([...words].filter((word) => word.length >= MIN_WORD && !seen.has(word))) };
}

type Range = readonly [start: number, end: number];

/** Whether a stretch lies within one of the ranges; asked from front to back. */
function within(ranges: readonly Range[]): (start: number, end: number) => boolean {
  const sorted = ranges.toSorted((a, b) => a[0] - b[0] || b[1] - a[1]);
  let next = 0;
  let reach: Range = [0, 0];
  return (start, end) => {
    for (let range = sorted[next]; range !== undefined && range[0] <= start; range = sorted[++next]) {
      if (range[1] > reach[1]) reach = range;
    }
    return reach[0] <= start && end <= reach[1];
  };
}

const hasMasked = (text: string, words: ReadonlySet<string>): boolean =>
  (text.match(WORD) ?? []).some((word) => words.has(word));

/** The way to a place, without keys that are starred out. */
export const pathWithoutMasked = (way: string, words: ReadonlySet<string>): string =>
  way.replaceAll(/"(?:[^"\\]|\\.)*"|[\w-]+/g, (part) => {
    if (!part.startsWith('"')) return words.has(part) ? '…' : part;
    return hasMasked(JSON.parse(part) as string, words) ? '"…"' : part;
  });

/** A message in which what is starred out in the file is no more to be seen. Texts of the file are quoted in messages. */
export const withoutMasked = (message: string, words: ReadonlySet<string>): string =>
  message.replace(/(["`])(.*)\1/s, (quoted, mark: string, text: string) =>
    hasMasked(text, words) ? `${mark}…${mark}` : quoted,
  );
