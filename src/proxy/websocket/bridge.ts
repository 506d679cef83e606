import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import type { Clock, Timer } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import { headerValues, type RawHeaders } from '../../core/headers.ts';
import type { ResponseHandler, ExchangeControls } from '../../http1/client-connection.ts';
import type { ReadScheduler } from '../../http1/read-scheduler.ts';
import { UpstreamExchange, type CarriedRequest, type Carrier } from '../attempt.ts';
import { Deadlines } from '../deadlines.ts';
import { dialOrigin } from '../egress/dial.ts';
import type { Egress } from '../egress/egress.ts';
import { HALF_OPEN_MS, PROBE_MS } from '../../http1/server-request.ts';
import type { Upstream } from '../upstream.ts';

const badResponse = (detail: string): OutriderError => new OutriderError('upstream_bad_response', { detail });

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Stands in for the caller's socket towards http-proxy. Once the upstream has switched protocols, http-proxy reads from it what
 * goes to the upstream. http-proxy also writes the answer into it. The head of that answer is http-proxy's own work and is
 * dropped; the exchange gets the upstream's.
 */
class Bridge extends Duplex {
  readonly #exchange: ResponseHandler;
  readonly #body: AsyncIterable<Uint8Array>;
  readonly #clock: Clock;
  readonly #controls: Mutable<ExchangeControls>;
  #proxyReq: ClientRequest | undefined;
  #onward: Socket | undefined;
  #hasHead = false;
  #hasMoved = false;
  #timer: Timer | undefined;
  #isReading = false;
  #wantMore: (() => void) | undefined;
  #takeMore: (() => void) | undefined;

  constructor(body: AsyncIterable<Uint8Array>, exchange: ResponseHandler, clock: Clock) {
    super();
    this.#body = body;
    this.#exchange = exchange;
    this.#clock = clock;
    this.#controls = {
      isPaused: false,
      pause: () => void (this.#controls.isPaused = true),
      resume: () => {
        this.#controls.isPaused = false;
        const takeMore = this.#takeMore;
        this.#takeMore = undefined;
        takeMore?.();
      },
      abort: () => void this.destroy(),
    };
  }

  // http-proxy calls these on every socket.
  setTimeout(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}

  /** Called when http-proxy has made its request, before it sends it. */
  follow(proxyReq: ClientRequest): void {
    this.#proxyReq = proxyReq
      .on('error', (error) => this.fail(error))
      .on('socket', (socket) => {
        // The socket of a tunnel through an egress proxy comes paused.
        socket.resume();
        this.#exchange.onStarted(this.#controls);
      })
      .on('finish', () => this.#exchange.onSent())
      .on('upgrade', (answer, socket: Socket) => this.#switched(answer, socket))
      .on('response', (answer) => this.#answered(answer));
  }

  #begin({ statusCode = 0, statusMessage = '', httpVersionMinor, rawHeaders }: IncomingMessage): void {
    const minor = httpVersionMinor === 0 ? 0 : 1;
    this.#exchange.onHead({ status: statusCode, reason: statusMessage, minor, fields: rawHeaders });
  }

  #switched(answer: IncomingMessage, socket: Socket): void {
    this.#onward = socket;
    socket.on('close', () => this.fail(new Error('closed')));
    const protocols = headerValues(answer.rawHeaders, 'upgrade');
    if (answer.httpVersionMinor === 0 || protocols.length !== 1 || protocols[0]?.toLowerCase() !== 'websocket') {
      this.fail(badResponse('the provider switched to a protocol that was not asked for'));
      return;
    }
    this.#begin(answer);
  }

  #answered(answer: IncomingMessage): void {
    answer.on('error', (error) => this.fail(error));
    if (answer.statusCode === 101) this.fail(badResponse('the provider switched protocols and did not say to which'));
    else this.#begin(answer);
  }

  /** Ends the exchange with an error: the handshake failed, or the connection broke. */
  fail(error: Error): void {
    if (this.destroyed) return;
    this.destroy();
    this.#exchange.onFailed(error);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#hasHead) {
      this.#hasHead = true;
      // By now http-proxy has set its own options on the socket, so this one stays.
      this.#onward?.setKeepAlive(true, PROBE_MS);
      done();
      return;
    }
    this.#hasMoved = true;
    this.#exchange.onData(chunk);
    if (this.#controls.isPaused) this.#takeMore = done;
    else done();
  }

  override _final(done: () => void): void {
    this.#exchange.onEnd();
    done();
    if (!this.#onward) this.destroy();
  }

  override _read(): void {
    this.#wantMore?.();
    if (this.#isReading) return;
    this.#isReading = true;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      for await (const chunk of this.#body) {
        if (this.destroyed) return;
        if (!this.push(chunk)) await new Promise<void>((resolve) => (this.#wantMore = resolve));
        if (this.destroyed) return;
      }
      this.push(null);
      this.#watch();
    } catch {
      // The caller is gone.
      this.destroy();
    }
  }

  /** The caller is done. Gives the connection up once the provider stays silent. */
  #watch(): void {
    this.#hasMoved = false;
    this.#timer = this.#clock.after(HALF_OPEN_MS, () => {
      // A side that is slow to take what the other sent is not silent.
      const isStuck = this.#controls.isPaused || (this.#onward?.writableLength ?? 0) > 0;
      if (this.#hasMoved || isStuck) this.#watch();
      else this.fail(new OutriderError('upstream_timeout', { detail: 'silence after the caller was done' }));
    });
  }

