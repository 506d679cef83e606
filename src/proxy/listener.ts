import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Address, Limits } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { OutriderError, type ErrorCode } from '../core/errors.ts';
import { listen, originOf } from '../core/listen.ts';
import type { Caller } from './caller.ts';
import { connectionOf, ignoreRest, isKnown, leave, letGo, serveBare, track, type Tagged } from './connection.ts';
import type { Destination } from './destination.ts';
import type { Visitor } from './door.ts';
import type { ConnectRequest, Hold } from './forward-connect.ts';
import { NodeCaller, type Connection } from './node-caller.ts';
import { errorBytes } from './respond.ts';
import { Arrival, SocketCaller } from './socket-caller.ts';

export interface ListenerOptions {
  readonly address: Address;
  /** Looked at anew for each connection. */
  readonly limits: Limits;
  readonly clock: Clock;
  /** Takes each request; answers it sooner or later. */
  readonly handle: (caller: Caller) => void;
  /** Whether a request that would switch protocols may: then it comes to `handle` as a handshake, else as any other. */
  readonly mayUpgrade: (visitor: Visitor) => boolean;
  /** Takes each CONNECT, with its socket. */
  readonly connect: (request: ConnectRequest) => void;
  /** Answers a request with an error, in place of `handle`. */
  readonly refuse: (caller: Caller, error: OutriderError) => void;
  nextRequestId(): string;
}

export interface Listener {
  /** Resolves with the origin. Rejects with the system's error when the address can't be had. */
  listen(): Promise<string>;
  /** Takes the requests that come out of a tunnel; `socket` is that of the CONNECT (`carrier`), or TLS over it. */
  adopt(socket: Socket, tunnel: Destination, carrier: Socket): void;
  /** Answers a CONNECT with an error and closes. */
  refuseTunnel(socket: Socket, error: OutriderError, requestId: string): void;
  /** From now on every answer says `Connection: close`. */
  beginClosing(): void;
  /** Closes the listener and idle connections, waits up to `drainMs` for the requests under way, then aborts them. */
  close(drainMs: number): Promise<void>;
}

const HEAD_MS = 10_000;
const KEEP_ALIVE_MS = 65_000;
const CHECK_MS = 1_000;
/** With more than that unread of a body no more is read: in chunks of one byte a single read of the socket brings 10 KiB. */
const WATER_MARK_BYTES = 8 * 1024;
/** Of requests sent without waiting for answers, so many are taken; after their answers the connection closes. */
const PIPELINE_DEPTH = 64;
/** How long a connection without any request is kept open while we close, and how often tunnels are looked at then. */
const FRESH_MS = 250;
/** How long a flood of new connections can hold up the closing, in turns of the event loop. */
const ACCEPT_TURNS = 50;
/** Room beyond our own limits, so that what is too long gets our answer and not a closed connection. */
const HEAD_SLACK_BYTES = 128 * 1024;

const NOT_OF_A_TARGET = /[^\x21-\x7e]/;

/** What node:http adds to an error of its parser. */
interface ParseError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/**
 * What node:http found wrong with the bytes of a connection, as an error of ours.
 * @param isInBody Whether a head had been read: what overflows then are trailers.
 */
function parseFailure(error: ParseError, isInBody: boolean): OutriderError {
  const answer = (code: ErrorCode, detail: string): OutriderError => new OutriderError(code, { detail, close: true });
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return answer('request_timeout', `the request head took longer than ${HEAD_MS / 1000} seconds`);
    case 'HPE_HEADER_OVERFLOW':
      return isInBody || NOT_OF_A_TARGET.test(error.rawPacket?.toString('latin1', 0, error.bytesParsed) ?? '')
        ? answer('headers_too_large', 'the headers are larger than the limit')
        : answer('uri_too_long', 'the request line is longer than the limit');
    default:
      return answer('bad_request', 'the bytes are not a valid HTTP/1.1 request');
  }
}

