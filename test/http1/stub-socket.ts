import { Duplex } from 'node:stream';

/** A stream that can be asked for what a socket can, and does nothing about it. */
export class StubSocket extends Duplex {
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {}
}
