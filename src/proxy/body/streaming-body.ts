import { OutriderError } from '../../core/errors.ts';
import type { Budgets } from './budget.ts';
import type { Downstream } from '../downstream.ts';
import { requestError } from '../failure.ts';
import { MemoryLog } from './memory-log.ts';
import { SpoolFile } from './spool.ts';
import { WholeBody } from './whole-body.ts';
import { type BodyOptions, type KeepLimits, type NotKept, type RequestBody } from './request-body.ts';

/** Gives a broken body the outcome `unknown`: the upstream may have seen the part before the fault. */
const afterDialling = (error: unknown): unknown => requestError(error, 'unknown');

/** Makes the error for a body that outgrew its limits while a second reader was behind: the bytes between are gone. */
const noLongerKept = (): OutriderError =>
  new OutriderError('upstream_failed', {
    detail: 'the request body outgrew `replay.spool` while it was being sent again',
  });

const READ_BYTES = 64 * 1024;

/**
 * Keeps a body while it streams. The beginning is kept in memory, the rest in a file without a name. When the body gets too
 * long for that, only the running reader gets the rest, and the body can't be sent again.
 */
class StreamingBody implements RequestBody {
  readonly whole = undefined;
  bytesIn = 0;
  readonly #source: AsyncIterator<Uint8Array, undefined>;
  readonly #limits: KeepLimits;
  readonly #budgets: Budgets;
  #isKept: boolean;
  #notKept: NotKept = 'body_too_large';
  #isReleased = false;
  #isWriting = false;
  #readers = 0;
  #memory = new MemoryLog();
  #file: SpoolFile | undefined;
  #spooledBytes = 0;
  #isEnded = false;
  #failure: unknown;
  /** A chunk that has come but is not kept. The one current reader gets it. */
  #unkeptChunk: Uint8Array | undefined;
  /**
   * The chunk that was last written to the file, and its position. A reader that has caught up gets it without a read of the
   * file.
   */
  #latest: { readonly position: number; readonly chunk: Uint8Array } | undefined;
  #pull: Promise<void> | undefined;

  constructor(source: AsyncIterator<Uint8Array, undefined>, { limits, budgets, declaredBytes }: BodyOptions) {
    this.#source = source;
    this.#limits = limits;
    this.#budgets = budgets;
    this.#isKept = declaredBytes <= limits.spoolBytes;
  }

  get isRepeatable(): boolean {
    return this.#isKept && !this.#isReleased;
  }

