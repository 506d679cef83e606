import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';

/** The first byte of a TLS handshake (RFC 8446 §5.1). No HTTP request begins with it. */
export const TLS_HANDSHAKE = 0x16;

/** Waits for the first byte and leaves it in the socket. Resolves with undefined when none came within `ms`. */
export function firstByte(socket: Socket, clock: Clock, ms: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const done = (byte: number | undefined): void => {
      timer.cancel();
      socket.off('readable', look).off('close', gone).off('end', gone);
      resolve(byte);
    };
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (!chunk) return;
      socket.unshift(chunk);
      done(chunk[0]);
    };
    const gone = (): void => done(undefined);
    const timer = clock.after(ms, gone);
    socket.on('readable', look).on('close', gone).on('end', gone);
    look();
  });
}
