import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { ReadScheduler } from './read-scheduler.ts';

/** How long what a caller still sends is read and dropped, once we have closed our side. */
const LINGER_MS = 1_000;

/**
 * Closes our side of a connection, after `last`, and reads on for a while: closed with bytes unread, the connection would be reset, and
 * a reset may overtake the answer (RFC 9112 §9.6).
 */
export function lingeringClose(socket: Socket, clock: Clock, scheduler: ReadScheduler, last?: Uint8Array): void {
  const resume = (): void => void socket.resume();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    if (!scheduler.mayReadOn(chunk.length, resume)) socket.pause();
  });
  if (last) socket.write(last);
  socket.end();
  socket.resume();
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}
