/** Headers as they are on the wire, in their order and spelling: name, value, name, value. */
export type RawHeaders = readonly string[];

/** Returns the value of the first header called `name` (lower case); undefined when there is none. */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const candidate = headers[i] as string;
    if (candidate.length === name.length && candidate.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

/** Returns the values of all headers called `name` (lower case), in order. */
export function headerValues(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const candidate = headers[i] as string;
    if (candidate.length === name.length && candidate.toLowerCase() === name) values.push(headers[i + 1] as string);
  }
  return values;
}

/** Returns the names of the fields that only `after` has, or has with another value. */
export const addedNames = (before: RawHeaders, after: RawHeaders): string[] =>
  addedFields(before, after).map(([name]) => name);

/** Returns the fields that only `after` has, or has with another value. */
export function addedFields(before: RawHeaders, after: RawHeaders): (readonly [name: string, value: string])[] {
  const added: (readonly [string, string])[] = [];
  for (let i = 0; i < after.length; i += 2) {
    // Most fields keep their place.
    if (before[i] === after[i] && before[i + 1] === after[i + 1]) continue;
    let at = 0;
    while (at < before.length && !(before[at] === after[i] && before[at + 1] === after[i + 1])) at += 2;
    if (at >= before.length) added.push([after[i] as string, after[i + 1] as string]);
  }
  return added;
}

/** Whether `text` can be a header value: visible ASCII, spaces and tabs (RFC 9110 §5.5). */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text);
}

/** Whether `text` is a token (RFC 9110 §5.6.2), and so can be a header's name. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** How many spellings one function remembers. */
const SPELLINGS_MAX = 2048;
/** The longest name that is remembered. Longer ones hardly come twice. */
const SPELLING_LENGTH = 64;

/**
 * Returns `classify` with a memory: it is called once for each spelling of a header's name. The memory is limited; beyond that,
 * `classify` is called each time. It gets the name in lower case and as it came, and must not return undefined.
 */
export function bySpelling<T>(classify: (lower: string, name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    let answer = known.get(name);
    if (answer === undefined) {
      answer = classify(name.toLowerCase(), name);
      if (known.size < SPELLINGS_MAX && name.length <= SPELLING_LENGTH) known.set(name, answer);
    }
    return answer;
  };
}
