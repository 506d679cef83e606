import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { ReadScheduler } from './read-scheduler.ts';

/** How long we read and drop what the caller still sends, after we have closed our side. */
const LINGER_MS = 1_000;
/**
 * How much is read at most behind a last answer. By then the caller has that answer, and reading more takes time from others.
 */
const REFUSED_BYTES = 256 * 1024;

/**
 * Closes our side of a connection and keeps reading for a second, then destroys the socket. A socket that is closed in front of
 * unread bytes is reset, and the reset may overtake the answer (RFC 9112 §9.6).
 * @param last Bytes to write before the close: the answer to a head that was refused.
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
