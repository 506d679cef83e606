import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import type { TokenFailure } from './failure.ts';

/** After a failure, callers without a token are refused at once until the next attempt, which is at most this far away. */
const LONGEST_FOR_CALLERS_MS = 5_000;
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const REFUSED_MS = 30_000;

/** A failure and how long it counts. Times are monotonic. */
interface Remembered {
  readonly failure: TokenFailure;
  /** The number of failures in a row, with this one. */
  readonly count: number;
  readonly callersUntil: number;
  readonly renewalsUntil: number;
  /** The version of the credentials that were refused; undefined for other failures. */
  readonly refusedVersion: number | undefined;
}

/** What a back-off works with. `random` yields numbers from 0 to below 1. */
export interface BackoffParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly credentialsVersion: () => number;
}

/** How long to leave a token endpoint alone after its last failures in a row. */
export class Backoff {
  readonly #parts: BackoffParts;
  #last: Remembered | undefined;

  constructor(parts: BackoffParts) {
    this.#parts = parts;
  }

  /** The failure to answer a caller without a token with now; undefined when another attempt may be made. */
  get forCallers(): TokenFailure | undefined {
    const last = this.#remembered();
    return last && last.callersUntil > this.#parts.clock.monotonic() ? last.failure : undefined;
  }

  /**
   * The failure because of which a valid token is not renewed now, and the time that is left; undefined when it may be renewed.
   */
  get rest(): { readonly failure: TokenFailure; readonly leftMs: number } | undefined {
    const last = this.#remembered();
    const leftMs = (last?.renewalsUntil ?? 0) - this.#parts.clock.monotonic();
    return last && leftMs > 0 ? { failure: last.failure, leftMs } : undefined;
  }

  /**
   * Remembers a failure. `version` is the version of the credentials that the call used. The rest is 1 s, doubling to 60 s,
   * less up to a fifth at random, so that replicas don't call at once. It is longer if the endpoint asks for it, and at least
   * 30 s after refused credentials.
   * `isNews` is false if the failure before had the same detail. `restMs` is the time until a renewal may be tried again.
   */
  fail(failure: TokenFailure, version: number): { readonly isNews: boolean; readonly restMs: number } {
    const { clock, random } = this.#parts;
    const now = clock.monotonic();
    const before = this.#last;
    const count = (before?.count ?? 0) + 1;
    const backoffMs = Math.min(FIRST_MS * 2 ** Math.min(count - 1, 16), LONGEST_MS) * (1 - random() / 5);
    const asked = failure.failure === 'refused' ? REFUSED_MS : failure.retryAfterMs;
    const callersMs = asked === undefined ? Math.min(backoffMs, LONGEST_FOR_CALLERS_MS) : Math.max(asked, FIRST_MS);
    const restMs = Math.ceil(Math.max(backoffMs, asked ?? 0));
    this.#last = {
      failure,
      count,
      callersUntil: now + Math.ceil(callersMs),
      renewalsUntil: now + restMs,
      refusedVersion: failure.failure === 'refused' ? version : undefined,
    };
    return { isNews: before?.failure.detail !== failure.detail, restMs };
  }

  /** Forgets the failures after a success; tells whether there were any. */
  forget(): boolean {
    const isNews = this.#last !== undefined;
    this.#last = undefined;
    return isNews;
  }

  /**
   * The `token_unavailable` error for a request whose token call failed so. Its `Retry-After` says when the next attempt is
   * possible.
   */
  unavailable(failure: TokenFailure): OutriderError {
    const leftMs = (this.#last?.callersUntil ?? 0) - this.#parts.clock.monotonic();
    return new OutriderError('token_unavailable', {
      detail: failure.detail,
      cause: failure,
      remedy: `${failure.remedy} Send the request again after \`Retry-After\`.`,
      headers: ['Retry-After', String(Math.max(Math.ceil(leftMs / 1000), 1))],
    });
  }

  /** The last failure, until a call brings a token. */
  get failure(): TokenFailure | undefined {
    return this.#remembered()?.failure;
  }

  /** Refused credentials that have changed since are tried at once, so their failure is forgotten. */
  #remembered(): Remembered | undefined {
    const refused = this.#last?.refusedVersion;
    if (refused !== undefined && refused !== this.#parts.credentialsVersion()) this.#last = undefined;
    return this.#last;
  }
}
