import { OutriderError } from '../core/errors.ts';
import type { Caller } from './caller.ts';
import { MemoryLog } from './memory-log.ts';
import { SpoolFile, type SpoolBudget } from './spool.ts';

export interface KeepLimits {
  /** Kept in memory up to here, bytes. */
  readonly memoryBytes: number;
  /** The largest body that is kept at all, bytes. */
  readonly spoolBytes: number;
  readonly dir: string;
}

/** A request body that can be sent twice. */
export interface RequestBody {
  /** All of it, when it is here; then `read` isn't needed. */
  readonly whole: Uint8Array | undefined;
  /** Bytes that came from the caller so far. */
  readonly bytesIn: number;
  /** Whether `read` can start from the first byte once more. */
  readonly isRepeatable: boolean;
  /**
   * The bytes from the first on: what is kept, then what still comes. One reader at a time: a new one takes over.
   * Rejects with `bad_request` when the caller's framing breaks.
   */
  read(): AsyncIterable<Uint8Array>;
  /** Reads what may be kept in memory while nobody sends it yet, so that a caller who goes is noticed. */
  readAhead(): void;
  /** Lets go of memory and file. */
  release(): void;
}

class WholeBody implements RequestBody {
  readonly whole: Uint8Array;
  readonly isRepeatable: boolean;

  constructor(whole: Uint8Array, maxBytes: number) {
    this.whole = whole;
    this.isRepeatable = whole.length <= maxBytes;
  }

  get bytesIn(): number {
    return this.whole.length;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    yield this.whole;
  }

  readAhead(): void {}

  release(): void {}
}

/** The body of a request that has none. */
export const NO_BODY: RequestBody = {
  whole: new Uint8Array(0),
  bytesIn: 0,
  isRepeatable: true,
  async *read() {},
  readAhead() {},
  release() {},
};

/** The upstream was dialled before a streaming body is read, so what breaks it may have been seen. */
function afterDialling(error: unknown): unknown {
  if (!(error instanceof OutriderError)) return error ?? new Error('the request body broke');
  const { code, detail, cause } = error;
  return new OutriderError(code, { detail, cause, outcome: 'unknown', close: true });
}

/** It grew too large to be kept while somebody was still reading what had been: there is a gap now. */
const noLongerKept = (): OutriderError =>
  new OutriderError('upstream_failed', {
    detail: 'the request body outgrew `replay.spool` while it was being sent again',
  });

const READ_BYTES = 64 * 1024;

/** Keeps a body while it streams: in memory, then in an unlinked file, then not at all. */
class StreamingBody implements RequestBody {
  readonly whole = undefined;
  bytesIn = 0;
  readonly #source: AsyncIterator<Uint8Array, undefined>;
  readonly #limits: KeepLimits;
  readonly #budget: SpoolBudget;
  #isKept: boolean;
  #isReleased = false;
  #isWriting = false;
  #readers = 0;
  #memory = new MemoryLog();
  #file: SpoolFile | undefined;
  #spooledBytes = 0;
  #isEnded = false;
  #failure: unknown;
  /** A chunk that was pulled but is not kept: only the one reader that there is can have it. */
  #passing: Uint8Array | undefined;
  #pull: Promise<void> | undefined;

  constructor(
    source: AsyncIterator<Uint8Array, undefined>,
    limits: KeepLimits,
    budget: SpoolBudget,
    declaredBytes: number,
  ) {
    this.#source = source;
    this.#limits = limits;
    this.#budget = budget;
    this.#isKept = declaredBytes <= limits.spoolBytes;
  }

  get isRepeatable(): boolean {
    return this.#isKept && !this.#isReleased;
  }

  readAhead(): void {
    void this.#fillMemory();
  }

