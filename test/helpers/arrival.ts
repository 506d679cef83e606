import { createHash } from 'node:crypto';
import type net from 'node:net';
import { header, headerAll } from './http1.ts';
import type { Head } from './http1.ts';

/** A body as it arrived: its first 4 MiB, and the length and digest of all of it. */
export interface ReceivedBody {
  readonly bytes: Buffer;
  readonly length: number;
  readonly sha256: string;
  readonly trailers: string;
}

export interface ReplyOptions {
  /** Name, value, …; framing is added unless one of them says it. */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  /** Writes the answer in pieces of this many bytes. */
  readonly slice?: number;
}

/** One request that reached the upstream. */
export interface Arrival {
  /** Which connection it came on, from 1. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** The head's exact bytes as latin1, with the empty line. */
  readonly head: string;
  readonly headers: readonly string[];
  header(name: string): string | undefined;
  headerAll(name: string): string[];
  /** Resolves when the whole body is there; rejects when the connection ends before. */
  body(): Promise<ReceivedBody>;
  /** Bytes of body so far. */
  readonly bodyLength: number;
  /** Whether the whole request has come. */
  readonly isComplete: boolean;
  /** Whether the connection ended before the whole request had come. */
  readonly isBroken: boolean;
  /** Stops reading from the connection. */
  pause(): void;
  resume(): void;
  /** Puts exactly these bytes (a string is latin1) on the wire; resolves when the kernel has them. */
  write(bytes: string | Uint8Array): Promise<void>;
  reply(status: number, options?: ReplyOptions): Promise<void>;
  /** Sends FIN. */
  end(): void;
  /** Sends RST. */
  reset(): void;
  /** Resolves when the connection has gone, from either side. */
  readonly closed: Promise<void>;
}

const KEPT_BYTES = 4 * 1024 * 1024;

/** What the upstream fills while the request arrives. */
export class Receiver implements Arrival {
  readonly connection: number;
  readonly head: string;
  readonly headers: readonly string[];
  readonly method: string;
  readonly target: string;
  readonly closed: Promise<void>;
  bodyLength = 0;
  isComplete = false;
  isBroken = false;
  readonly #socket: net.Socket;
  readonly #hash = createHash('sha256');
  readonly #kept: Buffer[] = [];
  readonly #whole = Promise.withResolvers<ReceivedBody>();

  constructor(socket: net.Socket, connection: number, head: Head) {
    this.#socket = socket;
    this.connection = connection;
    this.head = head.text;
    this.headers = head.headers;
    const [method = '', target = ''] = head.startLine.split(' ');
    this.method = method;
    this.target = target;
    this.#whole.promise.catch(() => {});
    this.closed = new Promise((resolve) => {
      socket.once('end', resolve);
      socket.once('close', () => resolve());
    });
  }

  header(name: string): string | undefined {
    return header(this.headers, name);
  }
  headerAll(name: string): string[] {
    return headerAll(this.headers, name);
  }
  body(): Promise<ReceivedBody> {
    return this.#whole.promise;
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  take(bytes: Buffer): void {
    if (this.bodyLength < KEPT_BYTES) this.#kept.push(Buffer.from(bytes));
    this.bodyLength += bytes.length;
    this.#hash.update(bytes);
  }
  complete(trailers: string): void {
    this.isComplete = true;
    const bytes = Buffer.concat(this.#kept);
    this.#whole.resolve({ bytes, length: this.bodyLength, sha256: this.#hash.digest('hex'), trailers });
  }
  broken(): void {
    if (this.isComplete) return;
    this.isBroken = true;
    this.#whole.reject(new Error('the connection ended before the request did'));
  }
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
    });
  }
  async reply(status: number, options: ReplyOptions = {}): Promise<void> {
    const { headers = [], slice } = options;
    const body = Buffer.from(options.body ?? '');
    let head = `HTTP/1.1 ${status} Because\r\n`;
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    const isFramed = header(headers, 'content-length') ?? header(headers, 'transfer-encoding');
    if (isFramed === undefined && status !== 204 && status !== 304) head += `content-length: ${body.length}\r\n`;
    const bytes = Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body]);
    if (slice === undefined) return this.write(bytes);
    for (let at = 0; at < bytes.length; at += slice) {
      await this.write(bytes.subarray(at, at + slice));
    }
  }
  end(): void {
    this.#socket.end();
  }
  reset(): void {
    this.#socket.resetAndDestroy();
  }
}
