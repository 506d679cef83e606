import type { ServerRequest } from '../http1/server-request.ts';
import type { Destination } from './destination.ts';

/** Where the tunnel leads that a request came through, whose opener has been let in already; undefined: it came through none. */
export type Tunnel = Destination | undefined;

/** One request as it came and the way back to who sent it. */
export type Downstream = ServerRequest<Tunnel>;
