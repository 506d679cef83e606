import type { Authorizer } from '../auth/authorizer.ts';
import type { Verifier } from '../auth/verify/verifier.ts';
import type { CallbackConfig, Limits, RouteAnswer, RouteMatch, Timeouts } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { OutriderError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { AttemptTimeouts } from './attempt.ts';
import type { Tracing } from '../core/tracing.ts';
import type { Budgets } from './body/budget.ts';
import type { TlsSource } from '../core/tls.ts';
import type { Destination } from './destination.ts';
import type { Caller, Callers } from './callers.ts';
import type { Guard } from './guard.ts';
import type { Router } from './router.ts';
import type { ScrubMode } from './scrub.ts';
import type { Join } from './target.ts';
import type { TokenEndpoints, TokenEndpointsAt } from './token-endpoints.ts';
import type { Upstream } from './upstream.ts';
import type { KeepLimits } from './body/request-body.ts';

/** A compiled route: all that can be prepared without a request. */
export interface CompiledRoute {
  readonly name: string;
  readonly match: RouteMatch;
  readonly provider: string | undefined;
  /** Scheme, host and port of the upstream. */
  readonly origin: string;
  /** How TLS is spoken there; undefined: without a certificate of ours, and with the system's roots. */
  readonly tls: TlsSource | undefined;
  readonly join: Join;
  /** Makes the path that a request has at the base-URL door. */
  readonly doorPath: Join;
  /** The upstream's paths for which its profile is made; empty: all paths. */
  readonly apiPaths: readonly string[];
  /** Makes the headers of the upstream request; see `createRequestHeaders`. */
  readonly requestHeaders: (headers: RawHeaders, options: readonly string[]) => RawHeaders;
  /** The provider's real URLs that its simulator stands in for. Undefined when the route leads to no simulator. */
  readonly standsInFor: readonly StandIn[] | undefined;
  /** Puts the credential on; undefined: requests are forwarded without one. */
  readonly authorizer: Authorizer | undefined;
  readonly timeouts: Timeouts;
  /** Whether a request whose token was rejected is sent again. */
  readonly replays: boolean;
  /** How much of a request's body is kept for that. */
  readonly keep: KeepLimits;
  /** The token endpoints at its origin. Requests of callers don't reach them. */
  readonly tokenEndpoints: TokenEndpointsAt | undefined;
  /** How answers are searched for the secrets in their requests. */
  readonly scrub: ScrubMode;
  /** Whether WebSocket handshakes pass. */
  readonly websocket: boolean;
  /** `signed`: nothing is sent, and the caller gets what would have been sent. */
  readonly answer: RouteAnswer;
  /** Set when it stands for a destination without a route. Then private and metadata addresses are never dialled. */
  readonly isUnmatched?: true;
}

/** A provider's API in another environment. */
export interface StandIn extends Pick<CompiledRoute, 'origin' | 'apiPaths'> {
  readonly basePath: string;
}

/** The forward-proxy doors of one config: absolute-form requests and CONNECT. */
export interface ForwardDoor {
  readonly mode: 'plain' | 'intercept';
  /** Whether requests to a destination without a route are let through. */
  readonly letsUnmatchedThrough: boolean;
  /** The hosts of routes and token endpoints, and those that simulators stand in for, as `URL` writes them. */
  readonly hosts: ReadonlySet<string>;
  /** Whether a route leads to this host and port, or a token endpoint lies there. */
  isRouted(host: string, port: number): boolean;
  /** The same, for the routes of a caller. */
  isRoutedFor(caller: Caller, host: string, port: number): boolean;
  /** Makes the error that no route leads there. It says where routes lead. */
  denied(destination: Destination): OutriderError;
  /** Returns the route that leads there; undefined when none does. */
  routeFor(destination: Destination, request: ForwardRequest): CompiledRoute | undefined;
  /**
   * Returns the route that leads there, else one that relays the request unchanged. Throws `destination_denied` if that is off.
   */
  routeOrRelay(destination: Destination, request: ForwardRequest): CompiledRoute;
}

/** The part of a request by which the forward doors choose a route. */
export interface ForwardRequest {
  readonly method: string;
  /** As it came, without the query. */
  readonly path: string;
  readonly headers: RawHeaders;
}

/** A compiled entry of `callbacks`. */
export interface CompiledCallback extends Pick<CallbackConfig, 'name' | 'timeoutMs' | 'windowMs' | 'duplicates'> {
  /** Its name in the log and among the routes of metrics. */
  readonly route: string;
  readonly provider: string;
  readonly verifier: Verifier;
  /** Scheme, host and port of the application. */
  readonly origin: string;
  /** Its path and query, to which the query of the callback is appended. */
  readonly target: string;
  /** Makes the headers that the application gets; see `createRequestHeaders`. */
  readonly requestHeaders: (headers: RawHeaders, options: readonly string[]) => RawHeaders;
  readonly timeouts: AttemptTimeouts;
}

/** A compiled config. A reload replaces it as a whole. */
export interface CompiledConfig {
  readonly router: Router<CompiledRoute>;
  readonly guard: Guard;
  /** Undefined when the config has none: then the guard alone decides who may call. */
  readonly callers: Callers | undefined;
  /** Undefined when forwarding is off. */
  readonly forwardDoor: ForwardDoor | undefined;
  readonly tokenEndpoints: TokenEndpoints;
  /** The callbacks by their paths. */
  readonly callbacks: ReadonlyMap<string, CompiledCallback>;
  readonly limits: Limits;
}

/** What every exchange needs. */
export interface ExchangeDeps {
  /** Returns the compiled config of the moment. */
  compiled(): CompiledConfig;
  readonly upstream: Upstream;
  /** The upstream for destinations without a route. It never dials private or metadata addresses. */
  readonly unmatchedUpstream: Upstream;
  /** Carries WebSocket handshakes. */
  readonly handshakes: Pick<Upstream, 'send'>;
  readonly events: Events;
  readonly clock: Clock;
  readonly budgets: Budgets;
  /** Returns what traces requests; undefined while tracing is off. */
  tracing(): Tracing | undefined;
  /** Our own name in `Via`: `outrider-<id>`. Each running proxy has its own. */
  readonly pseudonym: string;
  nextRequestId(): string;
  /** Reports to the operator why a request failed. */
  report(error: OutriderError, requestId: string, route: string | undefined): void;
}
