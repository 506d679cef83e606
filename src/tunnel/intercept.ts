import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { firstByte, TLS_HANDSHAKE } from '../http1/first-byte.ts';
import type { Leaves } from './leaves.ts';
import { CONNECTION_ESTABLISHED } from './established.ts';

/** The destination of a tunnel. */
export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
}

/** What an interception needs. */
export interface InterceptDeps {
  readonly clock: Clock;
  readonly leaves: Leaves;
  /** Whether a certificate may be shown for a name, which is in lower case. */
  readonly isRouted: (name: string) => boolean;
  /** Serves the requests that come out of a tunnel. */
  readonly adopt: (socket: Socket, scheme: 'http' | 'https') => void;
  /** Called when the TLS handshake fails: the client doesn't accept our certificate, for example. */
  readonly failed: (error: Error) => void;
}

/** How long the first byte in a tunnel may take, and how long the TLS handshake from there. */
const HANDSHAKE_MS = 10_000;

/** Whether a byte can begin an HTTP request: a method (RFC 9112 §3.1), or an empty line in front of it. */
const canBeginRequest = (byte: number): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z\r\n]$/.test(String.fromCharCode(byte));

/**
 * Answers a CONNECT with 200 and hands on the requests that come out of the tunnel. TLS ends here, with a certificate for the
 * host and HTTP/1.1 by ALPN. Plain HTTP is taken as it is. A tunnel with anything else is closed. Rejects, before it answers,
 * when there is no certificate.
 * @param head The bytes that came behind the CONNECT.
 */
export async function intercept(
  socket: Socket,
  head: Buffer,
  { host }: TunnelTarget,
  deps: InterceptDeps,
): Promise<void> {
  const { clock, leaves, isRouted, adopt, failed } = deps;
  socket.on('error', () => socket.destroy());
  const secureContext = await leaves.contextFor(host);
  if (socket.destroyed) return;
  if (head.length > 0) socket.unshift(head);
  socket.write(CONNECTION_ESTABLISHED);
  const byte = await firstByte(socket, clock, HANDSHAKE_MS);
  if (byte === undefined || socket.destroyed) {
    socket.destroy();
    return;
  }
  if (byte !== TLS_HANDSHAKE) {
    if (canBeginRequest(byte)) adopt(socket, 'http');
    else socket.destroy();
    return;
  }
  const show = async (name: string, done: (error: Error | null, context?: SecureContext) => void): Promise<void> => {
    let context: SecureContext;
    try {
      context = await leaves.contextFor(name);
    } catch (error) {
      done(error as Error);
      return;
    }
    done(null, context);
  };
  const secure = new TLSSocket(socket, {
    isServer: true,
    secureContext,
    ALPNProtocols: ['http/1.1'],
    SNICallback(said, done) {
      const name = said.toLowerCase();
      if (name === host || !isRouted(name)) done(null);
      else void show(name, done);
    },
  });
  const timer = clock.after(HANDSHAKE_MS, () => secure.destroy());
  const broken = (error: Error): void => {
    timer.cancel();
    secure.destroy();
    failed(error);
  };
  // After the client has closed its side, the handshake can't succeed. A half-closed socket doesn't close by itself here.
  const gone = (): void => void secure.destroy();
  secure.on('error', broken).on('end', gone);
  secure.once('close', () => timer.cancel());
  secure.once('secure', () => {
    timer.cancel();
    secure.off('error', broken).off('end', gone);
    secure.on('error', gone);
    adopt(secure, 'https');
  });
}
