import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { checkHostAddress, type Destination } from './destination.ts';
import type { Egress } from './egress.ts';
import { egressUnreachable, openTunnel } from './egress-tunnel.ts';
import { upstreamError } from './failure.ts';

export interface DialDeps {
  readonly egress: Egress;
  /** A resolver that yields only what may be dialled. */
  readonly lookup: LookupFunction;
  readonly clock: Clock;
}

const unbracket = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host);

/**
 * Connects to a destination without a route, through the egress proxy where there is one.
 * Rejects with `destination_denied`, `upstream_unreachable`, `upstream_timeout`, all of them `not_sent`.
 */
export async function dialUnmatched(
  { host, port }: Destination,
  connectMs: number,
  { egress, lookup, clock }: DialDeps,
): Promise<Socket> {
  checkHostAddress(host);
  const proxy = egress(`https://${host}:${port}`);
  const at = proxy && new URL(proxy.origin);
  const isTls = at?.protocol === 'https:';
  const target = at
    ? { host: unbracket(at.hostname), port: Number(at.port || (isTls ? 443 : 80)) }
    : { host: unbracket(host), port, lookup };
  // SNI holds names alone (RFC 6066 §3); an address is verified all the same.
  const servername = isIP(target.host) === 0 ? target.host : '';
  const socket = isTls
    ? connectTls({ ...target, servername, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] })
    : connect({ ...target, allowHalfOpen: true });
  let isLate = false;
  const timer = clock.after(connectMs, () => {
    isLate = true;
    socket.destroy(new Error('late'));
  });
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect');
    if (proxy) await openTunnel(socket, `${host}:${port}`, proxy);
    return socket;
  } catch (error) {
    socket.destroy();
    if (isLate) {
      throw new OutriderError('upstream_timeout', {
        detail: `no connection within ${connectMs} ms`,
        outcome: 'not_sent',
        proxyError: 'connection_timeout',
      });
    }
    if (proxy && !(error instanceof OutriderError)) throw egressUnreachable(error as Error);
    throw upstreamError(error, { isStarted: false, hasHead: false });
  } finally {
    timer.cancel();
  }
}
