import type { Clock } from '../core/clock.ts';
import type { Ledger } from './ledger.ts';
import type { TokenBook } from './tokens.ts';

/** What a call is made to: delays, failures and counts are kept apart for the two. */
export type Role = 'token' | 'api';

/** One provider as its endpoints see it. */
export interface Provider {
  readonly name: string;
  readonly credentials: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly tokens: TokenBook;
  readonly ledger: Ledger;
  /** Lifetime of the next token, milliseconds. */
  readonly lifetimeMs: number;
}

/** One request that has arrived whole. */
export interface Call {
  readonly provider: Provider;
  readonly method: string;
  /** Below the provider's mount, as it came, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The decoded `:name` segments of the endpoint's path. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** By lower-case name; several of one name are joined, so that they never pass for one. */
  readonly header: (name: string) => string | undefined;
}

export interface SimulatorAnswer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The credential, token or signature was not accepted, whatever the status says. */
  readonly rejected?: boolean;
}

export interface Endpoint {
  readonly method: string;
  /** Below the mount; `:name` stands for one segment, `/?` for an optional last slash. */
  readonly path: string;
  readonly role: Role;
  readonly answer: (call: Call) => SimulatorAnswer;
}

/** An API call that works once credentials are added; later ones may ask for what earlier ones made. */
export interface Example {
  readonly method: string;
  /** Below the provider's api endpoint, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One way in which a kind refuses a call, and whose words it uses. */
export interface ErrorWords {
  /** The status and the word that tells: `404 INVALID_MERCHANT_ORDER_ID`. */
  readonly answer: string;
  readonly when: string;
  /** The page or the published code that shows these words. Without it they are the simulator's own. */
  readonly source?: string;
  /** What of it the source doesn't say. */
  readonly unsaid?: string;
}

/** One kind of provider, as data. */
export interface Kind {
  /** Path of the token endpoint below the mount, where the kind has one. */
  readonly token?: string;
  /** What all API paths begin with, below the mount; may be empty. */
  readonly api: string;
  /** The credentials that it knows, with what holds when they are not given. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly lifetimeMs: number;
  /** Kinds with equal text share what has been paid; by default each provider is alone. */
  readonly ledger?: (credentials: Readonly<Record<string, string>>) => string;
  readonly endpoints: readonly Endpoint[];
  /** The provider's words for a path (404) or a method (405) that it doesn't have. */
  readonly lost: (status: 404 | 405) => unknown;
  readonly examples: readonly Example[];
  readonly errors: readonly ErrorWords[];
}