/** Whether node:http may have dropped some of them: it keeps one more than there may be. */
const headersLost = ({ rawHeaders }: IncomingMessage, { maxHeaders }: Connection): boolean =>
  rawHeaders.length > maxHeaders * 2;

const tooManyHeaders = ({ maxHeaders }: Connection): OutriderError =>
  new OutriderError('headers_too_large', { detail: `there are more than ${maxHeaders} headers`, close: true });

/** The server of the doors: HTTP/1.1 on node:http, with the limits of rules 6–11. */
export function createListener(options: ListenerOptions): Listener {
  const { address, clock, handle, refuse } = options;
  const sockets = new Set<Tagged>();
  let accepted = 0;
  /** How many of `sockets` are TLS over another of them. */
  let adopted = 0;
  /** Sockets of tunnels: what goes on in them is not seen here. */
  const carriers = new Map<Tagged, Hold>();
  const premises = { clock, isClosing: false, isDraining: false };

  const server: Server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    joinDuplicateHeaders: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEAD_MS,
    requestTimeout: 0,
    connectionsCheckingInterval: CHECK_MS,
    noDelay: true,
    highWaterMark: WATER_MARK_BYTES,
    shouldUpgradeCallback: (req) => {
      const connection = connectionOf(req.socket);
      const { callers, isRefused, isExcess, tunnel } = connection;
      if (callers.length > 0 || isRefused || isExcess || headersLost(req, connection)) return false;
      return options.mayUpgrade(new Arrival(req, tunnel));
    },
  });
  // Asked for by node:http at the beginning of each connection.
  Object.defineProperties(server, {
    maxHeaderSize: { get: () => options.limits.headerBytes + options.limits.urlBytes + HEAD_SLACK_BYTES },
    // It drops what is beyond this without a word.
    maxHeadersCount: { get: () => options.limits.headers + 1 },
  });

  const overloaded = (): OutriderError =>
    new OutriderError('overloaded', {
      detail: `more than ${options.limits.connections} connections`,
      headers: ['Retry-After', '1'],
      close: true,
    });

  const receive = (req: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): void => {
    const connection = connectionOf(req.socket);
    // It came behind something that we could not understand, so we can't know what it is.
    if (connection.isRefused) {
      ignoreRest(req.socket);
      return;
    }
    const caller = new NodeCaller(req, res, connection, awaitsContinue, premises);
    if (connection.isExcess) {
      refuse(caller, overloaded());
    } else if (headersLost(req, connection)) {
      refuse(caller, tooManyHeaders(connection));
    } else if (connection.callers.length === 1) {
      handle(caller);
    } else {
      if (connection.callers.length >= PIPELINE_DEPTH) connection.isRefused = true;
      caller.whenFirst = handle.bind(undefined, caller);
    }
  };

  server.on('connection', (socket: Tagged) => {
    // One that came out of a tunnel is known.
    if (isKnown(socket)) return;
    accepted++;
    sockets.add(socket);
    const { connections, headers } = options.limits;
    track(socket, clock, { maxHeaders: headers, isExcess: sockets.size - adopted > connections });
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (req, res) => receive(req, res, false));
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => receive(req, res, true));
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => receive(req, res, false));
  server.on('connect', (req: IncomingMessage, socket: Tagged, head: Buffer) => {
    const connection = connectionOf(socket);
    const { isRefused, isExcess, callers, tunnel } = connection;
    const pending = callers.at(-1);
    // An answer would be taken for that of the request before it.
    if (pending) {
      pending.closeAfterAnswer();
      serveBare(socket, callers);
      return;
    }
    if (isRefused) {
      leave(socket.resume(), clock);
      return;
    }
    if (isExcess || headersLost(req, connection)) {
      refuseTunnel(socket, isExcess ? overloaded() : tooManyHeaders(connection));
      return;
    }
    letGo(socket);
    const hold: Hold = { isQuiet: () => false };
    carriers.set(socket, hold);
    socket.once('close', () => carriers.delete(socket));
    const { httpVersion: version, rawHeaders: headers } = req;
    options.connect({ target: req.url as string, version, headers, socket, head, tunnel, hold });
  });
  server.on('upgrade', (req: IncomingMessage, socket: Tagged, head: Buffer) => {
    letGo(socket);
    carriers.set(socket, { isQuiet: () => false });
    socket.once('close', () => carriers.delete(socket));
    handle(new SocketCaller(req, socket, head, connectionOf(socket).tunnel, clock));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Tagged) => {
    const connection = connectionOf(socket);
    const pending = connection.callers.at(-1);
    const { isRefused } = connection;
    if (!socket.writable || error.code === 'ECONNRESET' || error.code === 'EPIPE') {
      // After a refusal the rest is read and dropped for a while: a reset could overtake the answer.
      if (!pending && !isRefused) socket.destroy();
      return;
    }
    connection.isRefused = true;
    // Behind an unanswered request the error is never answered itself; within its body it belongs to it.
    if (pending && !pending.isReceived) pending.breakBody(parseFailure(error, true));
    else if (pending) pending.closeAfterAnswer();
    else if (!isRefused) lastWords(socket, parseFailure(error, false));
  });

  /** A request whose head is half there is under way. */
  const closeIdle = (isIdle: (connection: Connection) => boolean): void => {
    for (const socket of sockets) {
      const connection = connectionOf(socket);
      // One that is being left is closed by that.
      if (connection.callers.length > 0 || connection.isLeaving || carriers.has(socket)) continue;
      if (socket.bytesRead === connection.bytesAtRest && isIdle(connection)) socket.destroy();
    }
  };
  /** What nobody waits for any more. */
  const closeQuiet = (): void => {
    closeIdle(() => true);
    for (const [socket, { isQuiet }] of carriers) if (isQuiet()) socket.destroy();
  };
  // Part of `server.close()`: one on which nothing was answered yet may have its first request on the wire.
  server.closeIdleConnections = () => closeIdle(({ hasAnswered }) => hasAnswered);

  /** Closing resets connections that the system has made and nobody has accepted: turns the loop until none was waiting. */
  async function acceptWaiting(): Promise<void> {
    for (let turn = 0, before = -1; turn < ACCEPT_TURNS && accepted !== before; turn++) {
      before = accepted;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  function lastWords(socket: Tagged, error: OutriderError, requestId = options.nextRequestId()): void {
    leave(socket, clock, errorBytes(error, requestId));
  }

  function refuseTunnel(socket: Tagged, error: OutriderError, requestId?: string): void {
    // What was meant for the tunnel: unread, it would make a reset of the end, which can overtake the answer.
    socket.resume();
    lastWords(socket, error, requestId);
  }

  return {
    async listen() {
      await listen(server, address);
      return originOf(server, address);
    },

    adopt(socket: Tagged, tunnel, carrier) {
      carriers.delete(socket);
      track(socket, clock, { maxHeaders: options.limits.headers, tunnel });
      if (socket !== carrier) {
        // It ends with what is over it.
        carriers.set(carrier, { isQuiet: () => false });
        adopted++;
        sockets.add(socket);
        socket.on('close', () => {
          adopted--;
          sockets.delete(socket);
        });
      }
      server.emit('connection', socket);
    },

    refuseTunnel,

    beginClosing() {
      premises.isClosing = true;
    },

    async close(drainMs) {
      premises.isClosing = true;
      await acceptWaiting();
      premises.isDraining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const look = (): void => {
        closeQuiet();
        looking = clock.after(FRESH_MS, look);
      };
      let looking = clock.after(Math.min(drainMs, FRESH_MS), look);
      const timer = clock.after(drainMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      await closed;
      timer.cancel();
      looking.cancel();
    },
  };
}
