import type { RenewSpec } from '../../config/profile.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import type { Events, NoticeRecord, RenewalReason } from '../../core/events.ts';
import type { TokenRecord, TokenStore } from '../../store/store.ts';
import { isOutdated, remember, type RememberedFailure } from './backoff.ts';
import type { ArrivedToken } from './caller.ts';
import { type TokenFailure, toFailure } from './failure.ts';
import { renewAtMs } from './schedule.ts';

/** Counts the requests of one provider that wait for a token. */
export interface Waiting {
  count: number;
  readonly max: number;
}

export interface SourceParts {
  readonly key: string;
  readonly provider: string;
  readonly renew: RenewSpec;
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly events: Events;
  readonly waiting: Waiting;
  readonly random: () => number;
  /** The first token's generation is the one after this. */
  readonly after: number;
  readonly credentialsVersion: () => number;
  /** Gets a token from the endpoint; rejects with {@link TokenFailure}. */
  readonly call: (last: TokenRecord | undefined) => Promise<ArrivedToken>;
}

/** A newer token in place of a rejected one, or why there is none. */
export type Replacement =
  | { readonly record: TokenRecord; readonly renewed: boolean }
  | { readonly skip: 'cooldown' | 'renewal_failed' };

type Flight = Promise<TokenRecord | TokenFailure>;

/** setTimeout takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The token of one provider and subject: its generations, the one call under way, the renewal behind the requests' backs,
 * and what is remembered of failures (http.md rules 20–23, 26–31).
 */
export class TokenSource {
  readonly #parts: SourceParts;
  /** The newest one known, expired or not. */
  #record: TokenRecord | undefined;
  /** The highest generation heard of. */
  #generation: number;
  /** Whether a request has had the token since it was last renewed; one that nobody uses isn't renewed again. */
  #isUsed = false;
  #renewAtMs = Infinity;
  #flight: Flight | undefined;
  #failure: RememberedFailure | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#generation = parts.after;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Whether a token call is under way. */
  get isBusy(): boolean {
    return this.#flight !== undefined;
  }

