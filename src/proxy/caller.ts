import type { RawHeaders } from '../core/headers.ts';
import type { Destination } from './destination.ts';

/**
 * One request as it came and the way back to who sent it, whatever the transport.
 * Exchange and respond know callers only through this.
 */
export interface Caller {
  readonly method: string;
  /** The request target as it stood in the request line, one character for each byte. */
  readonly target: string;
  /** `1.0` or `1.1`, or whatever else the request line said. */
  readonly version: string;
  readonly headers: RawHeaders;
  /** The address on our side of the connection; undefined on a Unix socket. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** Where the tunnel leads that the request came through; its opener has been let in already. */
  readonly tunnel?: Destination | undefined;
  /** A WebSocket handshake that may pass: once it is answered with 101, `chunks` and `write` are the bytes of the new protocol. */
  readonly isHandshake?: boolean;
  /** Whether the caller can no longer be answered. */
  readonly isGone: boolean;
  /** Bytes of the answer's body handed over so far. */
  readonly bytesOut: number;
  /** Resolves when whatever came together with the head has been read. */
  settle(): Promise<void>;
  /** The whole request body if all of it is here already, else undefined. Ask once, after `settle`. Throws if it is broken. */
  takeWhole(): Uint8Array | undefined;
  /** The rest of the request body; rejects with an `OutriderError` when it turns out broken, or with any error when the caller goes. */
  chunks(): AsyncIterator<Uint8Array, undefined>;
  /** Answers `Expect: 100-continue`, if that was asked. */
  sendContinue(): void;
  /** Sends head and body in one go. */
  answer(status: number, reason: string, headers: RawHeaders, body: Uint8Array | string): void;
  /** Sends the head; the body follows through `write` and `end`. */
  startAnswer(status: number, reason: string, headers: RawHeaders): void;
  /** False: wait for `onDrain`. */
  write(chunk: Uint8Array): boolean;
  end(): void;
  /** Breaks the connection, so that the answer can't be taken for a whole one. */
  cut(): void;
  /** The connection closes after this answer. */
  closeAfterAnswer(): void;
  // Whoever sets one binds it: V8 allocates a function that is written straight into a property among the old, where all that
  // it knows of the request outlives it until a full collection.
  onDrain: (() => void) | undefined;
  /** Called once: the answer is out (`true`), or the connection closed before that. */
  onClose: ((isComplete: boolean) => void) | undefined;
}