  #abort(): void {
    const socket = this.#onward;
    // An HTTP server goes on after the client has closed its side, so only a reset tells it of an abort. Only plain TCP has
    // resets. Once either side has closed, the socket can't be reset: Node would never close it.
    const isReset = socket && !('encrypted' in socket) && !socket.readableEnded && !socket.writableEnded;
    if (isReset) socket.resetAndDestroy();
    else socket?.destroy();
  }

  override _destroy(_error: unknown, done: (error: null) => void): void {
    this.#timer?.cancel();
    this.#wantMore?.();
    this.#proxyReq?.destroy();
    this.#abort();
    done(null);
  }
}

const NOTHING = Buffer.alloc(0);
/** The least that a request must have for http-proxy to take it as a handshake. */
const LOOKS: Pick<IncomingMessage, 'method' | 'url' | 'headers'> = {
  method: 'GET',
  url: '/',
  headers: { upgrade: 'websocket' },
};
/** A target that http-proxy needs but doesn't use: the agent makes the connection. */
const TARGET = { host: 'upstream', port: 80, protocol: 'http:' };

/**
 * Runs `act` without deprecation warnings. http-proxy calls `util._extend`, and no reader of Node's warning could help that.
 */
function quietly(act: () => void): void {
  const before = process.noDeprecation ?? false;
  process.noDeprecation = true;
  try {
    act();
  } finally {
    process.noDeprecation = before;
  }
}

/**
 * Makes an object with a fixed path and fixed headers. http-proxy writes the options of its request into it. It would remove
 * double slashes from the path, and reverse the order of the headers.
 */
function fixedOptions(path: string, headers: RawHeaders): object {
  const fixed = (value: unknown): PropertyDescriptor => ({ enumerable: true, get: () => value, set: () => undefined });
  return Object.defineProperties({}, { path: fixed(path), headers: fixed(headers) });
}

/** One handshake through http-proxy. It has its own connection. */
class Handshake {
  readonly #origin: string;
  readonly #dial: (signal: AbortSignal) => Promise<Socket>;
  readonly #clock: Clock;
  readonly #dialling = new AbortController();
  #bridge: Bridge | undefined;

  constructor(origin: string, dial: (signal: AbortSignal) => Promise<Socket>, clock: Clock) {
    this.#origin = origin;
    this.#dial = dial;
    this.#clock = clock;
  }

  send({ target, headers, body }: CarriedRequest, exchange: ResponseHandler): void {
    if (!body || body instanceof Uint8Array) {
      throw new OutriderError('bad_body', { detail: 'the credential goes into a body, and a handshake has none' });
    }
    const agent = new Agent();
    agent.createConnection = (_, done) => {
      const reached = done as (error: Error | null, socket?: Socket) => void;
      this.#dial(this.#dialling.signal).then(
        (socket) => reached(null, socket),
        (error: unknown) => reached(error as Error),
      );
      return undefined;
    };
    const own = ['Host', new URL(this.#origin).host, 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
    const options = { target: TARGET, agent, ssl: fixedOptions(target, [...own, ...headers]) };
    const bridge = new Bridge(body, exchange, this.#clock);
    this.#bridge = bridge;
    quietly(() => proxy.ws(LOOKS as IncomingMessage, bridge, NOTHING, options, (error) => bridge.fail(error)));
  }

  destroy(): void {
    this.#dialling.abort();
    this.#bridge?.destroy();
  }
}

const proxy = httpProxy.createProxyServer();
proxy.on('proxyReqWs', (proxyReq, _req, bridge) => (bridge as unknown as Bridge).follow(proxyReq));

/**
 * Makes the upstream for WebSocket handshakes and the bytes that follow them. Each handshake has its own connection. Errors are
 * those of other upstreams, and `bad_body` for a credential that would go into the body.
 */
export function createHandshakes(
  clock: Clock,
  scheduler: ReadScheduler,
  egress: Egress,
  lookup: LookupFunction,
): Pick<Upstream, 'send'> {
  const deadlines = new Deadlines(clock);
  return {
    send(request) {
      const { origin, tls, timeouts } = request;
      const dial = (signal: AbortSignal): Promise<Socket> =>
        dialOrigin(origin, timeouts.connectMs, { egress, lookup, clock, signal, tls });
      const carrier: Carrier = {
        send(carried, exchange) {
          const handshake = new Handshake(origin, dial, clock);
          handshake.send(carried, exchange);
          return { abort: () => handshake.destroy() };
        },
      };
      return new UpstreamExchange({ ...request, streamBytes: -1 }, carrier, clock, deadlines, scheduler);
    },
  };
}
