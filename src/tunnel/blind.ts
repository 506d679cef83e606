import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { CONNECTION_ESTABLISHED } from './established.ts';

/** How many bytes a tunnel has passed on. */
export interface TunnelledBytes {
  /** From the caller. */
  readonly bytesIn: number;
  /** To the caller. */
  readonly bytesOut: number;
}

/** A tunnel whose bytes are passed on unseen. */
export interface BlindTunnel {
  /** Resolves when both sides have closed. */
  readonly passed: Promise<TunnelledBytes>;
  /** Whether nothing seems to be under way: the last bytes went to the caller, at least five seconds ago. */
  isQuiet(): boolean;
}

const QUIET_MS = 5_000;
/** The delay of TCP keep-alive probes, in milliseconds. They find out a peer that is gone without closing. */
const KEEP_ALIVE_MS = 60_000;

/** Breaks a connection, so that its peer can't take the end for a regular one. Only plain TCP has resets for that. */
function breakOff(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.remoteAddress !== undefined && !('encrypted' in socket)) socket.resetAndDestroy();
  else socket.destroy();
}

/**
 * Answers a CONNECT with 200 and passes bytes both ways, unseen, until both sides have closed.
 * @param head The bytes that came behind the CONNECT.
 * @param onward The connection to the destination.
 */
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
      // Bytes that were written to the other side still reach it.
      if (!to.destroyed) to.destroySoon();
      if (--open === 0) resolve({ bytesIn: onward.bytesWritten, bytesOut: onward.bytesRead });
    });
  };
  pass(socket, onward, false);
  pass(onward, socket, true);
  socket.write(CONNECTION_ESTABLISHED);
  if (head.length > 0) socket.unshift(head);
  socket.pipe(onward);
  onward.pipe(socket);
  return {
    passed,
    isQuiet: () => isAnswered && socket.writableLength === 0 && clock.monotonic() - lastMs >= QUIET_MS,
  };
}
