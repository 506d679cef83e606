import type { Dice } from './mutants.ts';
import {
  ABSOLUTE,
  EXPECTS,
  HOSTS,
  METHODS,
  OPTIONS,
  SIZES,
  TARGETS,
  TRAILERS,
  UPGRADES,
  VERSIONS,
} from './odd-parts.ts';
import { CODINGS, LENGTHS, LOOKALIKES } from './spellings.ts';

/** A request in its parts, as a mutation changes them. */
export interface Draft {
  readonly start: string[];
  /** Whole lines, without their ends. */
  readonly headers: string[];
  content: string;
  /** The last is empty, if there are any. */
  readonly chunks: { size: string; data: string }[];
  readonly trailers: string[];
}

type Change = (draft: Draft, dice: Dice, port: number) => void;

const put = (draft: Draft, dice: Dice, header: string): void =>
  void draft.headers.splice(dice.number(draft.headers.length + 1), 0, header);
const drop = (draft: Draft, pattern: RegExp): void => {
  const kept = draft.headers.filter((header) => !pattern.test(header));
  draft.headers.splice(0, draft.headers.length, ...kept);
};
const chunkOf = (draft: Draft, dice: Dice): Draft['chunks'][number] => dice.one(draft.chunks) ?? { size: '', data: '' };

/** Mutations of a request's structure, by name. */
export const CHANGES: Readonly<Record<string, Change>> = {
  'a coding': (draft, dice) => put(draft, dice, dice.one(CODINGS)),
  'another coding': (draft, dice) => {
    drop(draft, /^transfer-encoding/i);
    put(draft, dice, dice.one(CODINGS));
  },
  'a length': (draft, dice) => put(draft, dice, dice.one(LENGTHS)),
  'another length': (draft, dice) => {
    drop(draft, /^content-length/i);
    put(draft, dice, dice.one(LENGTHS));
  },
  'a length off by some': (draft, dice) => {
    const length = Math.max(0, draft.content.length + dice.one([-7, -2, -1, 1, 2, 7]));
    drop(draft, /^content-length/i);
    put(draft, dice, `Content-Length: ${length}`);
  },
  'no framing': (draft) => drop(draft, /^(?:content-length|transfer-encoding)/i),
  'no Host': (draft) => drop(draft, /^host/i),
  'a Host': (draft, dice) => put(draft, dice, `Host: ${dice.one(HOSTS)}`),
  'another Host': (draft, dice) => {
    drop(draft, /^host/i);
    put(draft, dice, `Host: ${dice.one(HOSTS)}`);
  },
  'a header that looks like another': (draft, dice) => put(draft, dice, dice.one(LOOKALIKES)),
  'a header twice': (draft, dice) => put(draft, dice, dice.one(draft.headers) ?? ''),
  'a method': (draft, dice) => void (draft.start[0] = dice.one(METHODS)),
  'a target': (draft, dice) => void (draft.start[1] = dice.one(TARGETS)),
  'an absolute target': (draft, dice, port) => void (draft.start[1] = dice.one(ABSOLUTE)(port)),
  'a version': (draft, dice) => void (draft.start[2] = dice.one(VERSIONS)),
  'HTTP/1.0 kept alive': (draft, dice) => {
    draft.start[2] = 'HTTP/1.0';
    put(draft, dice, dice.one(['Connection: keep-alive', 'Connection: Keep-Alive', 'Proxy-Connection: keep-alive']));
  },
  'an expectation': (draft, dice) => put(draft, dice, `Expect: ${dice.one(EXPECTS)}`),
  'a Connection option': (draft, dice) => put(draft, dice, `Connection: ${dice.one(OPTIONS)}`),
  'an upgrade': (draft, dice) => {
    put(draft, dice, `Upgrade: ${dice.one(UPGRADES)}`);
    if (dice.chance(80)) put(draft, dice, `${dice.one(['Connection', 'Connection', 'Proxy-Connection'])}: Upgrade`);
  },
  'a chunk size': (draft, dice) => void (chunkOf(draft, dice).size = dice.one(SIZES)),
  'a chunk size off by some': (draft, dice) => {
    const chunk = chunkOf(draft, dice);
    chunk.size = Math.max(0, chunk.data.length + dice.one([-2, -1, 1, 2, 16])).toString(16);
  },
  'a chunk extension': (draft, dice) =>
    void (chunkOf(draft, dice).size += dice.one([
      ';a',
      ';a=b',
      ';a="b;\\"c"',
      ';a="\t\xe9"',
      ';a;b=c;d',
      ';',
      ' ;a',
      ';a=',
      ';a b',
      ';a="\r"',
    ])),
  'no last chunk': (draft) => void draft.chunks.pop(),
  'a trailer': (draft, dice) => {
    if (draft.chunks.length > 0) draft.trailers.push(dice.one(TRAILERS));
  },
  'content that nothing announces': (draft, dice) =>
    void (draft.content += dice.one(['x', '\r\n', '\n', 'abcde', '0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'])),
  'a large header': (draft, dice) => put(draft, dice, `X-Big: ${'b'.repeat(dice.one([1000, 16_000, 17_000, 70_000]))}`),
  'a long target': (draft, dice) => void (draft.start[1] += `?${'u'.repeat(dice.one([1000, 8000, 9000, 70_000]))}`),
  'a good mutation of the case': (draft, dice) => {
    const at = dice.number(draft.headers.length);
    draft.headers[at] = (draft.headers[at] ?? '').replace(/^[^:]*/, (name) => name.toUpperCase());
  },
};
