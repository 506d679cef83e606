import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { LocalCa } from './certificate.ts';
import { intercept, type TunnelTarget } from './intercept.ts';
import { createIssuers } from './issuers.ts';
import { ensureCa } from './state.ts';

/** What the interceptor needs. */
export interface InterceptorDeps<Way extends TunnelTarget> {
  readonly clock: Clock;
  readonly events: Events;
  /** Makes the CA in place of that of the state directory. */
  readonly caFor?: (hosts: ReadonlySet<string>) => Promise<LocalCa>;
  /** Serves the requests that come out of a tunnel. `carrier` is the socket of its CONNECT. */
  readonly adopt: (socket: Socket, scheme: 'http' | 'https', way: Way, carrier: Socket) => void;
  /** Called when a TLS handshake fails: the client doesn't accept our certificate, for example. */
  readonly failed: (error: Error, way: Way) => void;
}

/** Ends tunnels in this process. */
export interface Interceptor<Way extends TunnelTarget> {
  /**
   * Reads the CA from `stateDir`, or makes one, which emits a notice. From now on certificates are issued for `hosts`. Rejects
   * with a `CaRefusal`.
   */
  prepare(stateDir: string, hosts: ReadonlySet<string>): Promise<void>;
  /** Answers a CONNECT to one of the hosts. Rejects when there is no certificate for it. `way` is handed on as it is. */
  intercept(socket: Socket, head: Buffer, way: Way): Promise<void>;
}

/** Makes an interceptor, which shows certificates of a local CA. */
export function createInterceptor<Way extends TunnelTarget>({
  clock,
  events,
  caFor,
  adopt,
  failed,
}: InterceptorDeps<Way>): Interceptor<Way> {
  const issuers = createIssuers(clock);
  let routed: ReadonlySet<string> = new Set();
  return {
    async prepare(stateDir, hosts) {
      const { ca, isNew } = caFor
        ? { ca: await caFor(hosts), isNew: false }
        : await ensureCa(stateDir, hosts, clock.now());
      issuers.use(ca, hosts);
      routed = hosts;
      if (!isNew) return;
      const message = 'a new local CA was made: clients must trust it (`outrider ca show`, `outrider ca trust`)';
      events.emit('notice', { level: 'warn', message, fields: { state_dir: stateDir } });
    },
    async intercept(socket, head, way) {
      await intercept(socket, head, way, {
        clock,
        leaves: issuers,
        isRouted: (name) => routed.has(name),
        adopt: (inner, scheme) => adopt(inner, scheme, way, socket),
        failed: (error) => failed(error, way),
      });
    },
  };
}
