import { unbracket } from '../../core/authority.ts';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { Clock } from '../../core/clock.ts';
import type { TlsIdentity } from '../../core/tls.ts';
import { OutriderError } from '../../core/errors.ts';
import { checkHostAddress, type Destination } from '../destination.ts';
import type { Egress } from './egress.ts';
import { egressUnreachable, openTunnel } from './tunnel.ts';
import { refusesCertificate, upstreamError, wantsCertificate } from '../failure.ts';
import { systemCode } from '../../core/system-code.ts';

/** What dialling needs. */
export interface DialDeps {
  readonly egress: Egress;
  /**
   * A resolver in place of the system's, such as one that yields only addresses that may be dialled. Unused behind an egress
   * proxy.
   */
  readonly lookup?: LookupFunction;
  readonly clock: Clock;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal;
  /** How TLS is spoken to the destination, but never to an egress proxy on the way. */
  readonly tls?: TlsIdentity | undefined;
  /** TLS sessions by host and port, all of one identity. The next connection resumes one. */
  readonly sessions?: Map<string, Buffer>;
}

/** How TLS with a host is asked for. */
export const tlsTo = (host: string, tls?: TlsIdentity) => {
  const name = tls?.serverName ?? host;
  return {
    host: name,
    // SNI can't hold an address (RFC 6066 §3). The certificate for an address is verified all the same.
    servername: isIP(name) === 0 ? name : '',
    ALPNProtocols: ['http/1.1'],
    ...(tls && { secureContext: tls.context }),
  };
};

/**
 * Starts TLS over a connection. The certificate is verified, whatever the environment says (`NODE_TLS_REJECT_UNAUTHORIZED`).
 */
function secure(
  socket: Socket,
  host: string,
  port: number,
  { tls, sessions }: Pick<DialDeps, 'tls' | 'sessions'> = {},
): TLSSocket {
  const key = `${host}:${port}`;
  const session = sessions?.get(key);
  const secured = connectTls({
    socket,
    ...tlsTo(host, tls),
    rejectUnauthorized: true,
    ...(session && { session }),
  });
  if (sessions) secured.on('session', (fresh: Buffer) => sessions.set(key, fresh));
  return secured;
}

/** The alerts of TLS 1.2 servers that want a client certificate, if they come after the server has shown its own. */
const ASKED_TOO = /ALERT_(?:HANDSHAKE_FAILURE|BAD_CERTIFICATE|CERTIFICATE_REQUIRED)/;

/** What a connection that could not be made means; `socket` is the one that it broke on. */
export function unreachable(error: unknown, socket: Socket): OutriderError {
  const hasTheirs = 'getPeerCertificate' in socket && (socket as TLSSocket).getPeerCertificate()?.raw !== undefined;
  const hasOurs = 'getCertificate' in socket && Object.keys((socket as TLSSocket).getCertificate() ?? {}).length > 0;
  if (!hasTheirs || !ASKED_TOO.test(systemCode(error))) return upstreamError(error, false);
  return hasOurs ? refusesCertificate(error) : wantsCertificate(error);
}

interface DialTarget extends Destination {
  /** Whether to start TLS with the destination. If not, whoever uses the connection may do so. */
  readonly isSecured: boolean;
  /** Whether the connection ends at the egress proxy, which takes requests in absolute form. */
  readonly isRelayed?: boolean;
}

async function dial(target: DialTarget, connectMs: number, deps: DialDeps): Promise<Socket> {
  const { egress, lookup, clock, signal } = deps;
  const { scheme, host, port } = target;
  const proxy = egress(`${scheme}://${host}:${port}`);
  const at = proxy && new URL(proxy.origin);
  const isTls = at?.protocol === 'https:';
  const address = at
    ? { host: unbracket(at.hostname), port: Number(at.port || (isTls ? 443 : 80)) }
    : { host: unbracket(host), port, ...(lookup && { lookup }) };
  let isProxyAtFault = proxy !== undefined;
  let isLate = false;
  let socket = connect({ ...address, allowHalfOpen: true });
  const timer = clock.after(connectMs, () => {
    isLate = true;
    socket.destroy(new Error('late'));
  });
  const giveUp = (): void => void socket.destroy(new Error('given up'));
  signal?.addEventListener('abort', giveUp);
  try {
    await once(socket, 'connect');
    if (isTls) await once((socket = secure(socket, address.host, address.port)), 'secureConnect');
    if (proxy && target.isRelayed) return socket;
    if (proxy) await openTunnel(socket, `${host}:${port}`, proxy);
    isProxyAtFault = false;
    if (target.isSecured) await once((socket = secure(socket, unbracket(host), port, deps)), 'secureConnect');
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
 * Connects to a destination without a route, through an egress proxy if one is set for it. There is no TLS here: the caller
 * speaks it through the connection. Rejects with `destination_denied`, `upstream_unreachable` or `upstream_timeout`, each with
 * the outcome `not_sent`.
 */
export async function dialUnmatched({ host, port }: Destination, connectMs: number, deps: DialDeps): Promise<Socket> {
  checkHostAddress(host);
  return dial({ scheme: 'https', host, port, isSecured: false }, connectMs, deps);
}

/**
 * Connects to an origin as a WebSocket client does (RFC 6455 §4.1): through a tunnel if an egress proxy is set for it, and with
 * verified TLS for `https`. Rejects with `upstream_unreachable` or `upstream_timeout`, each with the outcome `not_sent`.
 */
export function dialOrigin(origin: string, connectMs: number, deps: DialDeps): Promise<Socket> {
  return dial(targetOf(origin), connectMs, deps);
}

/**
 * Connects to an origin for HTTP requests. It is like {@link dialOrigin}, except for an `http` origin behind an egress proxy:
 * the connection ends at that proxy, which takes requests in absolute form (RFC 9112 §3.2.2).
 */
export function dialForHttp(origin: string, connectMs: number, deps: DialDeps): Promise<Socket> {
  const target = targetOf(origin);
  return dial({ ...target, isRelayed: !target.isSecured }, connectMs, deps);
}

/**
 * Connects as {@link dialForHttp} does, but leaves TLS with an `https` origin to whoever asks, who can then look at what the
 * server shows.
 */
export function dialBeforeTls(origin: string, connectMs: number, deps: DialDeps): Promise<Socket> {
  const target = targetOf(origin);
  return dial({ ...target, isRelayed: !target.isSecured, isSecured: false }, connectMs, deps);
}

function targetOf(origin: string): DialTarget {
  const { protocol, hostname, port } = new URL(origin);
  const isSecured = protocol === 'https:';
  const scheme = isSecured ? 'https' : 'http';
  return { scheme, host: hostname, port: Number(port || (isSecured ? 443 : 80)), isSecured };
}
