import type { Authorizer } from '../auth/authorizer.ts';
import type { Limits, ReplayConfig, RouteMatch, Timeouts } from '../config/config.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { Guard } from './guard.ts';
import type { Router } from './router.ts';
import type { Join } from './target.ts';

/** A route, compiled: everything about it that doesn't depend on the request. */
export interface Lane {
  readonly name: string;
  readonly match: RouteMatch;
  readonly provider: string | undefined;
  /** Scheme, host and port of the upstream. */
  readonly origin: string;
  readonly join: Join;
  readonly forward: (headers: RawHeaders, options: readonly string[]) => RawHeaders;
  /** Undefined: forwarded without credentials. */
  readonly authorizer: Authorizer | undefined;
  readonly timeouts: Timeouts;
  readonly replay: ReplayConfig | false;
}

/** What a config compiles to; a reload swaps it as one. */
export interface Engine {
  readonly router: Router<Lane>;
  readonly guard: Guard;
  readonly limits: Limits;
  /** For bodies on lanes that never replay. */
  readonly keep: ReplayConfig;
}
