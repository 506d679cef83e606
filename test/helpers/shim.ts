import net from 'node:net';
import tls from 'node:tls';
import type { ExecutionContext } from 'ava';
import { ShimPipe } from './shim-pipe.ts';
import type { Pace } from './shim-pipe.ts';

export const FAULTS = ['latency', 'slow', 'slices', 'reset', 'half close', 'stall', 'garbage', 'truncation'] as const;
/** `half close`: FIN to the proxy, whose bytes go on. `truncation`: nothing goes on, and FIN both ways, even in the middle of TLS. */
export type Fault = (typeof FAULTS)[number];

/** Where a link fails: as soon as it is there, or before a certain byte of one direction. */
export interface Strike {
  readonly fault: Fault;
  /** `up`: on the way to the upstream. */
  readonly way?: 'up' | 'down';
  /** Counted from the stream's first byte, or from the first one behind a message's head. */
  readonly from?: 'start' | 'head';
  readonly bytes?: number;
}

export interface Shim {
  readonly port: number;
  /** What happens to connections from now on, each once; undefined: they are relayed as they are. */
  strike: Strike | undefined;
  /** Connections ever accepted. */
  readonly connections: number;
  readonly openConnections: number;
  /** Connections that are good for nothing any more and that the proxy has not closed. */
  readonly openBroken: number;
  /** Lets a fault hit every connection that is open. */
  hitAll(fault: Fault): void;
  /** Stops listening, so that the next connect is refused. */
  close(): Promise<void>;
}

/** More than a record of TLS. */
const GARBAGE = Buffer.from('\0\xffgarbage\x7f\r\n\r\n'.repeat(2_000), 'latin1');
const LATENCY_MS = 60;

/** Faults that a connection survives. */
const BORNE: ReadonlySet<Fault> = new Set(['latency', 'slow', 'slices']);

class Link {
  isBroken = false;
  readonly near: net.Socket;
  readonly #raw: net.Socket;
  readonly #far: net.Socket;
  readonly #up: ShimPipe;
  readonly #down: ShimPipe;

  constructor(raw: net.Socket, near: net.Socket, upstreamPort: number, strike: Strike | undefined) {
    this.#raw = raw;
    this.near = near;
    const far = net.connect({ port: upstreamPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#far = far;
    raw.setNoDelay(true);
    for (const socket of new Set([raw, near, far])) socket.on('error', () => {});
    const placeOn = (way: 'up' | 'down'): ((seen: string) => number) | undefined =>
      strike?.way === way ? (seen) => placeOf(strike, seen) : undefined;
    const hit = strike && ((): void => this.hit(strike.fault));
    this.#up = new ShimPipe(near, far, placeOn('up'), hit);
    this.#down = new ShimPipe(far, near, placeOn('down'), hit);
    near.on('close', () => far.destroy());
    far.on('close', () => {
      if (!this.isBroken) near.destroy();
    });
    near.on('end', () => {
      if (this.isBroken) near.destroy();
    });
    if (strike && !strike.way) this.hit(strike.fault);
  }

  hit(fault: Fault): void {
    this.isBroken = !BORNE.has(fault);
    const late = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
    const acts: Readonly<Record<Fault, () => void>> = {
      latency: () => {
        this.#up.hold = this.#down.hold = late();
      },
      slow: () => this.#pace('slow'),
      slices: () => this.#pace('slices'),
      reset: () => {
        this.#raw.resetAndDestroy();
        this.near.destroy();
      },
      'half close': () => {
        this.#down.pace = 'never';
        this.near.end();
      },
      stall: () => this.#pace('never'),
      garbage: () => {
        this.#down.pace = 'never';
        this.near.write(GARBAGE);
      },
      truncation: () => {
        this.#pace('never');
        this.#raw.end();
        this.#far.end();
      },
    };
    acts[fault]();
    // The proxy may have gone before.
    if (this.isBroken && this.near.readableEnded) this.near.destroy();
  }

  #pace(pace: Pace): void {
    this.#up.pace = pace;
    this.#down.pace = pace;
  }
}

function placeOf({ from = 'start', bytes = 0 }: Strike, seen: string): number {
  if (from === 'start') return bytes;
  const end = seen.indexOf('\r\n\r\n');
  return end < 0 ? Number.NaN : end + 4 + bytes;
}

/** A relay between the proxy and an upstream whose connections fail as told. With TLS options, it is the end of TLS. */
export async function startShim(
  t: ExecutionContext,
  upstreamPort: number,
  options: { readonly tls?: tls.TlsOptions } = {},
): Promise<Shim> {
  const links = new Set<Link>();
  const raws = new Set<net.Socket>();
  let connections = 0;
  const begin = (raw: net.Socket, near: net.Socket): void => {
    const link = new Link(raw, near, upstreamPort, shim.strike);
    links.add(link);
    raw.on('close', () => links.delete(link));
  };
  const secureContext = options.tls && tls.createSecureContext(options.tls);
  const server = net.createServer({ allowHalfOpen: true }, (raw) => {
    connections += 1;
    raws.add(raw);
    raw.on('error', () => {});
    raw.on('close', () => raws.delete(raw));
    if (!secureContext) {
      begin(raw, raw);
      return;
    }
    const near = new tls.TLSSocket(raw, { isServer: true, secureContext });
    near.on('error', () => raw.destroy());
    near.once('secure', () => begin(raw, near));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const shim: Shim = {
    port: (server.address() as net.AddressInfo).port,
    strike: undefined,
    get connections() {
      return connections;
    },
    get openConnections() {
      return raws.size;
    },
    get openBroken() {
      return [...links].filter(({ isBroken }) => isBroken).length;
    },
    hitAll(fault) {
      for (const link of links) link.hit(fault);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const raw of raws) raw.destroy();
      }),
  };
  t.teardown(() => shim.close());
  return shim;
}
