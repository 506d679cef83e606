import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { Connection, NodeCaller } from './node-caller.ts';

const CONNECTION = Symbol('connection');
/** How long what a caller still sends is read and dropped, once we have closed our side. */
const LEAVE_MS = 1_000;

/** A socket that carries its {@link Connection}. */
export type Tagged = Socket & { [CONNECTION]?: Connection };

const createConnection = (more: Partial<Connection> = {}): Connection => ({
  callers: [],
  isRefused: false,
  hasAnswered: false,
  bytesAtRest: 0,
  isLeaving: false,
  isExcess: false,
  tunnel: undefined,
  ...more,
});

export const connectionOf = (socket: Tagged): Connection => (socket[CONNECTION] ??= createConnection());

/** Whether {@link track} has seen it. */
export const isKnown = (socket: Tagged): boolean => socket[CONNECTION] !== undefined;

/** From now on node:http speaks HTTP on it. */
export function track(socket: Tagged, clock: Clock, more: Partial<Connection>): void {
  const connection = createConnection({ bytesAtRest: socket.bytesRead, ...more });
  socket[CONNECTION] = connection;
  // What node:http calls after the last answer. Of those that are too many, none may stay.
  if (!connection.isExcess) socket.destroySoon = () => leave(socket, clock);
}

/** From now on something else is spoken on it. */
export function letGo(socket: Tagged): void {
  Reflect.deleteProperty(socket, 'destroySoon');
}

/**
 * Closes our side, after `last`, and reads on for a while: closed with bytes unread, the connection would be reset, and a
 * reset may overtake the answer (RFC 9112 §9.6).
 */
export function leave(socket: Tagged, clock: Clock, last?: Uint8Array): void {
  const connection = connectionOf(socket);
  if (connection.isLeaving) return;
  connection.isLeaving = true;
  connection.isRefused = true;
  socket.on('error', () => socket.destroy());
  if (last) socket.write(last);
  socket.end();
  const timer = clock.after(LEAVE_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

/** node:http has let go of the socket (a CONNECT came); the answers before that still have to go out, or to learn that nobody is there. */
export function serveBare(socket: Socket, callers: readonly NodeCaller[]): void {
  const gone = (): void => void socket.destroy();
  socket
    .on('error', gone)
    .on('end', gone)
    .on('drain', () => callers[0]?.onDrain?.());
  socket.resume();
}
