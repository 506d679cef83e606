/** How programs write a text into a URL: which characters they escape, and what becomes of a blank. */
const URL_WRITERS: readonly { readonly escapes: RegExp; readonly blank: string }[] = [
  { escapes: /[^A-Za-z0-9 \-_.!~*'()]/g, blank: '%20' }, // encodeURIComponent
  { escapes: /[^A-Za-z0-9 \-_.!~*'();/?:@&=+$,#]/g, blank: '%20' }, // encodeURI
  { escapes: /[^A-Za-z0-9 \-._~]/g, blank: '%20' }, // RFC 3986
  { escapes: /[^A-Za-z0-9 \-._~/]/g, blank: '%20' }, // Python's quote
  { escapes: /[^A-Za-z0-9 \-._~]/g, blank: '+' }, // Go, Python's quote_plus
  { escapes: /[^A-Za-z0-9 \-._*]/g, blank: '+' }, // forms of browsers, Java
  { escapes: /[^A-Za-z0-9 \-._]/g, blank: '+' }, // PHP
];

const BLANKS = [...new Set(URL_WRITERS.map(({ blank }) => blank))];

/** How programs write a text into JSON: what becomes `\uXXXX` beside control characters, in which case, and what of a slash. */
const JSON_WRITERS: readonly { readonly escapes?: RegExp; readonly isUpper?: true; readonly slash?: '\\/' }[] = [
  {}, // JavaScript
  { slash: '\\/' },
  { escapes: /[^\x20-\x7e]/g }, // Python, Ruby
  { escapes: /[^\x20-\x7e]/g, slash: '\\/' }, // PHP
  { escapes: /[^\x20-\x7e]/g, isUpper: true }, // Jackson
  { escapes: /[<>&]/g }, // Go, Rails
  { escapes: /[<>&'=]/g }, // Gson
  { escapes: /\\"|[^\x20-\x7e]|[<>&'+`]/g, isUpper: true }, // .NET
];

/** A text in which every writer of a URL or of JSON leaves all but blanks as it is. */
const PLAIN = /^[\w. -]*$/;

const hex = (text: string, length: number, isUpper: boolean): string => {
  const digits = text
    .charCodeAt(text.length - 1)
    .toString(16)
    .padStart(length, '0');
  return isUpper ? digits.toUpperCase() : digits;
};

/** @param bytes One character for each byte. */
const inUrl = (bytes: string, { escapes, blank }: (typeof URL_WRITERS)[number], isUpper: boolean): string =>
  bytes.replace(escapes, (byte) => `%${hex(byte, 2, isUpper)}`).replaceAll(' ', blank);

const inJson = (text: string, { escapes, isUpper, slash }: (typeof JSON_WRITERS)[number]): string => {
  const written = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('/', slash ?? '/');
  return escapes ? written.replace(escapes, (char) => `\\u${hex(char, 4, isUpper === true)}`) : written;
};

/** Returns the ways to write bytes in base64, each once: in both alphabets, padded or not. One character is one byte. */
function base64sOf(bytes: string): readonly string[] {
  const padded = btoa(bytes);
  const bare = padded.replaceAll('=', '');
  const spellings = bare === padded ? [padded] : [padded, bare];
  if (!/[+/]/.test(bare)) return spellings;
  return [...spellings, ...spellings.map((spelling) => spelling.replaceAll('+', '-').replaceAll('/', '_'))];
}

/**
 * Returns the ways to write a text that programs have, each once and the text itself first: in a URL or a form, in JSON, and in
 * base64.
 */
export function spellingsOf(text: string): readonly string[] {
  if (PLAIN.test(text)) {
    const blanks = text.includes(' ') ? BLANKS.map((blank) => text.replaceAll(' ', blank)) : [];
    return [text, ...base64sOf(text), ...blanks];
  }
  const bytes = Buffer.from(text).toString('latin1');
  const spellings = new Set([text, ...base64sOf(bytes)]);
  for (const writer of URL_WRITERS) {
    for (const isUpper of [true, false]) spellings.add(inUrl(bytes, writer, isUpper));
  }
  for (const writer of JSON_WRITERS) spellings.add(inJson(text, writer));
  return [...spellings];
}
