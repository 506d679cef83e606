import type { Clock } from '../core/clock.ts';
import type { Ledger } from './ledger.ts';
import type { TokenBook } from './tokens.ts';

/** What a call is made to. Delays, failures and counts are separate for the two. */
export type Role = 'token' | 'api';

/** A simulated provider as its endpoints see it. */
export interface Provider {
  readonly name: string;
  readonly credentials: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly tokens: TokenBook;
  readonly ledger: Ledger;
  /** The lifetime of the next token in milliseconds. */
  readonly lifetimeMs: number;
}

/** A request with its whole body. */
export interface Call {
  readonly provider: Provider;
  readonly method: string;
  /** The path below the provider's mount, as it came, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The decoded `:name` segments of the endpoint's path. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Reads a header by its lower-case name. Several of one name are joined, so they never pass for a single one. */
  readonly header: (name: string) => string | undefined;
}

/** The answer to a call. */
export interface SimulatorAnswer {
  readonly status: number;
  /** Sent as JSON, unless there is a page. */
  readonly body: unknown;
  /** HTML for a browser. */
  readonly page?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the credential, token or signature was not accepted. It is for the counts; the status may say anything. */
  readonly rejected?: boolean;
}

/** One method of one path, with the function that answers it. */
export interface Endpoint {
  readonly method: string;
  /** The path below the mount. `:name` stands for one segment, `/?` for an optional last slash. */
  readonly path: string;
  readonly role: Role;
  readonly answer: (call: Call) => SimulatorAnswer;
}

/** An API call that succeeds once credentials are added. It may need what the examples before it have made. */
export interface Example {
  readonly method: string;
  /** The path below the provider's `api` endpoint, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One error of a kind, and where its words come from. */
export interface ErrorWords {
  /** The status and the telling word: `404 INVALID_MERCHANT_ORDER_ID`. */
  readonly answer: string;
  readonly when: string;
  /** The page or published code that shows these words. Without it, they are the simulator's own. */
  readonly source?: string;
  /** What the source leaves open. */
  readonly unsaid?: string;
}

/** A callback as the provider sends it: always a POST. */
export interface SimulatedCallback {
  /** The merchant's id of the order that it is about. */
  readonly order: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A kind of provider, as data. */
export interface Kind {
  /** The path of the token endpoint below the mount, if the kind has one. */
  readonly token?: string;
  /** The common start of all API paths below the mount; may be empty. */
  readonly api: string;
  /** The credentials that it knows, with their defaults. */
  readonly credentials: Readonly<Record<string, string>>;
  /** The lifetime of a token in milliseconds; 0 for a kind without tokens. */
  readonly lifetimeMs: number;
  /** Names the ledger that a provider uses. Providers with the same name share what was paid; by default, each has its own. */
  readonly ledger?: (credentials: Readonly<Record<string, string>>) => string;
  readonly endpoints: readonly Endpoint[];
  /**
   * Makes the callback about an order, by default the newest one. Undefined when there is no such order. A kind without it sends
   * none.
   */
  readonly callback?: (provider: Provider, order: string | undefined, isPaid: boolean) => SimulatedCallback | undefined;
  /** The body of the answer to an unknown path (404) or method (405), in the provider's words. */
  readonly lost: (status: 404 | 405) => unknown;
  readonly examples: readonly Example[];
  readonly errors: readonly ErrorWords[];
}
