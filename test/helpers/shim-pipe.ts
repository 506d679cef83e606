import type net from 'node:net';

/** How bytes go on: at once, at 1 KB/s, one by one, or not at all. */
export type Pace = 'flow' | 'slow' | 'slices' | 'never';

const SLOW_PIECE = 64;
const SLOW_MS = 1000 / (1024 / SLOW_PIECE);

/** One way of a relayed connection. */
export class ShimPipe {
  pace: Pace = 'flow';
  /** Nothing goes on before this resolves. */
  hold: Promise<unknown> | undefined;
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #onPlace: (() => void) | undefined;
  #queue: Buffer[] = [];
  #isPumping = false;
  #isEnded = false;
  /** What has come so far, latin1. */
  #seen = '';
  #place: ((seen: string) => number) | undefined;

  /** @param place Where in the stream `onPlace` is called, once, before that byte goes on; NaN: not known yet. */
  constructor(from: net.Socket, to: net.Socket, place?: (seen: string) => number, onPlace?: () => void) {
    this.#from = from;
    this.#to = to;
    this.#place = place;
    this.#onPlace = onPlace;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => {
      this.#isEnded = true;
      void this.#pump();
    });
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    if (this.#place) {
      const before = this.#seen.length;
      this.#seen += chunk.toString('latin1');
      const place = this.#place(this.#seen);
      if (place <= this.#seen.length) {
        this.#place = undefined;
        this.#queue.push(chunk.subarray(0, Math.max(0, place - before)));
        rest = chunk.subarray(Math.max(0, place - before));
        void this.#pump();
        this.#onPlace?.();
      }
    }
    this.#queue.push(rest);
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (;;) {
      while (this.hold) {
        const { hold } = this;
        await hold;
        if (this.hold === hold) this.hold = undefined;
      }
      const next = this.#queue.shift();
      if (!next || this.#to.destroyed || this.pace === 'never') break;
      const length = this.pace === 'flow' ? next.length : this.pace === 'slow' ? SLOW_PIECE : 1;
      if (next.length > length) this.#queue.unshift(next.subarray(length));
      this.#to.write(next.subarray(0, length));
      if (this.pace === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      else if (this.pace === 'slices') await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isPumping = false;
    if (this.#isEnded && this.pace !== 'never' && !this.#to.destroyed) this.#to.end();
    if (this.#isEnded && this.pace === 'never') this.#from.destroy();
  }
}
