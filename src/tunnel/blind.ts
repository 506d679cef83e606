import type { Socket } from 'node:net';

export interface Passed {
  /** From the caller, and back to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Answers a CONNECT and passes bytes both ways, unseen, until both sides are done. */
export function passThrough(socket: Socket, head: Buffer, onward: Socket): Promise<Passed> {
  const { promise, resolve } = Promise.withResolvers<Passed>();
  const cut = (): void => {
    socket.destroy();
    onward.destroy();
  };
  for (const side of [socket, onward]) {
    side.setNoDelay(true);
    side.on('error', cut);
  }
  const answer = 'HTTP/1.1 200 Connection established\r\n\r\n';
  let open = 2;
  const closed = (other: Socket) => (): void => {
    // What is still on its way to the other side gets there.
    if (!other.destroyed) other.destroySoon();
    if (--open === 0) resolve({ bytesIn: onward.bytesWritten, bytesOut: onward.bytesRead });
  };
  socket.once('close', closed(onward));
  onward.once('close', closed(socket));
  socket.write(answer);
  if (head.length > 0) onward.write(head);
  socket.pipe(onward);
  onward.pipe(socket);
  return promise;
}
