/** How programs write a text into a URL: what they leave as it is beside letters and digits, and what becomes of a blank. */
const URL_WRITERS: readonly { readonly keeps: string; readonly blank: string }[] = [
  { keeps: "-_.!~*'()", blank: '%20' }, // encodeURIComponent
  { keeps: "-_.!~*'();/?:@&=+$,#", blank: '%20' }, // encodeURI
  { keeps: '-._~', blank: '%20' }, // RFC 3986
  { keeps: '-._~/', blank: '%20' }, // Python's quote
  { keeps: '-._~', blank: '+' }, // Go, Python's quote_plus
  { keeps: '-._*', blank: '+' }, // forms of browsers, Java
  { keeps: '-._', blank: '+' }, // PHP
];

/** How programs write a text into JSON: what becomes `\uXXXX` beside control characters, in which case, and what of a slash. */
const JSON_WRITERS: readonly { readonly escapes?: RegExp; readonly isUpper?: true; readonly slash?: '\\/' }[] = [
  {}, // JavaScript
  { slash: '\\/' },
  { escapes: /[^\x20-\x7e]/ }, // Python, Ruby
  { escapes: /[^\x20-\x7e]/, slash: '\\/' }, // PHP
  { escapes: /[^\x20-\x7e]/, isUpper: true }, // Jackson
  { escapes: /[<>&]/ }, // Go, Rails
  { escapes: /[<>&'=]/ }, // Gson
  { escapes: /[^\x20-\x7e]|[<>&'+"`]/, isUpper: true }, // .NET
];

const digitsOf = (code: number, length: number, isUpper: boolean): string => {
  const digits = code.toString(16).padStart(length, '0');
  return isUpper ? digits.toUpperCase() : digits;
};

const inUrl = (bytes: Buffer, keeps: string, blank: string, isUpper: boolean): string =>
  Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    if (char === ' ') return blank;
    return /[A-Za-z0-9]/.test(char) || keeps.includes(char) ? char : `%${digitsOf(byte, 2, isUpper)}`;
  }).join('');

const inJson = (text: string, { escapes, isUpper, slash }: (typeof JSON_WRITERS)[number]): string => {
  const unit = (char: string): string => `\\u${digitsOf(char.charCodeAt(0), 4, isUpper === true)}`;
  return Array.from(text, (char) => {
    if (char === '/') return slash ?? char;
    // A character beyond U+FFFF is written as two.
    return escapes?.test(char) ? char.split('').map(unit).join('') : JSON.stringify(char).slice(1, -1);
  }).join('');
};

/**
 * Returns the ways to write a text that programs have, the text itself among them: in a URL or a form, in JSON, and in base64
 * with both alphabets, padded or not.
 */
export function spellingsOf(text: string): Set<string> {
  const bytes = Buffer.from(text);
  const urls = URL_WRITERS.flatMap(({ keeps, blank }) =>
    [true, false].map((upper) => inUrl(bytes, keeps, blank, upper)),
  );
  const padded = bytes.toString('base64');
  const base64s = [padded, padded.replaceAll('=', ''), padded.replaceAll('+', '-').replaceAll('/', '_')];
  return new Set([
    text,
    ...urls,
    ...JSON_WRITERS.map((writer) => inJson(text, writer)),
    ...base64s,
    bytes.toString('base64url'),
  ]);
}
