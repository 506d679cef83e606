import type { RawHeaders } from '../core/headers.ts';
import type { MaybePromise } from '../core/http.ts';
import type { AuthOutcome } from '../core/events.ts';
import type { Judgement } from './rejection-rules.ts';
import type { Skip } from './token/skip.ts';
import type { Waiter } from './token/waiting.ts';

/** A request aimed at its upstream, as the caller sent it: hop-by-hop headers gone, the route's headers set, no credential yet. */
export interface Outbound {
  readonly method: string;
  /** Origin form, byte for byte what goes on the wire (a string of single bytes). */
  readonly target: string;
  /** Without Host, Connection and framing headers (Content-Length, Transfer-Encoding). */
  readonly headers: RawHeaders;
  /** The whole body where {@link Authorizer.needsBody} asked for it, else null. */
  readonly body: Uint8Array | null;
}

/** The same request with its credential. */
export interface Authorized {
  readonly target: string;
  readonly headers: RawHeaders;
  /** A changed body; undefined: the caller's body goes as it is. */
  readonly body: Uint8Array | undefined;
  /** Generation of the token that was put in; 0 when none was. */
  readonly generation: number;
  /** The token's subject key, where tokens are kept per subject. */
  readonly subject: string | undefined;
  readonly auth: Extract<AuthOutcome, 'injected' | 'signed' | 'skipped'>;
}

/** What follows from a rejection: the request with a newer credential, or why there is none. */
export type Renewed = { readonly authorized: Authorized; readonly renewed: boolean } | Skip;

/** The face of the room: one per route, compiled when the config is loaded. */
export interface Authorizer {
  /** Whether the whole body must be known to authorize this request. */
  needsBody(method: string, headers: RawHeaders): boolean;
  /** Names (lower case) of the caller's headers that go in no case, e.g. the one that carries the subject. */
  readonly privateHeaders: readonly string[];
  /** Statuses that mean that the token was rejected, or may mean so. */
  readonly rejectStatuses: ReadonlySet<number>;
  /** Whether an answer rejects the token; `body` (decoded, at most 64 KiB) is given when this has asked for it. */
  judge(status: number, headers: RawHeaders, body?: Uint8Array): Judgement;
  /**
   * Puts the credential on. Synchronous as long as a token is at hand. Never changes its input.
   * Throws `token_unavailable`, `overloaded`, `bad_body`, `bad_request`, `method_not_allowed`.
   * @param waiter Takes one of the places of those who wait for a token, unless it is gone; default: it stays.
   */
  authorize(request: Outbound, waiter?: Waiter): MaybePromise<Authorized>;
  /**
   * After a rejection of `rejected`: compares generations, renews once for everybody if need be, and authorizes `request` anew.
   * `rejectedAtMs` is when the rejection arrived (clock.now()). Never throws for a token endpoint that fails: that is a skip.
   * @param waiter The request, for the log of a renewal that fails.
   */
  renew(rejected: Authorized, request: Outbound, rejectedAtMs: number, waiter?: Waiter): Promise<Renewed>;
  /** What `authorize` would add, with every secret replaced by its name in angle brackets. No network. */
  explain(request: Outbound): Explanation;
}

/** A name and what stands under it. */
export interface ExplainedField {
  readonly name: string;
  readonly value: string;
}

/** A signature, over the string that is signed. */
export interface ExplainedSignature {
  /** Why it fits, where fields of the request decide: `POST, form.api_version "19"`. */
  readonly when?: string;
  /** Exactly what is signed, but for the secrets. */
  readonly text: string;
  readonly algorithm: string;
  /** The name of an HMAC's key. */
  readonly key: string | undefined;
  /** What the algorithm makes of the text with the secrets in it, encoded. */
  readonly digest: string;
  /** `header x-verify`, `query sig`, `form hash`, `json sign`. */
  readonly place: string;
  /** What is put there. */
  readonly value: string;
  /** Whether the token is signed, too. Its name stands for it, so the digest is not the one that is sent. */
  readonly coversToken: boolean;
}

/** What the credential adds to a request, secrets masked by name (`<access_token>`). */
export interface Explanation {
  readonly headers: readonly ExplainedField[];
  readonly query: readonly ExplainedField[];
  readonly form: readonly ExplainedField[];
  readonly json: readonly ExplainedField[];
  /** The body as it is sent; undefined: as it came. */
  readonly body: string | undefined;
  readonly signatures: readonly ExplainedSignature[];
  /** The token call that would be made if no token is at hand. */
  readonly token:
    | {
        readonly method: string;
        readonly url: string;
        readonly fields: readonly ExplainedField[];
        /** Undefined when the fields tell it: it is not wrapped, and no signature goes into it. */
        readonly body: string | undefined;
        readonly signatures: readonly ExplainedSignature[];
      }
    | undefined;
}
