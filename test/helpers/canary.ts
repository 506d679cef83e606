import diagnostics from 'node:diagnostics_channel';
import { header } from './http1.ts';

/** Shorter texts stand in too many others by chance; those up to {@link MIN_INSIDE} count where they stand alone. */
const MIN_LENGTH = 7;
const MIN_INSIDE = 12;
/** A text this long is found when it is cut in two, wherever: one part has a whole half of it. */
const MIN_HALVED = 24;
const MAX_KNOWN = 20_000;
const HEAD = 4;

/** Every way to write a known secret → the secret's name. */
const names = new Map<string, string>();
const known = new Set<string>();
/** First characters → the lengths of what begins with them. */
const lengths = new Map<string, Set<number>>();
const table = new Uint8Array(1 << 16);

const slot = (text: string, at: number): number =>
  Math.imul(
    (text.charCodeAt(at) << 24) ^
      (text.charCodeAt(at + 1) << 16) ^
      (text.charCodeAt(at + 2) << 8) ^
      text.charCodeAt(at + 3),
    0x9e3779b1,
  ) >>> 16;

/** What base64 makes of a text's own bits, at each of the three offsets at which it may stand in something longer. */
const base64s = (bytes: Buffer): string[] =>
  [0, 1, 2].map((shift) => {
    const coded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    return coded.slice([0, 2, 3][shift], Math.floor(((bytes.length + shift) * 8) / 6));
  });

function spellings(text: string): string[] {
  const bytes = Buffer.from(text);
  const hex = bytes.toString('hex');
  const percent = encodeURIComponent(text.toWellFormed());
  const base64 = base64s(bytes);
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    percent,
    percent.replaceAll(/%../g, (escape) => escape.toLowerCase()),
    percent.replaceAll('%20', '+'),
    [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
    hex,
    hex.toUpperCase(),
    (hex.match(/../g) ?? []).join(' '),
    ...base64,
    ...base64.map((coded) => coded.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

/** Whether finding the text says anything: no `aaaa…`, no placeholder. */
const isTelling = (text: string): boolean => text.length >= MIN_LENGTH && new Set(text).size >= 4;

/** Makes a secret known: from now on nothing that Outrider writes or answers in this process may have it. */
export function keepSecret(name: string, secret: string): void {
  if (known.has(secret) || known.size >= MAX_KNOWN || !isTelling(secret)) return;
  known.add(secret);
  const half = Math.floor(secret.length / 2);
  const halves = secret.length < MIN_HALVED ? [] : [secret.slice(0, half), secret.slice(half)];
  // A key in PEM is written line by line.
  const lines = secret.split(/\s*\n\s*/).filter((line) => line.length >= MIN_HALVED);
  for (const part of [secret, ...halves, ...(lines.length > 1 ? lines : [])]) {
    if (!isTelling(part)) continue;
    for (const spelling of spellings(part)) {
      if (spelling.length < MIN_LENGTH || names.has(spelling)) continue;
      names.set(spelling, name);
      table[slot(spelling, 0)] = 1;
      const head = spelling.slice(0, HEAD);
      const those = lengths.get(head) ?? new Set();
      lengths.set(head, those.add(spelling.length));
    }
  }
}

const isWordChar = (char: string | undefined): boolean => char !== undefined && /[A-Za-z0-9]/.test(char);

/** The names of the secrets that stand in a text, in whatever spelling. */
export function secretsIn(text: string): string[] {
  const found = new Set<string>();
  for (let at = 0; at + MIN_LENGTH <= text.length; at++) {
    if (table[slot(text, at)] === 0) continue;
    for (const length of lengths.get(text.slice(at, at + HEAD)) ?? []) {
      const name = names.get(text.slice(at, at + length));
      if (name === undefined) continue;
      const isAlone = !isWordChar(text[at - 1]) && !isWordChar(text[at + length]);
      if (length >= MIN_INSIDE || isAlone) found.add(name);
    }
  }
  return [...found];
}

const CREDENTIAL = /^(authorization|proxy-authorization|x-outrider-token|cookie):[\t ]*(?:([\w-]+)[\t ]+)?(\S+)\r?$/gim;

/** Learns what credentials a head carries: who sends one, to us or to a provider, doesn't want to read it elsewhere. */
export function keepCredentials(head: string): void {
  for (const [, label = '', scheme = '', value = ''] of head.matchAll(CREDENTIAL)) {
    keepSecret(`a sent ${label.toLowerCase()}`, value);
    if (scheme.toLowerCase() !== 'basic') continue;
    const pair = Buffer.from(value, 'base64').toString();
    keepSecret(`a password sent in ${label.toLowerCase()}`, pair.slice(pair.indexOf(':') + 1));
  }
}

const TOKEN = /"(\w*(?:token|secret)\w*)"\s*:\s*"([^"\\]+)"/gi;
/** Of a token type and the like, which are said everywhere. */
const PUBLIC = /type|^(?:o-)?bearer$/i;

/** Learns the tokens that an answer in JSON brings. */
export function keepTokens(json: string): void {
  for (const [, label = '', value = ''] of json.matchAll(TOKEN)) {
    if (!PUBLIC.test(label) && !PUBLIC.test(value)) keepSecret(`a got ${label}`, value);
  }
}

/** Whether an answer is of Outrider's own making: an error, or the answer to a preflight. */
export function isOurs(status: number, headers: readonly string[]): boolean {
  if (header(headers, 'proxy-status')?.startsWith('outrider; error=')) return true;
  return status === 204 && header(headers, 'access-control-allow-methods') !== undefined;
}

/** An answer that has a secret, or undefined; what the request itself said in its target and id may come back. */
export function leakIn(answer: string, said: string): string | undefined {
  const own = secretsIn(said);
  const leaked = secretsIn(answer).filter((name) => !own.includes(name));
  return leaked.length === 0 ? undefined : leaked.join(', ');
}

/** What of a head may come back to its sender: the request line, and the id that they gave it. */
export const saidIn = (head: string): string =>
  head.match(/^(?:[A-Z]+ .*HTTP\/|x-request-id:).*$/gim)?.join('\n') ?? '';

const LONGEST_TOKEN_ANSWER = 16 * 1024;

// What goes to providers and comes from them, whoever they are.
diagnostics.subscribe('outrider:upstream:head', (message) => {
  keepCredentials((message as { head: string }).head);
});
diagnostics.subscribe('outrider:upstream:body', (message) => {
  const { chunk } = message as { chunk: Buffer };
  if (chunk.length < LONGEST_TOKEN_ANSWER && chunk.includes('token')) keepTokens(chunk.toString('latin1'));
});
