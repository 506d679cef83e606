/** A start line and headers, as bytes came (latin1). */
export interface Head {
  /** Everything up to and including the empty line. */
  readonly text: string;
  readonly startLine: string;
  /** Name, value, … in order and spelling; values without surrounding blanks. */
  readonly headers: readonly string[];
}

/** How a message's end is found. */
export type Framing = { readonly length: number } | 'chunked' | 'close';

export interface MessageHandlers {
  /** Decides the framing of what follows the head. */
  head(head: Head): Framing;
  body(bytes: Buffer): void;
  end(trailers: string): void;
}

/** The value of the first header of that name, any case. */
export function header(headers: readonly string[], name: string): string | undefined {
  return headerAll(headers, name)[0];
}

/** Every value of that name, any case. */
export function headerAll(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name.toLowerCase());
}

export function parseHead(text: string): Head {
  const [startLine = '', ...lines] = text.slice(0, -4).split('\r\n');
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replaceAll(/^[\t ]+|[\t ]+$/g, '')];
  });
  return { text, startLine, headers };
}

/** The framing that the headers of a request say, strictly: anything odd throws. */
export function framingOf(headers: readonly string[]): Framing {
  const lengths = headerAll(headers, 'content-length');
  const encodings = headerAll(headers, 'transfer-encoding');
  if (lengths.length + encodings.length > 1) throw new Error(`ambiguous framing: ${headers.join('|')}`);
  if (encodings[0] !== undefined) {
    if (encodings[0].toLowerCase() !== 'chunked') throw new Error(`odd transfer-encoding: ${encodings[0]}`);
    return 'chunked';
  }
  if (lengths[0] !== undefined && !/^(0|[1-9]\d*)$/.test(lengths[0]))
    throw new Error(`odd content-length: ${lengths[0]}`);
  return { length: Number(lengths[0] ?? 0) };
}

type State = 'head' | 'length' | 'close' | 'size' | 'data' | 'data-end' | 'trailers';

/** Reads HTTP/1.1 messages off a byte stream, one after the other, strictly and in any slicing. */
export class MessageReader {
  readonly #on: MessageHandlers;
  #state: State = 'head';
  #line = '';
  #left = 0;

  constructor(on: MessageHandlers) {
    this.#on = on;
  }

  /** Whether a message has begun and not ended. */
  get inMessage(): boolean {
    return this.#state !== 'head' || this.#line !== '';
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'length' || this.#state === 'data' || this.#state === 'close') {
        const end = this.#state === 'close' ? chunk.length : Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        this.#on.body(chunk.subarray(at, end));
        at = end;
        if (this.#left === 0 && this.#state === 'length') this.#finish('');
        else if (this.#left === 0 && this.#state === 'data') this.#state = 'data-end';
      } else {
        const newline = chunk.indexOf(10, at);
        const end = newline === -1 ? chunk.length : newline + 1;
        this.#line += chunk.toString('latin1', at, end);
        at = end;
        if (newline !== -1) this.#lineEnded();
      }
    }
  }

  /** The stream has ended: completes a message that only the end delimits. */
  eof(): void {
    if (this.#state === 'close') this.#finish('');
  }

  #lineEnded(): void {
    if (this.#state === 'head') {
      if (!this.#line.endsWith('\r\n\r\n')) return;
      const framing = this.#on.head(parseHead(this.#take()));
      if (framing === 'chunked') this.#state = 'size';
      else if (framing === 'close') this.#state = 'close';
      else if (framing.length === 0) this.#finish('');
      else {
        this.#state = 'length';
        this.#left = framing.length;
      }
    } else if (this.#state === 'size') {
      const match = /^([0-9a-f]{1,8})((?:;[^\r\n]*)?)\r\n$/i.exec(this.#line);
      if (!match) throw new Error(`odd chunk size: ${JSON.stringify(this.#line)}`);
      this.#take();
      this.#left = Number.parseInt(match[1] as string, 16);
      this.#state = this.#left === 0 ? 'trailers' : 'data';
    } else if (this.#state === 'data-end') {
      if (this.#take() !== '\r\n') throw new Error('a chunk is longer than its size');
      this.#state = 'size';
    } else if (this.#line === '\r\n' || this.#line.endsWith('\r\n\r\n')) {
      this.#finish(this.#take().slice(0, -2));
    }
  }

  #take(): string {
    const line = this.#line;
    this.#line = '';
    return line;
  }

  #finish(trailers: string): void {
    this.#state = 'head';
    this.#on.end(trailers);
  }
}

/** Fails by name when `promise` takes longer than `ms` of real time. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A door that a test opens: `await gate.opened` waits for `gate.open()`. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Waits until `claim` holds, looking again after every turn of the event loop; fails by name after `ms`. */
export async function until(what: string, claim: () => boolean, ms = 5_000): Promise<void> {
  const end = Date.now() + ms;
  while (!claim()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
