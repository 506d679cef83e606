import type { SecureContext } from 'node:tls';

/** A certificate of ours, as a person is told of it. */
export interface OwnCertificate {
  /** In one line, as RFC 4514 writes it: `CN=shop-1,O=Shop`. */
  readonly subject: string;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

/** How TLS is spoken to a provider: the certificate that we show, whom we trust, and under which name. */
export interface TlsIdentity {
  /** Equal only for identities that are the same in everything. No connection and no TLS session is used by two of them. */
  readonly key: string;
  readonly context: SecureContext;
  /** The name that the server is asked for (RFC 6066 §3) and has to prove, in place of its host. */
  readonly serverName: string | undefined;
  /** Undefined when we show none. */
  readonly certificate: OwnCertificate | undefined;
}

/** The TLS identity of a provider. A changed file replaces `current` as a whole. */
export interface TlsSource {
  readonly current: TlsIdentity;
}
