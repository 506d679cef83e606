import type { ClientCertificate } from '../http1/client-certificate.ts';
import type { ServerRequest } from '../http1/server-request.ts';
import type { Identity } from './callers.ts';
import type { Destination } from './destination.ts';

/** A CONNECT tunnel. Whoever opened it has passed the access check already. */
export interface Tunnel {
  readonly destination: Destination;
  /** What was shown at the CONNECT. It holds for every request that comes out. */
  readonly identity: Identity;
}

/** What the requests of one connection have in common. Undefined when it came through no tunnel and showed no certificate. */
export type ConnectionContext =
  | { readonly tunnel: Tunnel | undefined; readonly certificate: ClientCertificate | undefined }
  | undefined;

/** One request of a caller, and the means to answer it. */
export type Downstream = ServerRequest<ConnectionContext>;
