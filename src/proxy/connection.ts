import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { Connection, NodeCaller } from './node-caller.ts';
import { mayReadOn } from './turns.ts';

const CONNECTION = Symbol('connection');
/** How long what a caller still sends is read and dropped, once we have closed our side. */
const LEAVE_MS = 1_000;

/** How long one that is too many may say nothing. */
const SILENT_MS = 1_000;

/** Behind a request that ends the connection so much is read, so that a caller who goes is noticed. */
const IGNORED_BYTES = 1024 * 1024;

/** A socket that carries its {@link Connection}. */
export type Tagged = Socket & { [CONNECTION]?: Connection };

const createConnection = (more: Partial<Connection> = {}): Connection => ({
  callers: [],
  isRefused: false,
  hasAnswered: false,
  bytesAtRest: 0,
  isLeaving: false,
  maxHeaders: 0,
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
  if (connection.isExcess) {
    // Of those that are too many none may stay: the answer ends it, or its silence.
    const timer = clock.after(SILENT_MS, () => connection.callers.length === 0 && socket.destroy());
    socket.once('close', () => timer.cancel());
  } else {
    // What node:http calls after the last answer.
    socket.destroySoon = () => leave(socket, clock);
  }
}

/** From now on something else is spoken on it. */
export function letGo(socket: Tagged): void {
  Reflect.deleteProperty(socket, 'destroySoon');
}

/** To node:http's parser: what follows is not for it. */
const ENOUGH = 2;

/** In place of what node:http does with a request whose head is here: it is none, and no upgrade either. */
const ignore = (req: IncomingMessage & { upgrade: boolean }): number => {
  req.upgrade = false;
  return ENOUGH;
};

/**
 * Nothing that still comes is looked at. node:http would keep every request until those before it are answered, and those of
 * one read of the socket can be thousands.
 */
export function ignoreRest(socket: Tagged): void {
  const { parser } = socket as { parser?: { onIncoming: unknown } };
  if (!parser || parser.onIncoming === ignore) return;
  parser.onIncoming = ignore;
  // Not while it reads.
  setImmediate(() => drop(socket, IGNORED_BYTES));
}

/** What still comes, up to `maxBytes`, is read and not even parsed: a socket with a listener of ours is no longer the parser's. */
function drop(socket: Tagged, maxBytes: number): void {
  let restBytes = maxBytes;
  const count = (chunk: Buffer): void => {
    restBytes -= chunk.length;
    if (restBytes < 0 || !mayReadOn(chunk.length, () => restBytes >= 0 && socket.resume())) socket.pause();
  };
  socket.on('data', count).removeAllListeners('data').on('data', count).resume();
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
  drop(socket, Infinity);
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