  get notKept(): NotKept {
    return this.#notKept;
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
      if (this.#file || this.#unkeptChunk) return;
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
      // A newer reader has taken over. This one must fail: a clean end would look like a complete body.
      if (reader !== this.#readers) throw new Error('the body is read anew');
      let chunk = memory();
      if (chunk) {
        // From memory.
      } else if (this.#file && position < this.#file.size) {
        chunk = this.#latest?.position === position ? this.#latest.chunk : await this.#file.read(position, READ_BYTES);
        position += chunk.length;
      } else if (this.#unkeptChunk) {
        chunk = this.#unkeptChunk;
        this.#unkeptChunk = undefined;
        if (sentBytes + chunk.length !== this.bytesIn) throw noLongerKept();
        // This reader has read everything that was kept, and no other reader can start any more.
        this.#forget();
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
      if (!(await this.#keep(value))) this.#unkeptChunk = value;
    } catch (error) {
      this.#failure = afterDialling(error);
    } finally {
      this.#pull = undefined;
      if (this.#isReleased) this.#forget();
    }
  }

  async #keep(chunk: Uint8Array): Promise<boolean> {
    if (!this.isRepeatable) return false;
    const { memory, disk } = this.#budgets;
    const isSmall = this.#memory.bytes + chunk.length <= Math.min(this.#limits.memoryBytes, this.#limits.spoolBytes);
    if (!this.#file && isSmall && memory.take(chunk.length)) {
      this.#memory.append(chunk);
      return true;
    }
    const isTooLarge = this.bytesIn > this.#limits.spoolBytes;
    if (isTooLarge || !disk.take(chunk.length)) {
      if (!isTooLarge) this.#notKept = 'spool_full';
      this.#isKept = false;
      return false;
    }
    this.#spooledBytes += chunk.length;
    this.#isWriting = true;
    try {
      this.#file ??= await SpoolFile.create(this.#limits.dir);
      const position = this.#file.size;
      await this.#file.append(chunk);
      this.#latest = { position, chunk };
    } catch (error) {
      // A full or missing disk makes a replay impossible, but the request goes on.
      this.#budgets.diskFailed(error);
      this.#notKept = 'spool_failed';
      this.#isKept = false;
      return false;
    } finally {
      this.#isWriting = false;
    }
    return this.#isKept;
  }

  #forget(): void {
    this.#isKept = false;
    this.#budgets.memory.give(this.#memory.bytes);
    this.#memory.clear();
    this.#budgets.disk.give(this.#spooledBytes);
    this.#spooledBytes = 0;
    const file = this.#file;
    this.#file = undefined;
    this.#latest = undefined;
    file?.close().catch(() => undefined);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    // During a write, `#pullOne` frees everything when the write is done.
    if (!this.#isWriting) this.#forget();
  }
}

/** The part of a request from which its body is read. */
export type BodySource = Pick<Downstream, 'takeWhole' | 'pieces' | 'sendContinue'>;

/** Takes the whole body if it is complete, else returns undefined. Throws what {@link requestError} makes of a broken body. */
function wholeOf(downstream: BodySource): Uint8Array | undefined {
  try {
    return downstream.takeWhole();
  } catch (error) {
    throw requestError(error);
  }
}

/**
 * Opens the body of a request: as a whole if it is complete already, else as a stream. Sends a 100 for a stream. Throws
 * `bad_request`, or another error of {@link requestError}, when the body broke.
 */
export function openBody(downstream: BodySource, options: BodyOptions): RequestBody {
  const whole = wholeOf(downstream);
  if (whole) {
    const { memory } = options.budgets;
    memory.charge(whole.length);
    return new WholeBody(whole, options.limits.spoolBytes, memory);
  }
  downstream.sendContinue();
  return new StreamingBody(downstream.pieces(), options);
}

/**
 * Reads a body that must be complete before the request is sent: to be signed, for example. Rejects with `body_too_large`,
 * `overloaded` (the memory budget is used up), or an error of {@link requestError}. Nothing has been sent then.
 * @param maxBytes The longest body that is taken.
 */
export async function collectBody(
  downstream: BodySource,
  { limits, budgets, declaredBytes }: BodyOptions,
  maxBytes: number,
): Promise<RequestBody> {
  const tooLarge = (): OutriderError =>
    new OutriderError('body_too_large', {
      detail: `a body that must be whole may have ${maxBytes} bytes at most`,
      close: true,
    });
  if (declaredBytes > maxBytes) throw tooLarge();
  const budget = budgets.memory;
  let bytes = 0;
  try {
    let whole = wholeOf(downstream);
    if (whole) {
      budget.charge((bytes = whole.length));
    } else {
      downstream.sendContinue();
      const chunks: Uint8Array[] = [];
      for (const source = downstream.pieces(); ;) {
        const { done, value } = await source.next();
        if (done) break;
        if (bytes + value.length > maxBytes) throw tooLarge();
        if (!budget.take(value.length)) throw noMemory();
        bytes += value.length;
        chunks.push(value);
      }
      whole = Buffer.concat(chunks);
    }
    if (whole.length > maxBytes) throw tooLarge();
    return new WholeBody(whole, Math.max(limits.spoolBytes, maxBytes), budget);
  } catch (error) {
    budget.give(bytes);
    throw requestError(error);
  }
}

const noMemory = (): OutriderError =>
  new OutriderError('overloaded', {
    detail: 'the bodies of requests under way have used up `limits.body_memory`',
    headers: ['Retry-After', '1'],
    close: true,
  });
