import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import test from 'ava';
import { Client, type Dispatcher } from 'undici';
import { ClientConnection } from '../../src/http1/client-connection.ts';
import { mutate } from '../hostile/mutations.ts';
import { mixSeed, numberFrom, randomFrom } from '../helpers/random.ts';
import { IS_SLOW } from '../helpers/slow.ts';
import { StubSocket } from './stub-socket.ts';

/** `OUTRIDER_DIFFERENTIAL_SEED=7` for other answers, `OUTRIDER_DIFFERENTIAL=1000000` for more of them. */
const SEED = numberFrom('OUTRIDER_DIFFERENTIAL_SEED', 1);
const ANSWERS = numberFrom('OUTRIDER_DIFFERENTIAL', IS_SLOW ? 20_000 : 3_000);

/** What a client makes of an answer. */
interface Understood {
  readonly status: number;
  /** Name and value in turns, as they came. */
  readonly fields: readonly string[];
  readonly body: string;
  /** The answer was whole; else it broke off or was refused. */
  readonly isWhole: boolean;
}

/** A socket whose peer says what the test says, once it is asked. */
class Scripted extends StubSocket {
  readonly #pieces: Buffer[];
  readonly #endsCleanly: boolean;
  #isAsked = false;

  constructor(slices: readonly string[], endsCleanly: boolean) {
    super();
    this.#pieces = slices.map((slice) => Buffer.from(slice, 'latin1'));
    this.#endsCleanly = endsCleanly;
  }

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
    if (this.#isAsked) return;
    this.#isAsked = true;
    setImmediate(() => this.#say());
  }

  #say(): void {
    if (this.destroyed) return;
    const piece = this.#pieces.shift();
    if (piece) {
      this.push(piece);
      setImmediate(() => this.#say());
    } else if (this.#endsCleanly) this.push(null);
    else this.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
  }
}

function ours(method: string, socket: Duplex): Promise<Understood> {
  return new Promise((resolve) => {
    const seen = { status: 0, fields: [] as readonly string[], body: '' };
    const connection = new ClientConnection(socket as Socket, {
      maxHeadBytes: () => 64 * 1024,
      released: () => undefined,
      lost: () => undefined,
    });
    connection.send(
      { method, head: `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`, body: null, streamBytes: 0 },
      {
        onStarted: () => undefined,
        onSent: () => undefined,
        onHead: ({ status, fields }) => Object.assign(seen, { status, fields }),
        onData: (piece) => void (seen.body += piece.toString('latin1')),
        onEnd: () => resolve({ ...seen, isWhole: true }),
        onFailed: () => resolve({ ...seen, isWhole: false }),
      },
    );
  });
}

function theirs(method: string, socket: Duplex): Promise<Understood> {
  return new Promise((resolve) => {
    const seen = { status: 0, fields: [] as string[], body: '' };
    const client = new Client('http://a', {
      connect: (_options: unknown, reached: (error: null, socket: Socket) => void) =>
        void setImmediate(() => reached(null, socket as Socket)),
    } as Client.Options);
    const over = (isWhole: boolean): void => {
      resolve({ ...seen, isWhole });
      client.destroy(null, () => undefined);
    };
    client.dispatch({ method: method as Dispatcher.HttpMethod, path: '/' }, {
      onRequestStart: () => undefined,
      onResponseStart(controller: { rawHeaders?: unknown }, status: number) {
        if (status < 200) return;
        const raw = (controller.rawHeaders ?? []) as Buffer[];
        Object.assign(seen, { status, fields: raw.map((text) => Buffer.from(text).toString('latin1')) });
      },
      onResponseData: (_controller: unknown, chunk: Buffer) => void (seen.body += chunk.toString('latin1')),
      onResponseEnd: () => over(true),
      onResponseError: () => over(false),
    } as unknown as Dispatcher.DispatchHandler);
  });
}

/** An answer as the tables below look at it. */
interface Parts {
  /** Interim heads and the final one. */
  readonly heads: readonly string[];
  readonly body: string;
  readonly ending: string;
}

type Exceptions = Readonly<Record<string, (parts: Parts) => boolean>>;

function partsOf(bytes: string, ending: string): Parts {
  const heads: string[] = [];
  // Empty lines before a head are none of it (RFC 9112 §2.2).
  let rest = bytes.replace(/^(?:\r\n)+/, '');
  let head = '';
  do {
    [head = rest] = /^[^]*?\r\n\r\n/.exec(rest) ?? [rest];
    heads.push(head);
    rest = rest.slice(head.length);
  } while (rest !== '' && /^\S* 1/.test(head));
  return { heads, body: rest, ending };
}

const some =
  (pattern: RegExp) =>
  ({ heads }: Parts): boolean =>
    heads.some((head) => pattern.test(head));

/** Where we refuse what undici takes, with the section that says so. */
const REFUSED: Exceptions = {
  'RFC 9112 §2.2: a line ends with CR and LF': some(/\r(?!\n)/),
  'RFC 9112 §2.3: no version but 1.0 and 1.1': some(/^(?!HTTP\/1\.[01] )/),
  // oxlint-disable-next-line no-control-regex
  'RFC 9112 §4: no control characters in a reason': some(/^[^\r\n]*[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/),
  'RFC 9112 §6.1: no Transfer-Encoding in 1.0': some(/^HTTP\/1\.0[^]*\r\ntransfer-encoding:/i),
  'RFC 9112 §6.1: no coding but chunked, once': ({ heads }) => {
    const codings = heads.at(-1)?.match(/(?<=\r\ntransfer-encoding:)[^\r\n]*/gi) ?? [];
    return codings.length > 1 || codings.some((coding) => coding.trim().toLowerCase() !== 'chunked');
  },
  'RFC 9112 §8: what ends with the connection ends with a clean one': ({ ending }) => ending === 'reset',
};

/** Where we take what undici refuses. */
const TAKEN: Exceptions = {
  'RFC 9110 §15.2: interim answers may come unasked, and are ignored': some(/^HTTP\/1\.[01] 1\d\d/),
  'RFC 9112 §7.1.1: chunk extensions are ignored': ({ body }) => /[\da-f];[^\r\n]*\r\n/i.test(body),
  'RFC 9112 §5.1: blanks behind a value are none of it': some(
    /\r\n(?:content-length|transfer-encoding):[^\r\n]*[ \t]\r\n/i,
  ),
};

/** What undici takes for another message: for it such a body goes on to the end of the connection, chunk lines and all. */
const OTHERWISE: Exceptions = {
  'RFC 9112 §5.1: a blank behind a coding is none of it': some(/\r\ntransfer-encoding:[ \t]*chunked[ \t]+\r\n/i),
};

test(`answers are understood as undici understands them, the exceptions of the table aside (seed ${SEED})`, async (t) => {
  const counts: Record<string, number> = {};
  const count = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);
  const objections: string[] = [];
  for (let n = 0; n < ANSWERS && objections.length < 10; n++) {
    const { method, bytes, slices, ending } = mutate(randomFrom(mixSeed(SEED, n)));
    const script = (): Scripted => new Scripted(slices, ending !== 'reset');
    const [mine, other] = await Promise.all([ours(method, script()), theirs(method, script())]);
    count(`${mine.isWhole ? 'taken' : 'refused'} by us, ${other.isWhole ? 'taken' : 'refused'} by undici`);
    const what = `answer ${n} to ${method}: ${JSON.stringify(slices)}, then ${ending}`;
    // Blanks behind a value are none of it (RFC 9112 §5.1); undici leaves them there.
    const trimmed = { ...other, fields: other.fields.map((text) => text.replace(/[ \t]+$/, '')) };
    if (mine.isWhole === other.isWhole && (!mine.isWhole || JSON.stringify(mine) === JSON.stringify(trimmed))) continue;
    const parts = partsOf(bytes, ending);
    const table = mine.isWhole === other.isWhole ? OTHERWISE : mine.isWhole ? TAKEN : REFUSED;
    const [section] = Object.entries({ ...table, ...OTHERWISE }).find(([, holds]) => holds(parts)) ?? [];
    if (section === undefined) objections.push(`${what}: ${JSON.stringify([mine, trimmed])}`);
    else count(section);
  }
  t.log(counts);
  t.deepEqual(objections, []);
  t.true((counts['taken by us, taken by undici'] ?? 0) > ANSWERS / 5, 'positive control');
});
