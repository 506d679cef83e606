import net from 'node:net';
import type { ExecutionContext } from 'ava';
import { keepCredentials, saidIn } from './canary.ts';
import { header, headerAll, MessageReader, parseHead, within } from './http1.ts';
import type { Framing, Head } from './http1.ts';
import { lookAtAnswer } from './watch.ts';

/** One answer off the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly headers: readonly string[];
  readonly header: (name: string) => string | undefined;
  readonly headerAll: (name: string) => string[];
  readonly body: Buffer;
  readonly text: string;
  readonly trailers: string;
  /** The 1xx answers that came before it. */
  readonly informational: readonly number[];
}

export interface RawClient {
  readonly socket: net.Socket;
  /** Resolves when the bytes have been handed to the kernel. A string is latin1. */
  send(bytes: string | Uint8Array): Promise<void>;
  /** The next whole answer. `toHead`: it answers a HEAD. Rejects when the connection closes before its end. */
  answer(options?: { readonly toHead?: boolean; readonly ms?: number }): Promise<RawAnswer>;
  /** Resolves with the head as soon as it is there; `answer()` still yields the whole. */
  head(ms?: number): Promise<Head>;
  /** Resolves when at least `count` bytes of the current answer's body have come. */
  bodyBytes(count: number, ms?: number): Promise<Buffer>;
  /** Resolves when the server has closed: `end` cleanly, `reset` not. */
  closed(ms?: number): Promise<'end' | 'reset'>;
  /** Every byte that ever came. */
  received(): Buffer;
  /** Closes by RST. */
  reset(): void;
}

interface Building {
  head: Head;
  status: number;
  parts: Buffer[];
  informational: number[];
}

/** Longer than any head that says something of note. */
const HEAD_BYTES = 16 * 1024;

/** Opens a connection on which a test speaks bytes. Closed at the test's end. */
export async function rawClient(t: ExecutionContext, port: number | string, host = '127.0.0.1'): Promise<RawClient> {
  const socket =
    typeof port === 'string' ? net.connect({ path: port }) : net.connect({ port, host, allowHalfOpen: true });
  socket.setNoDelay(true);
  t.teardown(() => socket.destroy());
  const everything: Buffer[] = [];
  const answers: RawAnswer[] = [];
  const toHead: boolean[] = [];
  let current: Building | undefined;
  let informational: number[] = [];
  let closedHow: 'end' | 'reset' | undefined;
  let broken: Error | undefined;
  let said = '';
  let wake = Promise.withResolvers<void>();
  const changed = (): void => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };

  const reader = new MessageReader({
    head(head) {
      const status = Number(head.startLine.split(' ')[1]);
      if (status >= 100 && status < 200 && status !== 101) {
        informational.push(status);
        return { length: 0 };
      }
      current = { head, status, parts: [], informational };
      informational = [];
      return answerFraming(head, status, toHead[0] ?? false);
    },
    body: (bytes) => void current?.parts.push(Buffer.from(bytes)),
    end(trailers) {
      if (!current) return;
      toHead.shift();
      const answer = finished(current, trailers);
      answers.push(answer);
      lookAtAnswer(Number(port), answer, said);
      current = undefined;
    },
  });

  socket.on('data', (chunk: Buffer) => {
    everything.push(chunk);
    try {
      reader.push(chunk);
    } catch (cause) {
      broken = cause as Error;
    }
    changed();
  });
  socket.on('end', () => {
    closedHow ??= 'end';
    reader.eof();
    changed();
  });
  socket.on('error', () => {
    closedHow ??= 'reset';
    changed();
  });
  socket.on('close', () => {
    closedHow ??= 'reset';
    changed();
  });
  const waitFor = async <T>(what: string, ms: number, look: () => T | undefined): Promise<T> => {
    const end = Date.now() + ms;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (broken) throw broken;
      if (closedHow && what !== 'close')
        throw new Error(
          `${what}: connection closed (${closedHow}) after ${JSON.stringify(received().toString('latin1').slice(0, 300))}`,
        );
      await within(Math.max(1, end - Date.now()), what, wake.promise);
    }
  };
  const received = (): Buffer => Buffer.concat(everything);
  await within(5_000, 'connect', new Promise((resolve) => socket.once('connect', () => resolve(undefined))));

  return {
    socket,
    received,
    send(text) {
      const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
      const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString('latin1');
      keepCredentials(head);
      said += saidIn(head);
      // A server that has answered and closed may make the write fail: what it answered is what counts.
      return new Promise((resolve) => void socket.write(bytes, () => resolve()));
    },
    answer(options = {}) {
      toHead.push(options.toHead ?? false);
      return waitFor('answer', options.ms ?? 5_000, () => answers.shift());
    },
    head: (ms = 5_000) => waitFor('head', ms, () => current?.head ?? (answers[0] && parseHead(answers[0].head))),
    bodyBytes: (count, ms = 5_000) =>
      waitFor(`${count} bytes of body`, ms, () => {
        const so = current ? Buffer.concat(current.parts) : (answers[0]?.body ?? Buffer.alloc(0));
        return so.length >= count ? so : undefined;
      }),
    closed: (ms = 5_000) => waitFor('close', ms, () => closedHow),
    reset: () => void socket.resetAndDestroy(),
  };
}

function answerFraming(head: Head, status: number, toHead: boolean): Framing {
  if (toHead || status === 204 || status === 304 || status === 101) return { length: 0 };
  if (header(head.headers, 'transfer-encoding')) return 'chunked';
  const length = header(head.headers, 'content-length');
  return length === undefined ? 'close' : { length: Number(length) };
}

function finished(building: Building, trailers: string): RawAnswer {
  const { head, status, parts, informational } = building;
  const body = Buffer.concat(parts);
  return {
    status,
    head: head.text,
    headers: head.headers,
    header: (name) => header(head.headers, name),
    headerAll: (name) => headerAll(head.headers, name),
    body,
    text: body.toString('utf8'),
    trailers,
    informational,
  };
}

/** Sends the bytes on a connection of their own and reads one answer. */
export async function ask(
  t: ExecutionContext,
  port: number | string,
  bytes: string | Uint8Array,
  options: { readonly toHead?: boolean; readonly ms?: number } = {},
): Promise<RawAnswer & { readonly client: RawClient }> {
  const client = await rawClient(t, port);
  const answer = client.answer(options);
  await client.send(bytes);
  return { ...(await answer), client };
}
