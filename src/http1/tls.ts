import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type DetailedPeerCertificate, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { readClientCertificate, type ClientCertificate } from './client-certificate.ts';
import { firstByte, TLS_HANDSHAKE } from './first-byte.ts';

/** What a server shows in TLS, and whose client certificates it takes. All of it in PEM. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  /** Undefined: no client certificate is asked for. */
  readonly clientCa: string | undefined;
}

/** What the end of TLS needs. */
export interface TlsOptions {
  readonly clock: Clock;
  /** Asked anew for each connection. Another object is other material. */
  readonly material: () => TlsMaterial;
  /** Takes a connection whose handshake is done. `certificate` is that of the client, verified. */
  readonly secured: (socket: TLSSocket, certificate: ClientCertificate | undefined) => void;
  /** Takes a connection that doesn't begin with a TLS handshake. */
  readonly plain: (socket: Socket) => void;
  /** Called with the reason when a client certificate doesn't verify. Its connection is closed. */
  readonly refused: (reason: string) => void;
}

/** How long the first byte may take, and how long the handshake from there. */
const HANDSHAKE_MS = 10_000;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The server of one material. Its ticket keys are its own, so that no session outlives it. */
interface Generation {
  readonly material: TlsMaterial;
  readonly server: Server;
  /** The fingerprints of `clientCa`. */
  readonly roots: ReadonlySet<string>;
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** The fingerprint of the last certificate of a chain. */
function anchorOf(socket: TLSSocket): string {
  let last: DetailedPeerCertificate = socket.getPeerCertificate(true);
  const seen = new Set([last]);
  while (last.issuerCertificate && !seen.has(last.issuerCertificate)) seen.add((last = last.issuerCertificate));
  return last.fingerprint256;
}

/** Ends TLS 1.2 and 1.3 on accepted connections, with HTTP/1.1 by ALPN. Changed material holds from the next connection on. */
export class TlsEnd {
  readonly #options: TlsOptions;
  /** The connections whose handshake is not done, by their peers: that is all that a secured one has in common with them. */
  readonly #pending = new Map<string, Socket>();
  #generation: Generation | undefined;

  constructor(options: TlsOptions) {
    this.#options = options;
  }

  /** How many connections have not finished their handshake. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Takes an accepted connection. */
  async accept(socket: Socket): Promise<void> {
    const peer = peerOf(socket);
    this.#pending.set(peer, socket);
    socket.once('close', () => this.#settle(peer, socket));
    socket.on('error', () => socket.destroy());
    const byte = await firstByte(socket, this.#options.clock, HANDSHAKE_MS);
    if (byte === undefined || socket.destroyed) socket.destroy();
    else if (byte === TLS_HANDSHAKE) this.#current().server.emit('connection', socket);
    else {
      this.#settle(peer, socket);
      this.#options.plain(socket);
    }
  }

  /** Closes the connections whose handshake is not done. */
  dropPending(): void {
    for (const socket of this.#pending.values()) socket.destroy();
  }

  /** A later connection may come from the same port, when this one is still being closed. */
  #settle(peer: string, socket: Socket): void {
    if (this.#pending.get(peer) === socket) this.#pending.delete(peer);
  }

  #current(): Generation {
    const material = this.#options.material();
    if (this.#generation?.material !== material) this.#generation = this.#open(material);
    return this.#generation;
  }

  #open(material: TlsMaterial): Generation {
    const { certificate: cert, key, clientCa } = material;
    const server = createServer({
      cert,
      key,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HANDSHAKE_MS,
      allowHalfOpen: true,
      // Sessions with client certificates are resumed only where they have a context.
      sessionIdContext: 'outrider',
      // A certificate is not required, so what doesn't verify is turned away below.
      ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
    });
    const roots = new Set((clientCa?.match(PEM) ?? []).map((pem) => new X509Certificate(pem).fingerprint256));
    const generation: Generation = { material, server, roots };
    server.on('secureConnection', (socket) => this.#secured(socket, generation));
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return generation;
  }

  #secured(socket: TLSSocket, { material }: Generation): void {
    this.#pending.delete(peerOf(socket));
    const shown = socket.getPeerX509Certificate();
    if (shown && !socket.authorized) {
      this.#options.refused(String(socket.authorizationError));
      socket.destroy();
      return;
    }
    const anchor = shown && anchorOf(socket);
    const isTrusted = (): boolean => {
      const { material: now, roots } = this.#current();
      return now.clientCa === material.clientCa || roots.has(anchor ?? '');
    };
    this.#options.secured(socket, shown && readClientCertificate(shown, isTrusted));
  }
}
