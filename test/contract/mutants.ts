import { mixSeed, randomFrom } from '../helpers/random.ts';
import { CHANGES, type Draft } from './changes.ts';

/** What a caller sends: requests, one or more of them mutated. */
export interface Mutant {
  readonly segments: readonly string[];
  /** The names of the mutations. */
  readonly how: readonly string[];
}

export interface Dice {
  /** From 0 to `below` - 1. */
  number(below: number): number;
  one<T>(list: readonly T[]): T;
  chance(percent: number): boolean;
}

function diceFrom(seed: number): Dice {
  const random = randomFrom(seed);
  const number = (below: number): number => Math.floor(random() * below);
  return {
    number,
    one: (list) => list[number(list.length)] as (typeof list)[number],
    chance: (percent) => number(100) < percent,
  };
}

const SMUGGLED = 'GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';

function validDraft(dice: Dice, name: string): Draft {
  const method = dice.one(['GET', 'POST', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']);
  const content = dice.one(['', 'a', 'hello', '{"amount":1000}', '0\r\n\r\n', SMUGGLED, `\r\n${SMUGGLED}`]);
  const headers = ['Host: localhost', `X-Name: ${name}`];
  if (dice.chance(50))
    headers.push(dice.one(['Accept: */*', 'Content-Type: application/json', 'X-Empty:', 'If-Match: "x"']));
  if (dice.chance(20)) headers.push(dice.one(['Authorization: Bearer mine', 'Connection: keep-alive', 'TE: trailers']));
  const framing = dice.one(['none', 'length', 'length', 'chunked', 'chunked'] as const);
  const at = dice.number(headers.length + 1);
  if (framing === 'length') headers.splice(at, 0, `Content-Length: ${content.length}`);
  if (framing === 'chunked') headers.splice(at, 0, 'Transfer-Encoding: chunked');
  const draft = { start: [method, `/api/${name}`, 'HTTP/1.1'], headers, chunks: [], trailers: [] };
  if (framing === 'none') return { ...draft, content: '' };
  if (framing === 'length') return { ...draft, content };
  const parts = dice.chance(50) ? [content] : [content.slice(0, 3), content.slice(3)];
  return {
    ...draft,
    content: '',
    chunks: [...parts.filter((part) => part !== ''), ''].map((part) => ({
      size: part.length.toString(16),
      data: part,
    })),
  };
}

function wireOf({ start, headers, content, chunks, trailers }: Draft): string {
  const lines = chunks.map(({ size, data }) => `${size}\r\n${data === '' ? '' : `${data}\r\n`}`);
  const last = chunks.length === 0 ? '' : [...trailers, '', ''].join('\r\n');
  return `${[start.join(' '), ...headers].join('\r\n')}\r\n\r\n${content}${lines.join('')}${last.replace(/^\r\n\r\n$/, '\r\n')}`;
}

const BYTES = '\0\x01\t\n\v\f\r !"#%\'(),-./0159:;<=?@AFZ[\\]_afgz{|}~\x7f\x80\x85\xa0\xc3\xff'.split('');
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  '\r\r\n',
  ' ',
  '  ',
  '\t',
  ':',
  ',',
  ';',
  '0\r\n\r\n',
  'chunked',
  'identity',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Host: localhost\r\n',
  ' HTTP/1.1',
  'HTTP/1.0',
  'GET',
  '/api/x',
  '..',
  '%2e',
  '%00',
  '//',
  SMUGGLED,
];

type TextChange = (text: string, dice: Dice) => string;

const splice = (text: string, at: number, cut: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + cut);

/** Changes `count` of the parts that `text` falls into. */
const amongParts =
  (pattern: RegExp, change: (parts: string[], at: number, dice: Dice) => void): TextChange =>
  (text, dice) => {
    const parts = text.split(pattern);
    change(parts, dice.number(parts.length), dice);
    return parts.join('');
  };

const LINES = /(?<=\r\n)/;
const TOKENS = /(?<=[^A-Za-z0-9])|(?=[^A-Za-z0-9])/;
const PART_CHANGES: Readonly<Record<string, (parts: string[], at: number, dice: Dice) => void>> = {
  dropped: (parts, at) => parts.splice(at, 1),
  doubled: (parts, at) => parts.splice(at, 0, parts[at] as string),
  moved: (parts, at, dice) => parts.splice(dice.number(parts.length), 0, ...parts.splice(at, 1)),
};
const TEXT_CHANGES: Readonly<Record<string, TextChange>> = {
  'a byte put in': (text, dice) => splice(text, dice.number(text.length + 1), 0, dice.one(BYTES)),
  'a byte replaced': (text, dice) => splice(text, dice.number(text.length), 1, dice.one(BYTES)),
  'a byte dropped': (text, dice) => splice(text, dice.number(text.length), 1, ''),
  'a bit flipped': (text, dice) => {
    const at = dice.number(text.length);
    return splice(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << dice.number(8))));
  },
  'some bytes dropped': (text, dice) => splice(text, dice.number(text.length), 1 + dice.number(8), ''),
  'the end cut off': (text, dice) => text.slice(0, dice.number(text.length)),
  'a piece put in': (text, dice) => splice(text, dice.number(text.length + 1), 0, dice.one(PIECES)),
  'a token replaced': amongParts(TOKENS, (parts, at, dice) => (parts[at] = dice.one(PIECES))),
  'a token in another case': amongParts(TOKENS, (parts, at) => {
    const token = parts[at] as string;
    parts[at] = token === token.toUpperCase() ? token.toLowerCase() : token.toUpperCase();
  }),
  'a line end replaced': amongParts(LINES, (parts, at, dice) => {
    parts[at] = (parts[at] as string).replace(
      /\r\n$/,
      dice.one(['\n', '\r', '\r\r\n', '\n\r', '\r\n ', '\r\n\t', '', ' \r\n', '\0\r\n']),
    );
  }),
  'a line put in': amongParts(LINES, (parts, at, dice) =>
    parts.splice(at, 0, dice.one(['\r\n', ' x\r\n', 'x\r\n', ':\r\n', '0\r\n'])),
  ),
  ...Object.fromEntries(
    Object.entries(PART_CHANGES).flatMap(([what, change]) => [
      [`a line ${what}`, amongParts(LINES, change)],
      [`a token ${what}`, amongParts(TOKENS, change)],
    ]),
  ),
};

