import type { Authorized } from '../auth/authorizer.ts';
import type { Needles } from '../auth/needles.ts';
import type { RawHeaders } from '../core/headers.ts';

/** What an attempt sends. A `body` takes the place of the caller's. */
export interface SentRequest {
  readonly target: string;
  readonly headers: RawHeaders;
  readonly body?: Uint8Array | null | undefined;
  /** What was done about its credential. Undefined when its route has none. */
  readonly auth?: Authorized['auth'];
  /** The generation of the token in it. */
  readonly generation?: number;
  readonly secrets?: Needles;
}
