/** A header list as it is on the wire: name, value, name, value, in order, in the spelling that came. */
export type RawHeaders = readonly string[];

/** The value of the first header called `name` (lower case), or undefined. */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const candidate = headers[i] as string;
    if (candidate.length === name.length && candidate.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

/** Every value of the headers called `name` (lower case), in order. */
export function headerValues(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const candidate = headers[i] as string;
    if (candidate.length === name.length && candidate.toLowerCase() === name) values.push(headers[i + 1] as string);
  }
  return values;
}

/** The names of the fields in `after` that `before` has not, with the same value. */
export function addedNames(before: RawHeaders, after: RawHeaders): string[] {
  const added: string[] = [];
  for (let i = 0; i < after.length; i += 2) {
    // Most stand where they stood.
    if (before[i] === after[i] && before[i + 1] === after[i + 1]) continue;
    let at = 0;
    while (at < before.length && !(before[at] === after[i] && before[at + 1] === after[i + 1])) at += 2;
    if (at >= before.length) added.push(after[i] as string);
  }
  return added;
}

/** Whether `text` can stand as a header value (RFC 9110 §5.5: visible ASCII, space, tab; no CR, LF or NUL). */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text);
}

/** Whether `text` is a token (RFC 9110 §5.6.2), and so can be a header name. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

const SPELLINGS_MAX = 2048;
/** A longer name is nobody's habit. */
const SPELLING_LENGTH = 64;

/** `classify`, asked once for each spelling of a header's name, as long as there are not too many. It gets the name in lower case. */
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