const TEXT_NAMES = Object.keys(TEXT_CHANGES);
const DRAFT_NAMES = Object.keys(CHANGES);

function segmentsOf(text: string, dice: Dice): string[] {
  if (dice.chance(40)) return [text];
  const ends = [...text.matchAll(/\r\n/g)].map(({ index }) => index + dice.number(3));
  const cuts = Array.from({ length: 1 + dice.number(4) }, () =>
    dice.chance(50) && ends.length > 0 ? dice.one(ends) : dice.number(text.length + 1),
  );
  const places = [...new Set([...cuts, text.length])].toSorted((a, b) => a - b);
  return places.map((place, i) => text.slice(places[i - 1] ?? 0, place)).filter((segment) => segment !== '');
}

/** The `n`-th mutant of a seed: one to three requests with one to three mutations, and mostly a good request behind them. */
export function mutantOf(seed: number, n: number, port: number): Mutant {
  const dice = diceFrom(mixSeed(seed, n));
  const drafts = Array.from({ length: dice.one([1, 1, 1, 2, 2, 3]) }, (_, i) => validDraft(dice, `${n}.${i}`));
  const how: string[] = [];
  const count = dice.one([1, 1, 1, 2, 2, 3]);
  const onText = Array.from({ length: count }, () => dice.chance(50));
  for (const isOnText of onText) {
    if (isOnText) continue;
    const name = dice.one(DRAFT_NAMES);
    how.push(name);
    CHANGES[name]?.(dice.one(drafts), dice, port);
  }
  const wires = drafts.map(wireOf);
  for (const isOnText of onText) {
    if (!isOnText) continue;
    const name = dice.one(TEXT_NAMES);
    how.push(name);
    const at = dice.number(wires.length);
    wires[at] = (TEXT_CHANGES[name] as TextChange)(wires[at] as string, dice);
  }
  if (dice.chance(80)) wires.push(`GET /api/last HTTP/1.1\r\nHost: localhost\r\nX-Name: ${n}.last\r\n\r\n`);
  return { segments: segmentsOf(wires.join(''), dice), how };
}