  async #fillMemory(): Promise<void> {
    const { memoryBytes, spoolBytes } = this.#limits;
    while (
      this.isRepeatable &&
      !this.#isEnded &&
      !this.#failure &&
      this.#memory.bytes < Math.min(memoryBytes, spoolBytes)
    ) {
      if (this.#file || this.#passing) return;
      await (this.#pull ??= this.#pullOne());
    }
  }

  async *read(): AsyncGenerator<Uint8Array> {
    const reader = ++this.#readers;
    const memory = this.#memory.reader();
    let position = 0;
    let sentBytes = 0;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      // A newer reader has taken over; ending cleanly would pass for a whole body.
      if (reader !== this.#readers) throw new Error('the body is read anew');
      let chunk = memory();
      if (chunk) {
        // From memory.
      } else if (this.#file && position < this.#file.size) {
        chunk = await this.#file.read(position, READ_BYTES);
        position += chunk.length;
      } else if (this.#passing) {
        chunk = this.#passing;
        this.#passing = undefined;
        if (sentBytes + chunk.length !== this.bytesIn) throw noLongerKept();
      } else if (this.#isEnded) {
        if (sentBytes !== this.bytesIn) throw noLongerKept();
        return;
      } else {
        await (this.#pull ??= this.#pullOne());
        continue;
      }
      sentBytes += chunk.length;
      yield chunk;
    }
  }

  async #pullOne(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done) {
        this.#isEnded = true;
        return;
      }
      this.bytesIn += value.length;
      if (!(await this.#keep(value))) this.#passing = value;
    } catch (error) {
      this.#failure = afterDialling(error);
    } finally {
      this.#pull = undefined;
      if (this.#isReleased) this.#forget();
    }
  }

  async #keep(chunk: Uint8Array): Promise<boolean> {
    if (!this.isRepeatable) return false;
    if (
      !this.#file &&
      this.#memory.bytes + chunk.length <= Math.min(this.#limits.memoryBytes, this.#limits.spoolBytes)
    ) {
      this.#memory.append(chunk);
      return true;
    }
    if (this.bytesIn > this.#limits.spoolBytes || !this.#budget.take(chunk.length)) {
      this.#forget();
      return false;
    }
    this.#spooledBytes += chunk.length;
    this.#isWriting = true;
    try {
      this.#file ??= await SpoolFile.create(this.#limits.dir);
      await this.#file.append(chunk);
    } catch {
      // A full or missing disk costs the replay, not the request.
      this.#forget();
      return false;
    } finally {
      this.#isWriting = false;
    }
    return this.#isKept;
  }

  #forget(): void {
    this.#isKept = false;
    this.#memory.clear();
    this.#budget.give(this.#spooledBytes);
    this.#spooledBytes = 0;
    const file = this.#file;
    this.#file = undefined;
    file?.close().catch(() => undefined);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    // What is being written lets go when it is done.
    if (!this.#isWriting) this.#forget();
  }
}

export interface BodyOptions {
  readonly limits: KeepLimits;
  readonly budget: SpoolBudget;
  /** From the head: bytes, or -1 when chunked. */
  readonly declaredBytes: number;
}

/** Opens the body of a request: whole if it came together with its head, else as it streams. */
export function openBody(caller: Caller, { limits, budget, declaredBytes }: BodyOptions): RequestBody {
  const whole = caller.takeWhole();
  if (whole) return new WholeBody(whole, limits.spoolBytes);
  caller.sendContinue();
  return new StreamingBody(caller.chunks(), limits, budget, declaredBytes);
}

/** Reads a body that must be whole (to be signed, say). Throws `body_too_large` before anything is sent. */
export async function collectBody(
  caller: Caller,
  declaredBytes: number,
  maxBytes: number,
  keepBytes: number,
): Promise<RequestBody> {
  const tooLarge = (): OutriderError =>
    new OutriderError('body_too_large', {
      detail: `a body that must be whole may have ${maxBytes} bytes at most`,
      close: true,
    });
  if (declaredBytes > maxBytes) throw tooLarge();
  let whole = caller.takeWhole();
  if (!whole) {
    caller.sendContinue();
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (const source = caller.chunks(); ;) {
      const { done, value } = await source.next();
      if (done) break;
      bytes += value.length;
      if (bytes > maxBytes) throw tooLarge();
      chunks.push(value);
    }
    whole = Buffer.concat(chunks);
  }
  if (whole.length > maxBytes) throw tooLarge();
  return new WholeBody(whole, Math.max(keepBytes, maxBytes));
}
