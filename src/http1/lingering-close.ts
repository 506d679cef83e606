import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { ReadScheduler } from './read-scheduler.ts';

/** How long what a caller still sends is read and dropped, once we have closed our side. */
const LINGER_MS = 1_000;
/** Behind a head that was refused so much at most is read: by then the answer is with the caller, and more costs others their time. */
const REFUSED_BYTES = 256 * 1024;

/**
 * Closes our side of a connection, after `last`, and reads on for a while: closed with bytes unread, the connection would be reset, and
 * a reset may overtake the answer (RFC 9112 §9.6). `last` answers a head that was refused.
 */
export function lingeringClose(socket: Socket, clock: Clock, scheduler: ReadScheduler, last?: Uint8Array): void {
  const resume = (): void => void socket.resume();
  socket.on('error', () => socket.destroy());
  let leftBytes = last ? REFUSED_BYTES : Infinity;
  socket.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0 && socket.writableFinished) socket.destroy();
    else if (!scheduler.mayReadOn(chunk.length, resume)) socket.pause();
  });
  if (last) socket.write(last);
  socket.end();
  socket.resume();
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}
