import { unbracket } from '../../core/authority.ts';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import { checkHostAddress, type Destination } from '../destination.ts';
import type { Egress } from './egress.ts';
import { egressUnreachable, openTunnel } from './tunnel.ts';
import { upstreamError, wantsCertificate } from '../failure.ts';
import { systemCode } from '../../core/system-code.ts';

export interface DialDeps {
  readonly egress: Egress;
  /** In place of the system's resolver, e.g. one that yields only what may be dialled. */
  readonly lookup?: LookupFunction;
  readonly clock: Clock;
  /** Gives up. */
  readonly signal?: AbortSignal;
  /** TLS sessions by host and port, for the next connection to resume. */
  readonly sessions?: Map<string, Buffer>;
}

/** How TLS with a host is asked for. */
export const tlsTo = (host: string) => ({
  host,
  // SNI holds names alone (RFC 6066 §3); an address is verified all the same.
  servername: isIP(host) === 0 ? host : '',
  ALPNProtocols: ['http/1.1'],
});

/** TLS over a connection, verified whatever the environment says. */
function secure(socket: Socket, host: string, port: number, sessions?: Map<string, Buffer>): TLSSocket {
  const key = `${host}:${port}`;
  const session = sessions?.get(key);
  const secured = connectTls({
    socket,
    ...tlsTo(host),
    rejectUnauthorized: true,
    ...(session && { session }),
  });
  if (sessions) secured.on('session', (fresh: Buffer) => sessions.set(key, fresh));
  return secured;
}

/** Whether a server broke off the handshake after it had shown its own certificate: it wants one of ours (TLS 1.2). */
const ASKED_TOO = /ALERT_(?:HANDSHAKE_FAILURE|BAD_CERTIFICATE|CERTIFICATE_REQUIRED)/;

/** What a connection that could not be made means; `socket` is the one that it broke on. */
export function unreachable(error: unknown, socket: Socket): OutriderError {
  const hasTheirs = 'getPeerCertificate' in socket && (socket as TLSSocket).getPeerCertificate()?.raw !== undefined;
  return hasTheirs && ASKED_TOO.test(systemCode(error)) ? wantsCertificate(error) : upstreamError(error, false);
}

interface Way extends Destination {
  /** Ends TLS here, with the destination; else that is for whoever uses the connection. */
  readonly isSecured: boolean;
  /** Leads to the egress proxy and no further: requests go there in absolute form. */
  readonly isRelayed?: boolean;
}

async function dial(way: Way, connectMs: number, deps: DialDeps): Promise<Socket> {
  const { egress, lookup, clock, signal, sessions } = deps;
  const { scheme, host, port } = way;
  const proxy = egress(`${scheme}://${host}:${port}`);
  const at = proxy && new URL(proxy.origin);
  const isTls = at?.protocol === 'https:';
  const target = at
    ? { host: unbracket(at.hostname), port: Number(at.port || (isTls ? 443 : 80)) }
    : { host: unbracket(host), port, ...(lookup && { lookup }) };
  let isProxyAtFault = proxy !== undefined;
  let isLate = false;
  let socket = connect({ ...target, allowHalfOpen: true });
  const timer = clock.after(connectMs, () => {
    isLate = true;
    socket.destroy(new Error('late'));
  });
  const giveUp = (): void => void socket.destroy(new Error('given up'));
  signal?.addEventListener('abort', giveUp);
  try {
    await once(socket, 'connect');
    if (isTls) await once((socket = secure(socket, target.host, target.port)), 'secureConnect');
    if (proxy && way.isRelayed) return socket;
    if (proxy) await openTunnel(socket, `${host}:${port}`, proxy);
    isProxyAtFault = false;
    if (way.isSecured) await once((socket = secure(socket, unbracket(host), port, sessions)), 'secureConnect');
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
    if (isProxyAtFault && !(error instanceof OutriderError)) throw egressUnreachable(error as Error);
    throw unreachable(error, socket);
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', giveUp);
  }
}

/**
 * Connects to a destination without a route, through the egress proxy where there is one; whoever uses the connection
 * speaks TLS on it. Rejects with `destination_denied`, `upstream_unreachable`, `upstream_timeout`, all of them `not_sent`.
 */
export async function dialUnmatched({ host, port }: Destination, connectMs: number, deps: DialDeps): Promise<Socket> {
  checkHostAddress(host);
  return dial({ scheme: 'https', host, port, isSecured: false }, connectMs, deps);
}

/**
 * Connects to an origin as a WebSocket client does (RFC 6455 §4.1): through a tunnel of the egress proxy where there is
 * one, with verified TLS for `https`. Rejects with `upstream_unreachable`, `upstream_timeout`, both `not_sent`.
 */
export function dialOrigin(origin: string, connectMs: number, deps: DialDeps): Promise<Socket> {
  return dial(wayTo(origin), connectMs, deps);
}

/**
 * Connects for HTTP: like {@link dialOrigin}, but an `http` origin behind an egress proxy is reached by that proxy's own requests
 * in absolute form.
 */
export function dialForHttp(origin: string, connectMs: number, deps: DialDeps): Promise<Socket> {
  const way = wayTo(origin);
  return dial({ ...way, isRelayed: !way.isSecured }, connectMs, deps);
}

/**
 * Connects as {@link dialForHttp} does, but leaves TLS with an `https` origin to whoever asks, who can then look at what the
 * server shows.
 */
export function dialBeforeTls(origin: string, connectMs: number, deps: DialDeps): Promise<Socket> {
  const way = wayTo(origin);
  return dial({ ...way, isRelayed: !way.isSecured, isSecured: false }, connectMs, deps);
}

function wayTo(origin: string): Way {
  const { protocol, hostname, port } = new URL(origin);
  const isSecured = protocol === 'https:';
  const scheme = isSecured ? 'https' : 'http';
  return { scheme, host: hostname, port: Number(port || (isSecured ? 443 : 80)), isSecured };
}
