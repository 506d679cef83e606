import type { RawHeaders } from '../core/headers.ts';
import type { MaybePromise } from '../core/http.ts';
import type { AuthOutcome } from '../core/events.ts';
import type { Needles } from './needles.ts';
import type { Judgement } from './rejection-rules.ts';
import type { Skip } from './token/skip.ts';
import type { Waiter } from './token/waiting.ts';

/**
 * A request as it goes to its upstream, before it has a credential. Hop-by-hop fields are removed, and the route's headers are
 * set.
 */
export interface Outbound {
  readonly method: string;
  /** The request target in origin form (RFC 9112 §3.2.1), byte for byte as it is sent: one character per byte. */
  readonly target: string;
  /** All header fields but Host, Connection and the framing fields Content-Length and Transfer-Encoding. */
  readonly headers: RawHeaders;
  /** The whole body if {@link Authorizer.needsBody} asked for it, else null. */
  readonly body: Uint8Array | null;
}

/** The same request with its credential. */
export interface Authorized {
  readonly target: string;
  readonly headers: RawHeaders;
  /** The changed body; undefined when the caller's body is sent unchanged. */
  readonly body: Uint8Array | undefined;
  /** The generation of the token in the request; 0 when it carries none. */
  readonly generation: number;
  /** The generation of the newest JWT in it that several requests use (`jwt.reuse`); 0 when it carries none. */
  readonly reused: number;
  /** The key of the subject whose token it is, for a provider with a token per subject; else undefined. */
  readonly subject: string | undefined;
  /**
   * What was done: headers or fields were injected, the request was signed, or nothing was to be put on, with a client certificate
   * or without one.
   */
  readonly auth: Extract<AuthOutcome, 'injected' | 'signed' | 'certificate' | 'skipped'>;
  /** The secrets in it, for which its answer is searched. */
  readonly secrets: Needles;
}

/**
 * The outcome of a renewal: the request with a newer credential, or why there is none. `renewed` is false when another request
 * had renewed the token already.
 */
export type Renewed = { readonly authorized: Authorized; readonly renewed: boolean } | Skip;

/** What the rest of Outrider sees of authentication. Each route has one, compiled when the config is loaded. */
export interface Authorizer {
  /** Whether this request can be authorized only with its whole body. */
  needsBody(method: string, headers: RawHeaders): boolean;
  /** Names of request headers, in lower case, that are never forwarded, such as the one that names the subject. */
  readonly privateHeaders: readonly string[];
  /** Statuses that mean, or may mean, that the token was rejected. */
  readonly rejectStatuses: ReadonlySet<number>;
  /**
   * Judges whether an answer rejects the token. It may ask for the body with `needs_body`; the caller then calls again with
   * `body`, decoded and at most 64 KiB.
   */
  judge(status: number, headers: RawHeaders, body?: Uint8Array): Judgement;
  /**
   * Puts the credential on the request. It answers synchronously when a token is at hand or none is needed. It never changes
   * its input.
   * Throws `token_unavailable`, `overloaded`, `bad_body`, `bad_request`, `method_not_allowed`.
   * @param waiter Who waits when a token has to be fetched. Waiters are limited in number; one that is gone gives up its place.
   * By default it is somebody who is never gone.
   */
  authorize(request: Outbound, waiter?: Waiter): MaybePromise<Authorized>;
  /**
   * Authorizes `request` anew after `rejected` was rejected. If the rejected token is still the newest, it is renewed first,
   * once for all requests that wait. A token endpoint that fails is a skip, never an exception.
   * @param rejectedAtMs When the rejection arrived, by `clock.now()`.
   * @param waiter The request, for the log entry of a renewal that fails.
   */
  renew(rejected: Authorized, request: Outbound, rejectedAtMs: number, waiter?: Waiter): Promise<Renewed>;
  /**
   * The credentials that are no secrets and that the signatures of this request name, in their text or value: what the other
   * side needs to verify them. Throws what `authorize` throws.
   */
  signedWith(request: Outbound): Readonly<Record<string, string>>;
  /**
   * What `authorize` would add, with each secret replaced by its name in angle brackets. Makes no network call. Throws what
   * `authorize` throws.
   */
  explain(request: Outbound): Explanation;
}

/** A header, parameter or field: its name and its value. */
export interface ExplainedField {
  readonly name: string;
  readonly value: string;
}

/** One signature of a request. */
export interface ExplainedSignature {
  /** The condition that chose this signature, if fields of the request decide: `POST, form.api_version "19"`. */
  readonly when?: string;
  /** The exact text that is signed, with secrets masked. */
  readonly text: string;
  /** The parts of the request that a signer covers. Undefined where `text` says it by itself. */
  readonly covers?: readonly string[];
  readonly algorithm: string;
  /** The name of its key; undefined for a plain hash. */
  readonly key: string | undefined;
  /** The encoded digest of the text with the real secrets in it. */
  readonly digest: string;
  /** Where the signature goes: `header x-verify`, `query sig`, `form hash`, `json sign`. */
  readonly place: string;
  /** The value that is put there, with secrets masked. */
  readonly value: string;
  /**
   * Whether the signed text contains the token. If it does, the digest is not the one that would be sent, since the token's
   * name stands in for it.
   */
  readonly coversToken: boolean;
}

/** One JWT of a request, or of its token call. */
export interface ExplainedJwt {
  /** As the profile calls it. */
  readonly name: string;
  readonly algorithm: string;
  /** The name of its key. */
  readonly key: string;
  /** Both parts as JSON, with secrets masked. Together they are what is signed. */
  readonly header: string;
  readonly claims: string;
  /** How long one is used for API calls; undefined when each attempt and each token call gets a new one. */
  readonly reuseMs: number | undefined;
  /** Where it goes: `header authorization`, `token call client_assertion`. */
  readonly places: readonly string[];
}

/** What the credential adds to a request, secrets masked by name (`<access_token>`). */
export interface Explanation {
  readonly headers: readonly ExplainedField[];
  readonly query: readonly ExplainedField[];
  readonly form: readonly ExplainedField[];
  readonly json: readonly ExplainedField[];
  /** The body that is sent; undefined when it is the caller's body unchanged. */
  readonly body: string | undefined;
  readonly signatures: readonly ExplainedSignature[];
  readonly jwts: readonly ExplainedJwt[];
  /** The token call that is made when no token is at hand; undefined for a provider without tokens. */
  readonly token:
    | {
        readonly method: string;
        readonly url: string;
        readonly fields: readonly ExplainedField[];
        /**
         * The signed body. Undefined for an unsigned call, and when signing doesn't change the body; `fields` then shows it
         * all.
         */
        readonly body: string | undefined;
        readonly signatures: readonly ExplainedSignature[];
      }
    | undefined;
  /** The program that is run when no token is at hand, with its arguments and variables. */
  readonly program: { readonly command: readonly string[]; readonly env: readonly ExplainedField[] } | undefined;
}
