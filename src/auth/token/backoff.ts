import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import type { TokenFailure } from './failure.ts';

/** Callers are told "no" at once until the next attempt, which is this far away at most. */
const LONGEST_FOR_CALLERS_MS = 5_000;
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const REFUSED_MS = 30_000;

/** A failure, and until when it is remembered. Times are monotonic. */
interface Remembered {
  readonly failure: TokenFailure;
  /** How many failures there were in a row, this one included. */
  readonly count: number;
  readonly callersUntil: number;
  readonly renewalsUntil: number;
  /** The credentials that were refused. */
  readonly refusedVersion: number | undefined;
}

export interface BackoffParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly credentialsVersion: () => number;
}

/** The failures of a token endpoint in a row, and how long to leave it alone for them. */
export class Backoff {
  readonly #parts: BackoffParts;
  #last: Remembered | undefined;

  constructor(parts: BackoffParts) {
    this.#parts = parts;
  }

  /** What a caller without a token is answered with now, without another attempt. */
  get forCallers(): TokenFailure | undefined {
    const last = this.#remembered();
    return last && last.callersUntil > this.#parts.clock.monotonic() ? last.failure : undefined;
  }

  /** Why a valid token is not renewed for now, and for how long. */
  get rest(): { readonly failure: TokenFailure; readonly leftMs: number } | undefined {
    const last = this.#remembered();
    const leftMs = (last?.renewalsUntil ?? 0) - this.#parts.clock.monotonic();
    return last && leftMs > 0 ? { failure: last.failure, leftMs } : undefined;
  }

  /**
   * Remembers a failure that credentials of this version met with: 1 s doubling to 60 s, less up to a fifth so that replicas
   * don't march in step; longer where the endpoint says so.
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

  /** Tells whether there was anything to forget. */
  forget(): boolean {
    const isNews = this.#last !== undefined;
    this.#last = undefined;
    return isNews;
  }

  /** The answer for somebody whose token call failed so; says when the next attempt is made. */
  unavailable(failure: TokenFailure): OutriderError {
    const leftMs = (this.#last?.callersUntil ?? 0) - this.#parts.clock.monotonic();
    return new OutriderError('token_unavailable', {
      detail: failure.detail,
      cause: failure,
      remedy: `${failure.remedy} Send the request again after \`Retry-After\`.`,
      headers: ['Retry-After', String(Math.max(Math.ceil(leftMs / 1000), 1))],
    });
  }

  /** The last failure, unless a call has brought a token since. */
  get failure(): TokenFailure | undefined {
    return this.#remembered()?.failure;
  }

  /** When it is the credentials that were refused, others are tried at once. */
  #remembered(): Remembered | undefined {
    const refused = this.#last?.refusedVersion;
    if (refused !== undefined && refused !== this.#parts.credentialsVersion()) this.#last = undefined;
    return this.#last;
  }
}
