import { Client } from 'undici';
import type { Clock } from '../core/clock.ts';
import { UpstreamExchange, type Attempt, type Connection, type Connections, type UpstreamRequest } from './attempt.ts';
import { Deadlines } from './deadlines.ts';

export interface Upstream {
  send(request: UpstreamRequest): Attempt;
  /** Closes every connection, those in use too. */
  close(): Promise<void>;
}

/** An unused connection is given up after this, or {@link KEEP_ALIVE_MARGIN_MS} before the server's own hint. */
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_MARGIN_MS = 2_000;
/** More than this many unused clients of one origin are not kept. */
const SPARE_CLIENTS = 512;

/**
 * The connections to one origin, each with one exchange at a time. The one that came back last is taken first, so that the
 * others age and close. undici's Pool does the same with a search through all of them and two more layers for each request.
 */
class Clients implements Connections {
  readonly #origin: string;
  readonly #connectMs: number;
  readonly #all = new Set<Client>();
  readonly #spare: Client[] = [];

  constructor(origin: string, connectMs: number) {
    this.#origin = origin;
    this.#connectMs = connectMs;
  }

  take(): Connection {
    return (this.#spare.pop() ?? this.#create()) as unknown as Connection;
  }

  give(connection: Connection): void {
    const client = connection as unknown as Client;
    if (this.#spare.length < SPARE_CLIENTS) {
      this.#spare.push(client);
      return;
    }
    this.drop(connection);
  }

  drop(connection: Connection): void {
    const client = connection as unknown as Client;
    this.#all.delete(client);
    // Not while it is still telling of its error.
    setImmediate(() => void client.destroy());
  }

  #create(): Client {
    const client = new Client(this.#origin, {
      pipelining: 1,
      // Said here, so that no environment variable can say otherwise.
      connect: { timeout: this.#connectMs, rejectUnauthorized: true, allowH2: false },
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      keepAliveMaxTimeout: 600_000,
      maxHeaderSize: 64 * 1024,
    });
    this.#all.add(client);
    return client;
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.destroy()));
  }
}

/** HTTP/1.1 over undici's core client; redirects, caches and retries of its own it has none. */
export function createUpstream(clock: Clock): Upstream {
  const origins = new Map<string, Clients>();
  const deadlines = new Deadlines(clock);
  const clientsOf = (origin: string, connectMs: number): Clients => {
    const key = `${origin} ${connectMs}`;
    let clients = origins.get(key);
    // The deadline of the attempt is the exact one; this only cleans up behind it.
    if (!clients) origins.set(key, (clients = new Clients(origin, connectMs + 1_000)));
    return clients;
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
