import type { Socket } from 'node:net';
import { OutriderError } from '../core/errors.ts';

/** RFC 9112 §4, of HTTP/1.0 or 1.1; some servers leave out the space before a reason that is not there. */
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n$/;
const FIELD_LINE = /^[!#$%&'*+.^_`|~\w-]+:[\t\x20-\x7e\x80-\xff]*\r\n$/;
const LINE_BYTES = 64 * 1024;
const LINE_FEED = 10;

const NO_ANSWER = 'the answer does not begin as one of HTTP/1.1';
/** Whether these first characters of a line may become a status line. */
const isBegun = (text: string): boolean => text === '\r' || 'HTTP/1.'.startsWith(text.slice(0, 7));

const badResponse = (detail: string): OutriderError => new OutriderError('upstream_bad_response', { detail });

/** What comes next: nothing, a status line, a field of a 1xx answer, the rest of a final one. */
type Expected = 'nothing' | 'status' | 'field' | 'rest';

/**
 * What comes over a connection to an upstream, before the engine reads it. The engine tells no version, takes other
 * protocols' status lines and a 100 for an error: so each answer's beginning is read here, and 1xx answers end here.
 */
export class Wire {
  /** The error of the socket. */
  brokenBy: Error | undefined;
  /** Of the last answer, latin1. */
  reason = '';
  isHttp10 = false;
  readonly #socket: Socket;
  readonly #mayUpgrade: boolean;
  #expected: Expected = 'nothing';
  /** What there is of a line whose end has not come. */
  #line = '';

  /** @param mayUpgrade Whether a 101 is an answer that was asked for. */
  constructor(socket: Socket, mayUpgrade = false) {
    this.#socket = socket;
    this.#mayUpgrade = mayUpgrade;
    // Before the engine's own listener, which may take the error for the end of an answer.
    socket.prependListener('error', (error: Error) => (this.brokenBy = error));
    const push = socket.push.bind(socket);
    socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (this.#expected === 'rest' || !Buffer.isBuffer(chunk)) return push(chunk, encoding);
      const rest = this.#read(chunk);
      return rest === undefined || push(rest);
    };
  }

  /** A request is about to be written: the next bytes answer it. */
  expectAnswer(): void {
    this.#expected = 'status';
    this.#line = '';
  }

  /** The answer is over: whatever else comes was not asked for, and nobody gets it. */
  expectNothing(): void {
    this.#expected = 'nothing';
  }

  /** Takes what the engine must not see; undefined: nothing is left for it. */
  #read(chunk: Buffer): Buffer | undefined {
    if (this.#expected === 'nothing') {
      this.#socket.destroy();
      return undefined;
    }
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(LINE_FEED, at) + 1;
      const part = chunk.toString('latin1', at, end || chunk.length);
      this.#line += part;
      if (this.#line.length > LINE_BYTES) return this.#refuse('a line of the answer is too long');
      if (end === 0) return this.#expected === 'field' || isBegun(this.#line) ? undefined : this.#refuse(NO_ANSWER);
      const line = this.#line;
      this.#line = '';
      if (this.#expected === 'field') {
        if (line === '\r\n') this.#expected = 'status';
        else if (!FIELD_LINE.test(line)) return this.#refuse('the answer is not valid HTTP/1.1');
      } else if (line !== '\r\n') {
        const match = STATUS_LINE.exec(line);
        if (!match) return this.#refuse(NO_ANSWER);
        const status = match[2] as string;
        const isUpgrade = status === '101' && this.#mayUpgrade && match[1] === '1';
        if (status === '101' && !isUpgrade)
          return this.#refuse('the provider switches protocols, and nobody asked for it');
        if (isUpgrade || !status.startsWith('1')) {
          this.#expected = 'rest';
          this.isHttp10 = match[1] === '0';
          this.reason = match[3] ?? '';
          const rest = chunk.subarray(end - part.length);
          return part === line ? rest : Buffer.concat([Buffer.from(line, 'latin1'), chunk.subarray(end)]);
        }
        this.#expected = 'field';
      }
      at = end;
    }
    return undefined;
  }

  #refuse(detail: string): undefined {
    this.#socket.destroy(badResponse(detail));
  }
}
