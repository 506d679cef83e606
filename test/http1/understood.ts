import type { Socket } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import { Http1Error } from '../../src/http1/error.ts';
import { ReadScheduler } from '../../src/http1/read-scheduler.ts';
import { ServerConnection } from '../../src/http1/server-connection.ts';
import type { ServerRequest } from '../../src/http1/server-request.ts';
import { StubSocket } from './stub-socket.ts';

/** What a server makes of what came on one connection. */
export interface Understood {
  /** Those that were whole, in order: method, target, fields, body. */
  readonly requests: string[];
  /** Why nothing more was read; undefined: more bytes were wanted. */
  refused: string | undefined;
  /** A request was understood whose connection closes behind it. */
  closes: boolean;
}

/** A socket on which the test says what it has to say, and nobody hears the answers. */
export class Scripted extends StubSocket {
  readonly remoteAddress = '127.0.0.1';
  bytesRead = 0;
  bytesWritten = 0;
  #isOver = false;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
  }

  /** Says it, and waits until all that follows from it has happened. */
  async say(segments: readonly string[]): Promise<void> {
    for (const segment of segments) {
      if (this.destroyed) return;
      this.push(Buffer.from(segment, 'latin1'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let turn = 0; turn < 10 && !this.#isOver; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.#isOver = true;
    this.destroy();
  }
}

export const described = (method: string, target: string, fields: readonly string[], body: string): string =>
  JSON.stringify([method, target, fields, body]);

/** What our server makes of bytes that come in segments. */
export async function understood(segments: readonly string[]): Promise<Understood> {
  const seen: Understood = { requests: [], refused: undefined, closes: false };
  const socket = new Scripted();
  const refuse = (error: unknown): void => void (seen.refused ??= error instanceof Http1Error ? error.code : undefined);
  const take = async (request: ServerRequest<undefined>): Promise<void> => {
    let body = '';
    if (request.flaw) {
      refuse(request.flaw);
      request.closeAfterAnswer();
    } else if (request.hasBody) {
      try {
        for (const source = request.pieces(); ;) {
          const { done, value } = await source.next();
          if (done) break;
          body += Buffer.from(value).toString('latin1');
        }
      } catch (error) {
        refuse(error);
        return;
      }
    }
    if (!request.flaw) seen.requests.push(described(request.method, request.target, request.headers, body));
    seen.closes = !request.persists;
    request.answer(200, 'OK', ['Content-Length', '0'], '');
  };
  new ServerConnection<undefined>(socket as unknown as Socket, undefined, false, {
    clock: systemClock,
    scheduler: new ReadScheduler(),
    limits: {
      targetBytes: 190_000,
      fieldBytes: 190_000,
      fields: 1_000,
      trailerBytes: 190_000,
      connections: 1,
      keepAliveMs: 65_000,
      callerMs: 300_000,
    },
    isClosing: false,
    isDraining: false,
    keepAliveFields: 'Connection: keep-alive\r\n',
    handle: (request) => void take(request),
    connect: ({ head }) => void (seen.refused = head.method),
    refuse({ error }) {
      refuse(error);
      return Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n');
    },
    left: () => undefined,
  });
  await socket.say(segments);
  return seen;
}
