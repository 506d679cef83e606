import type { ServerRequest } from '../http1/server-request.ts';
import type { Destination } from './destination.ts';

/**
 * The destination of the CONNECT tunnel through which a request came; undefined: it came through none. Whoever opened the
 * tunnel has passed the access check already.
 */
export type Tunnel = Destination | undefined;

/** One request of a caller, and the means to answer it. */
export type Downstream = ServerRequest<Tunnel>;
