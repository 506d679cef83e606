import { Agent, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import httpProxy from 'http-proxy';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import { UpstreamExchange, type Connection, type Connections, type Dispatch } from './attempt.ts';
import { Berth } from './berth.ts';
import { Deadlines } from './deadlines.ts';
import { dialOrigin } from './egress-dial.ts';
import type { Egress } from './egress.ts';
import type { Upstream } from './upstream.ts';
import { Wire } from './wire.ts';

const NOTHING = Buffer.alloc(0);
/** http-proxy turns away whatever does not look like this. */
const LOOKS: Pick<IncomingMessage, 'method' | 'url' | 'headers'> = {
  method: 'GET',
  url: '/',
  headers: { upgrade: 'websocket' },
};
/** Where to is the agent's business. */
const TARGET = { host: 'upstream', port: 80, protocol: 'http:' };

/** http-proxy calls `util._extend`, of which Node warns on stderr; nobody who reads that could do anything about it. */
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
 * What http-proxy writes the options of its request over. Path and headers stay as they are here: it would take double
 * slashes out of the one, and turn the other's order around.
 */
function settled(path: string, headers: RawHeaders): object {
  const fixed = (value: unknown): PropertyDescriptor => ({ enumerable: true, get: () => value, set: () => undefined });
  return Object.defineProperties({}, { path: fixed(path), headers: fixed(headers) });
}

type Reached = (error: Error | null, socket?: Socket) => void;
/** One handshake through http-proxy, on a connection of its own. */
class Crossing implements Connection {
  wire?: Wire;
  readonly #origin: string;
  readonly #dial: (signal: AbortSignal) => Promise<Socket>;
  readonly #clock: Clock;
  readonly #dialling = new AbortController();
  #berth: Berth | undefined;

  constructor(origin: string, dial: (signal: AbortSignal) => Promise<Socket>, clock: Clock) {
    this.#origin = origin;
    this.#dial = dial;
    this.#clock = clock;
  }

  dispatch({ path, headers, body }: Dispatch, exchange: UpstreamExchange): void {
    if (!body || body instanceof Uint8Array) {
      throw new OutriderError('bad_body', { detail: 'the credential goes into a body, and a handshake has none' });
    }
    const agent = new Agent();
    agent.createConnection = (_, done) => void this.#connect(done as Reached);
    const own = ['Host', new URL(this.#origin).host, 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
    const options = { target: TARGET, agent, ssl: settled(path, [...own, ...headers]) };
    const berth = new Berth(body, exchange, this.#clock);
    this.#berth = berth;
    quietly(() => proxy.ws(LOOKS as IncomingMessage, berth, NOTHING, options, (error) => berth.fail(error)));
  }

  async #connect(done: Reached): Promise<void> {
    let socket: Socket;
    try {
      socket = await this.#dial(this.#dialling.signal);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.wire = new Wire(socket, true);
    done(null, socket);
  }

  destroy(): void {
    this.#dialling.abort();
    this.#berth?.destroy();
  }
}

const proxy = httpProxy.createProxyServer();
proxy.on('proxyReqWs', (proxyReq, _req, berth) => (berth as unknown as Berth).board(proxyReq));

/** Carries WebSocket handshakes, and what follows them. */
export function createHandshakes(clock: Clock, egress: Egress): Pick<Upstream, 'send'> {
  const deadlines = new Deadlines(clock);
  return {
    send(request) {
      const { origin, timeouts } = request;
      const dial = (signal: AbortSignal): Promise<Socket> =>
        dialOrigin(origin, timeouts.connectMs, { egress, clock, signal });
      const connections: Connections = {
        take: () => new Crossing(origin, dial, clock),
        give: () => undefined,
        drop: (crossing) => (crossing as Crossing).destroy(),
      };
      return new UpstreamExchange({ ...request, streamBytes: -1 }, connections, clock, deadlines);
    },
  };
}
