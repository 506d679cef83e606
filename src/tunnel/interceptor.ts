import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { Authority } from './certificate.ts';
import { intercept, type Way } from './intercept.ts';
import { createIssuers } from './issuers.ts';
import { ensureAuthority } from './state.ts';

export interface InterceptorDeps {
  readonly clock: Clock;
  readonly events: Events;
  /** In place of the CA of the state directory. */
  readonly authorityFor?: (hosts: ReadonlySet<string>) => Promise<Authority>;
  /** Takes the requests that come out of a tunnel; `carrier` is the socket of its CONNECT. */
  readonly adopt: (socket: Socket, scheme: 'http' | 'https', way: Way, carrier: Socket) => void;
  /** A client did not accept our certificate, or does not speak TLS as it should. */
  readonly failed: (error: Error, way: Way) => void;
}

export interface Interceptor {
  /** Gets the CA ready; from now on certificates are for these hosts. */
  prepare(stateDir: string, hosts: ReadonlySet<string>): Promise<void>;
  /** Answers a CONNECT to one of the hosts. Rejects when there is no certificate to be had. */
  intercept(socket: Socket, head: Buffer, way: Way): Promise<void>;
}

/** Ends tunnels with the certificates of a local CA. */
export function createInterceptor({ clock, events, authorityFor, adopt, failed }: InterceptorDeps): Interceptor {
  const issuers = createIssuers(clock);
  let routed: ReadonlySet<string> = new Set();
  return {
    async prepare(stateDir, hosts) {
      const { authority, isNew } = authorityFor
        ? { authority: await authorityFor(hosts), isNew: false }
        : await ensureAuthority(stateDir, hosts, clock.now());
      issuers.use(authority, hosts);
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
