import type { Source } from '../yaml/tree.ts';

/** The part of a file that a person may see. */
export interface MaskedSource {
  /** The file's text, with stars in place of everything that is not known to be harmless. All positions stay the same. */
  readonly text: string;
  /** The words that stars replace everywhere in the text. */
  readonly words: ReadonlySet<string>;
}

/** One reference without a default: a default would be the value itself. */
const REFERENCE = '\\$\\{(?:file:[^${}\\s]*|\\w*|\\w*:-|\\w*:\\?[^}\\n]*)\\}';
const WORD = new RegExp(`${REFERENCE}|[^\\s{}[\\],:"'#]+`, 'g');
const WHOLE_REFERENCE = new RegExp(`^${REFERENCE}$`);
/** Words that are harmless anywhere: marks of YAML, small numbers, durations, sizes and IPv4 addresses. */
const PLAIN = /^(?:[-|>?&*!+]{1,2}|\d{1,3}|\d{1,4}(?:ms|s|m|h|d|B|KiB|MiB|GiB|%)|\d{1,3}(?:\.\d{1,3}){3})$/;
/** A password in a URL, and a value in its query whose name tells of a secret. */
const IN_URL =
  /(:\/\/[^\s/:@"']*:)([^\s"']+)(?=@)|([?&][^\s=&]*(?:key|token|secret|password|sig)[^\s=&]*=)([^\s&"']+)/gi;
const MIN_WORD = 4;

const stars = (text: string): string => text.replaceAll(/\S/g, '*');

/**
 * Replaces every word by stars that isn't known to be harmless. Harmless are references, the words of `vocabulary`, small
 * numbers and the like, and what the source was told to show. What the source hides is never harmless. In a text that is no
 * YAML the source was told nothing, so little is left to see.
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

/** Makes a function that tells whether a part of the text lies in one of the ranges. It must be asked from front to back. */
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

/** A diagnostic's path, with `…` in place of the keys that the file's text hides. */
export const pathWithoutMasked = (way: string, words: ReadonlySet<string>): string =>
  way.replaceAll(/"(?:[^"\\]|\\.)*"|[\w-]+/g, (part) => {
    if (!part.startsWith('"')) return words.has(part) ? '…' : part;
    return hasMasked(JSON.parse(part) as string, words) ? '"…"' : part;
  });

/** A message with `…` in place of the quoted texts that the file's text hides. Messages quote texts of the file. */
export const withoutMasked = (message: string, words: ReadonlySet<string>): string =>
  message.replace(/(["`])(.*)\1/s, (quoted, mark: string, text: string) =>
    hasMasked(text, words) ? `${mark}…${mark}` : quoted,
  );
