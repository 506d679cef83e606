import type { Authorizer } from '../auth/authorizer.ts';
import type { Limits, RouteMatch, Timeouts } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { OutriderError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { Budgets } from './body/budget.ts';
import type { Destination } from './destination.ts';
import type { Guard } from './guard.ts';
import type { Router } from './router.ts';
import type { Join } from './target.ts';
import type { TokenEndpoints, TokenEndpointsAt } from './token-endpoints.ts';
import type { Upstream } from './upstream.ts';
import type { KeepLimits } from './body/whole-body.ts';

/** A route, compiled: everything about it that doesn't depend on the request. */
export interface CompiledRoute {
  readonly name: string;
  readonly match: RouteMatch;
  readonly provider: string | undefined;
  /** Scheme, host and port of the upstream. */
  readonly origin: string;
  readonly join: Join;
  /** Paths of the upstream that its profile is for; none: it is for all. */
  readonly apiPaths: readonly string[];
  readonly forward: (headers: RawHeaders, options: readonly string[]) => RawHeaders;
  /** Where a simulator that it leads to stands in for the provider; undefined: it leads to none. */
  readonly standsInFor: readonly StandIn[] | undefined;
  /** Undefined: forwarded without credentials. */
  readonly authorizer: Authorizer | undefined;
  readonly timeouts: Timeouts;
  readonly replays: boolean;
  /** How much of bodies is kept. */
  readonly keep: KeepLimits;
  /** Token endpoints at its origin, which its requests don't reach. */
  readonly tokenEndpoints: TokenEndpointsAt | undefined;
  /** Whether WebSocket handshakes pass. */
  readonly websocket: boolean;
  /** No route of the operator's: never to an address that strangers must not reach. */
  readonly isUnmatched?: true;
}

/** A provider's API as another environment has it. */
export interface StandIn extends Pick<CompiledRoute, 'origin' | 'apiPaths'> {
  readonly basePath: string;
}

/** The forward-proxy doors of one config. */
export interface ForwardDoor {
  readonly mode: 'plain' | 'intercept';
  /** Whether what has no route is let through. */
  readonly letsUnmatchedThrough: boolean;
  /** Hosts that routes and token endpoints lie at, those that simulators stand in for too, as `URL` writes them. */
  readonly hosts: ReadonlySet<string>;
  /** Whether a route leads to this host and port, or a token endpoint lies there. */
  isRouted(host: string, port: number): boolean;
  /** Says that no route leads there, and where routes lead. */
  denied(destination: Destination): OutriderError;
  /** Undefined where no route leads there. */
  routeFor(destination: Destination, request: ForwardRequest): CompiledRoute | undefined;
  /** A route that leads there, else one that relays the request as it is. Throws `destination_denied`. */
  routeOrRelay(destination: Destination, request: ForwardRequest): CompiledRoute;
}

export interface ForwardRequest {
  readonly method: string;
  /** Raw, without query. */
  readonly path: string;
  readonly headers: RawHeaders;
}

/** What a config compiles to; a reload swaps it as one. */
export interface CompiledConfig {
  readonly router: Router<CompiledRoute>;
  readonly guard: Guard;
  /** Undefined: forwarding is off. */
  readonly forward: ForwardDoor | undefined;
  readonly tokenEndpoints: TokenEndpoints;
  readonly limits: Limits;
}

/** What every exchange works with. */
export interface ExchangeDeps {
  /** What the config of the moment compiled to. */
  compiled(): CompiledConfig;
  readonly upstream: Upstream;
  /** Dials no address that strangers must not reach. */
  readonly unmatchedUpstream: Upstream;
  /** Carries WebSocket handshakes. */
  readonly handshakes: Pick<Upstream, 'send'>;
  readonly events: Events;
  readonly clock: Clock;
  readonly budgets: Budgets;
  /** `outrider-<id>`, one per process. */
  readonly pseudonym: string;
  nextRequestId(): string;
  /** Tells the operator why a request failed. */
  report(error: OutriderError, requestId: string, route: string | undefined): void;
}
