import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';

export interface TunnelledBytes {
  /** From the caller, and back to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface BlindTunnel {
  /** Resolves when both sides are done. */
  readonly passed: Promise<TunnelledBytes>;
  /** Whether it looks as if nobody waits for anything: the last bytes were for the caller, and that was a while ago. */
  isQuiet(): boolean;
}

const QUIET_MS = 5_000;
/** A peer that is gone without a word is noticed by this. */
const KEEP_ALIVE_MS = 60_000;

/** Breaks a connection, so that its end can't be taken for the end of what was sent; only plain TCP has a reset for that. */
function breakOff(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.remoteAddress !== undefined && !('encrypted' in socket)) socket.resetAndDestroy();
  else socket.destroy();
}

/** Answers a CONNECT and passes bytes both ways, unseen, until both sides are done. */
export function openBlindTunnel(socket: Socket, head: Buffer, onward: Socket, clock: Clock): BlindTunnel {
  const { promise: passed, resolve } = Promise.withResolvers<TunnelledBytes>();
  let isAnswered = true;
  let lastMs = clock.monotonic();
  let open = 2;
  const pass = (from: Socket, to: Socket, isAnswer: boolean): void => {
    from.setNoDelay(true);
    from.setKeepAlive(true, KEEP_ALIVE_MS);
    from.on('data', () => {
      isAnswered = isAnswer;
      lastMs = clock.monotonic();
    });
    from.on('error', () => breakOff(to));
    from.once('close', () => {
      // What is still on its way to the other side gets there.
      if (!to.destroyed) to.destroySoon();
      if (--open === 0) resolve({ bytesIn: onward.bytesWritten, bytesOut: onward.bytesRead });
    });
  };
  pass(socket, onward, false);
  pass(onward, socket, true);
  socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
  if (head.length > 0) socket.unshift(head);
  socket.pipe(onward);
  onward.pipe(socket);
  return {
    passed,
    isQuiet: () => isAnswered && socket.writableLength === 0 && clock.monotonic() - lastMs >= QUIET_MS,
  };
}