  /** The token to use now, if there is a valid one; starts its renewal when that is due. Takes no time. */
  current(): TokenRecord | undefined {
    const nowMs = this.#parts.clock.now();
    const record = this.#record;
    if (record === undefined || record.expiresAtMs <= nowMs) return this.#load(nowMs);
    this.#isUsed = true;
    if (nowMs >= this.#renewAtMs) this.#renewBehind(nowMs);
    return record;
  }

  /** The token that the call under way brings, or one that this starts. Throws `token_unavailable`, `overloaded`. */
  async wait(reason: RenewalReason = 'cold'): Promise<TokenRecord> {
    const { clock, waiting } = this.#parts;
    if (!this.#flight) {
      const remembered = this.#remembered();
      if (remembered && remembered.callersUntilMs > clock.now()) throw this.#unavailable(remembered.failure);
    }
    if (waiting.count >= waiting.max) {
      throw new OutriderError('overloaded', {
        detail: `${waiting.max} requests are waiting for a token already.`,
        headers: ['Retry-After', '1'],
      });
    }
    waiting.count++;
    try {
      return await this.#landed(reason);
    } finally {
      waiting.count--;
    }
  }

  /** A new token, whatever there is. Throws `token_unavailable`. */
  renew(): Promise<TokenRecord> {
    return this.#landed('manual');
  }

  /** What to use after `generation` was rejected at `rejectedAtMs`: renews once for all that ask. Never throws. */
  async replace(generation: number, rejectedAtMs: number): Promise<Replacement> {
    const { clock, renew } = this.#parts;
    const nowMs = clock.now();
    this.#generation = Math.max(this.#generation, generation);
    const record = this.#record && this.#record.expiresAtMs > nowMs ? this.#record : this.#load(nowMs);
    if (record) {
      if (record.generation !== generation) {
        this.#isUsed = true;
        return { record, renewed: false };
      }
      if (rejectedAtMs - record.issuedAtMs < renew.cooldownMs) return { skip: 'cooldown' };
    }
    if (!this.#flight && this.#isBackingOff(nowMs)) return { skip: 'renewal_failed' };
    const landed = await this.#fly('rejected');
    if (landed instanceof Error || landed.generation === generation) return { skip: 'renewal_failed' };
    this.#isUsed = true;
    return { record: landed, renewed: true };
  }

  /** No more renewals behind the back; requests under way are still served. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #landed(reason: RenewalReason): Promise<TokenRecord> {
    const landed = await this.#fly(reason);
    if (landed instanceof Error) throw this.#unavailable(landed);
    this.#isUsed = true;
    return landed;
  }

  /** Joins the call under way, or starts one. */
  #fly(reason: RenewalReason): Flight {
    this.#flight ??= this.#run(reason).finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  async #run(reason: RenewalReason): Flight {
    const { clock, events, provider, call, credentialsVersion } = this.#parts;
    const startedMs = clock.monotonic();
    const version = credentialsVersion();
    try {
      const newer = reason === 'manual' ? undefined : await this.#stored();
      if (newer && newer.generation !== this.#record?.generation) return this.#adopt(newer);
      const record = await this.#keep(await call(this.#record));
      const durationMs = clock.monotonic() - startedMs;
      events.emit('renewal', { provider, reason, outcome: 'ok', durationMs, expiresAtMs: record.expiresAtMs });
      if (this.#failure) this.#notice('info', 'The token endpoint works again');
      this.#failure = undefined;
      return this.#adopt(record);
    } catch (error) {
      const failure = toFailure(error);
      this.#fail(failure, version);
      const durationMs = clock.monotonic() - startedMs;
      events.emit('renewal', { provider, reason, outcome: 'failed', durationMs, detail: failure.detail });
      return failure;
    }
  }

  /** Makes a record of the answer and stores it; what counts is what the store holds afterwards. */
  async #keep(answer: ArrivedToken): Promise<TokenRecord> {
    const { key, store, renew } = this.#parts;
    const { accessToken, tokenType, refreshToken, arrivedAtMs } = answer;
    let { lifetimeMs } = answer;
    if (lifetimeMs <= 0) {
      this.#notice('warn', 'The token endpoint gave a token that has expired already', { lifetime_ms: lifetimeMs });
      lifetimeMs = Math.max(renew.cooldownMs, 1000);
    }
    const last = this.#record;
    const stored = await this.#stored();
    const newest = Math.max(this.#generation, stored?.generation ?? 0);
    const next: TokenRecord = {
      // The same token again is no new generation, only a new expiry.
      generation: last?.accessToken === accessToken ? last.generation : newest + 1,
      accessToken,
      tokenType,
      refreshToken,
      issuedAtMs: arrivedAtMs,
      expiresAtMs: arrivedAtMs + lifetimeMs,
    };
    if (stored && next.generation < stored.generation) return stored;
    try {
      if (await store.compareAndSet(key, stored?.generation ?? 0, next)) return next;
      return (await store.get(key)) ?? next;
    } catch {
      this.#notice('warn', 'The token store does not work: the token is kept in this process only');
      return next;
    }
  }

  async #stored(): Promise<TokenRecord | undefined> {
    const { key, store } = this.#parts;
    try {
      return await store.get(key);
    } catch {
      this.#notice('warn', 'The token store does not work: it is asked again at the next token call');
      return undefined;
    }
  }

  /** What the store holds, where it answers at once. */
  #load(nowMs: number): TokenRecord | undefined {
    if (this.#flight) return undefined;
    const stored = this.#parts.store.get(this.#parts.key);
    if (stored instanceof Promise) {
      // The call that follows asks again, and tells of an error.
      stored.catch(() => undefined);
      return undefined;
    }
    if (stored === undefined || stored.expiresAtMs <= nowMs) return undefined;
    this.#adopt(stored);
    this.#isUsed = true;
    return stored;
  }

  #adopt(record: TokenRecord): TokenRecord {
    const { clock, renew, random } = this.#parts;
    this.#record = record;
    this.#generation = Math.max(this.#generation, record.generation);
    this.#isUsed = false;
    this.#renewAtMs = renewAtMs(record, renew, random);
    this.#arm(this.#renewAtMs - clock.now());
    return record;
  }

  #fail(failure: TokenFailure, credentialsVersion: number): void {
    const { clock, random } = this.#parts;
    const before = this.#failure;
    const nowMs = clock.now();
    this.#failure = remember(failure, before, credentialsVersion, nowMs, random);
    if (before?.failure.failure !== failure.failure) {
      this.#notice(failure.failure === 'refused' ? 'error' : 'warn', failure.detail);
    }
    this.#arm(this.#failure.renewalsUntilMs - nowMs);
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isClosed || delayMs === Infinity) return;
    this.#timer = this.#parts.clock.after(Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS), () => {
      const nowMs = this.#parts.clock.now();
      if (delayMs > LONGEST_TIMER_MS) this.#arm(delayMs - LONGEST_TIMER_MS);
      else if (this.#isUsed && this.#record && this.#record.expiresAtMs > nowMs) this.#renewBehind(nowMs);
    });
  }

  #renewBehind(nowMs: number): void {
    if (this.#flight || this.#isClosed || this.#isBackingOff(nowMs)) return;
    void this.#fly('background');
  }

  #isBackingOff(nowMs: number): boolean {
    const remembered = this.#remembered();
    return remembered !== undefined && remembered.renewalsUntilMs > nowMs;
  }

  #remembered(): RememberedFailure | undefined {
    if (this.#failure && isOutdated(this.#failure, this.#parts.credentialsVersion())) this.#failure = undefined;
    return this.#failure;
  }

  #unavailable(failure: TokenFailure): OutriderError {
    const leftMs = (this.#failure?.callersUntilMs ?? 0) - this.#parts.clock.now();
    return new OutriderError('token_unavailable', {
      detail: failure.detail,
      cause: failure,
      headers: ['Retry-After', String(Math.max(Math.ceil(leftMs / 1000), 1))],
    });
  }

  #notice(level: NoticeRecord['level'], message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#parts.events.emit('notice', { level, message, fields: { provider: this.#parts.provider, ...fields } });
  }
}
