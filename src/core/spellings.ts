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

/** A text that every writer of a URL or of JSON leaves as it is. */
const PLAIN = /^[\w.-]*$/;

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

/**
 * Returns the ways to write a text that programs have, the text itself among them: in a URL or a form, in JSON, and in base64
 * with both alphabets, padded or not.
 */
export function spellingsOf(text: string): Set<string> {
  const bytes = Buffer.from(text);
  const padded = bytes.toString('base64');
  const url = padded.replaceAll('+', '-').replaceAll('/', '_');
  const spellings = new Set([text, padded, padded.replaceAll('=', ''), url, url.replaceAll('=', '')]);
  if (PLAIN.test(text)) return spellings;
  for (const writer of URL_WRITERS) {
    for (const isUpper of [true, false]) spellings.add(inUrl(bytes.toString('latin1'), writer, isUpper));
  }
  for (const writer of JSON_WRITERS) spellings.add(inJson(text, writer));
  return spellings;
}
