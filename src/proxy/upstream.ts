import type { LookupFunction, Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import { UpstreamExchange, type Attempt, type Connection, type Connections, type UpstreamRequest } from './attempt.ts';
import { Deadlines } from './deadlines.ts';
import type { Egress, EgressProxy } from './egress.ts';
import { egressUnreachable, openTunnel, RelayedExchange } from './egress-tunnel.ts';
import { Wire } from './wire.ts';

export interface Upstream {
  send(request: UpstreamRequest): Attempt;
  /** Closes every connection, those in use too. */
  close(): Promise<void>;
}

export interface UpstreamOptions {
  /** Which origins are reached through another proxy; default: none. */
  readonly egress?: Egress;
  /** In place of the system's resolver, for what we dial ourselves. */
  readonly lookup?: LookupFunction;
  /** false: each request has a connection of its own; default: they are kept and used again. */
  readonly isReused?: boolean;
}

/** An unused connection is given up after this, or {@link KEEP_ALIVE_MARGIN_MS} before the server's own hint. */
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_MARGIN_MS = 2_000;
/** More than this many unused clients of one origin are not kept. */
const SPARE_CLIENTS = 512;
/** Before more origins than that are kept, the unused ones are forgotten. */
const MAX_ORIGINS = 1_000;

/**
 * The connections to one origin, each with one exchange at a time. The one that came back last is taken first, so that the
 * others age and close. undici's Pool does the same with a search through all of them and two more layers for each request.
 */
class Clients implements Connections {
  readonly #origin: string;
  readonly #connectMs: number;
  readonly #proxy: EgressProxy | undefined;
  readonly #lookup: LookupFunction | undefined;
  readonly #maxSpare: number;
  readonly #all = new Set<Client>();
  readonly #spare: Client[] = [];

  constructor(origin: string, connectMs: number, { egress, lookup, isReused = true }: UpstreamOptions) {
    this.#origin = origin;
    this.#connectMs = connectMs;
    this.#proxy = egress?.(origin);
    this.#lookup = lookup;
    this.#maxSpare = isReused ? SPARE_CLIENTS : 0;
  }

  take(): Connection {
    return (this.#spare.pop() ?? this.#create()) as unknown as Connection;
  }

  give(connection: Connection): void {
    const client = connection as unknown as Client;
    if (this.#spare.length < this.#maxSpare) {
      this.#spare.push(client);
      return;
    }
    this.drop(connection);
  }

  drop(connection: Connection): void {
    const client = connection as unknown as WiredClient;
    this.#all.delete(client);
    // Not while it is still telling of its error.
    setImmediate(() => {
      void client.destroy();
      // The client itself would wait for it.
      client.connecting?.destroy(new Error('given up'));
    });
  }

  #create(): Client {
    const proxy = this.#proxy;
    const timeout = this.#connectMs;
    const connector = !proxy
      ? buildConnector({ ...SECURE, timeout, ...(this.#lookup && { lookup: this.#lookup }) })
      : this.#origin.startsWith('https:')
        ? tunnelled(proxy, timeout)
        : toProxy(proxy, timeout);
    const options: Client.Options = {
      pipelining: 1,
      connect: (target, callback) => {
        // The types keep quiet about the socket that it returns.
        client.connecting = connector(target, (...[error, socket]) => {
          client.connecting = undefined;
          if (error) {
            callback(error, null);
            return;
          }
          client.wire = new Wire(socket);
          callback(null, socket);
        }) as unknown as Socket;
      },
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      keepAliveMaxTimeout: 600_000,
      maxHeaderSize: 64 * 1024,
    };
    const client: WiredClient =
      proxy && !this.#origin.startsWith('https:')
        ? new RelayedClient(this.#origin, proxy, options)
        : new Client(this.#origin, options);
    this.#all.add(client);
    return client;
  }

  get isIdle(): boolean {
    return this.#spare.length === this.#all.size;
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.destroy()));
  }
}

/** What we keep with a client. */
interface WiredClient extends Client {
  wire?: Wire;
  /** While there is no connection yet. */
  connecting?: Socket | undefined;
}

/** Said here, so that no environment variable can say otherwise. */
const SECURE = { rejectUnauthorized: true, allowH2: false };

/** Connects to a proxy, whatever host the client takes it for. */
function toProxy(proxy: EgressProxy, timeout: number): buildConnector.connector {
  const { protocol, hostname, host, port } = new URL(proxy.origin);
  const connector = buildConnector({ ...SECURE, timeout });
  const unbracketed = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return (_, callback) =>
    connector({ protocol, hostname: unbracketed, host, port }, (...[error, socket]) =>
      error ? callback(egressUnreachable(error), null) : callback(null, socket),
    );
}

/** Connects through a proxy's tunnel, TLS with the provider within. */
function tunnelled(proxy: EgressProxy, timeout: number): buildConnector.connector {
  const connect = toProxy(proxy, timeout);
  const secure = buildConnector({ ...SECURE, timeout });
  const enter = async (socket: Socket, options: buildConnector.Options): Promise<Error | undefined> => {
    const { hostname, port } = options;
    const late = setTimeout(() => socket.destroy(), timeout).unref();
    try {
      await openTunnel(socket, `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port || 443}`, proxy);
      return undefined;
    } catch (error) {
      return error as Error;
    } finally {
      clearTimeout(late);
    }
  };
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      const onward = (failure: Error | null | undefined): void => {
        if (failure) callback(failure, null);
        else secure({ ...options, httpSocket: socket as Socket }, callback);
      };
      if (error) onward(error);
      else void enter(socket, options).then(onward);
    });
}

/** A client whose requests go to a proxy in absolute form. */
class RelayedClient extends Client {
  readonly #origin: string;
  readonly #own: readonly string[];

  constructor(origin: string, proxy: EgressProxy, options: Client.Options) {
    super(proxy.origin, options);
    this.#origin = origin;
    this.#own = ['host', new URL(origin).host];
    if (proxy.authorization) this.#own = [...this.#own, 'proxy-authorization', proxy.authorization.reveal()];
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const headers = [...(options.headers as readonly string[]), ...this.#own];
    const exchange = new RelayedExchange(handler as unknown as UpstreamExchange);
    return super.dispatch(
      { ...options, path: this.#origin + options.path, headers },
      exchange as unknown as Dispatcher.DispatchHandler,
    );
  }
}

/** HTTP/1.1 over undici's core client; redirects, caches and retries of its own it has none. */
export function createUpstream(clock: Clock, options: UpstreamOptions = {}): Upstream {
  const origins = new Map<string, Clients>();
  const deadlines = new Deadlines(clock);
  const clientsOf = (origin: string, connectMs: number): Clients => {
    // The deadline of the attempt is the exact one; this only cleans up behind it.
    const seconds = Math.ceil(connectMs / 1_000) + 1;
    const key = `${origin} ${seconds}`;
    let clients = origins.get(key);
    if (!clients && origins.size >= MAX_ORIGINS) forgetIdle();
    if (!clients) origins.set(key, (clients = new Clients(origin, seconds * 1_000, options)));
    return clients;
  };
  /** Only where callers name the origins can there be so many. */
  const forgetIdle = (): void => {
    for (const [key, clients] of origins) {
      if (!clients.isIdle) continue;
      origins.delete(key);
      void clients.destroy();
    }
  };
  return {
    send: (request) =>
      new UpstreamExchange(request, clientsOf(request.origin, request.timeouts.connectMs), clock, deadlines),
    async close() {
      await Promise.all([...origins.values()].map((clients) => clients.destroy()));
      origins.clear();
    },
  };
}
