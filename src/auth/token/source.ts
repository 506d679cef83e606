import type { RenewSpec } from '../../config/profile/profile.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import type { Events, NoticeRecord, RenewalReason } from '../../core/events.ts';
import type { RenewalTrace, Tracing, WaitTrace } from '../../core/tracing.ts';
import type { ChangeListener, TokenRecord, TokenStore } from '../../store/store.ts';
import { reconcile } from './reconcile.ts';
import { Backoff } from './backoff.ts';
import type { ArrivedToken } from './endpoint.ts';
import { type RenewalDeps, renewUnderLock } from './renew-under-lock.ts';
import { asFailure, type TokenFailure } from './failure.ts';
import { type ActiveToken, activate, isLive, isNewer } from './active-token.ts';
import { CancellableDelay } from './cancellable-delay.ts';
import { notRenewed, type Skip, tooYoung } from './skip.ts';
import type { TokenStanding } from './standing.ts';
import type { Waiter, Waiting } from './waiting.ts';

/** What a token source works with. */
export interface SourceParts {
  readonly key: string;
  readonly provider: string;
  readonly renew: RenewSpec;
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly events: Events;
  readonly waiting: Waiting;
  readonly random: () => number;
  /** The first token gets the generation after this one. */
  readonly after: number;
  /** Whether the profile can use a refresh token. */
  readonly canRefresh: boolean;
  /** The time limit of `call`. */
  readonly callTimeoutMs: number;
  readonly credentialsVersion: () => number;
  /** Whether a failure with this detail is worth a notice: no other source has reported it lately. */
  readonly isNews: (detail: string) => boolean;
  /** Undefined while tracing is off. */
  readonly tracing: Tracing | undefined;
  /** Gets a token from the endpoint, by the refresh grant if `last` has a refresh token. Rejects with {@link TokenFailure}. */
  readonly call: (last: TokenRecord | undefined, trace: RenewalTrace | undefined) => Promise<ArrivedToken>;
}

/**
 * A newer token that replaces a rejected one, or why there is none. `renewed` is false when the newer token was there already.
 */
export type Replacement = { readonly record: TokenRecord; readonly renewed: boolean } | Skip;

type Flight = Promise<TokenRecord | TokenFailure>;
type Accepts = RenewalDeps['accepts'];

/** The longest delay that `setTimeout` accepts. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The token of one provider and subject: its generations, the one call under way, its renewal in the background, and the
 * back-off after failures. Deadlines are monotonic.
 */
export class TokenSource {
  readonly #parts: SourceParts;
  /** The newest known token, expired or not. */
  #active: ActiveToken | undefined;
  /** The highest known generation. */
  #generation: number;
  /** Whether a request has used the token since its last renewal. An unused token is not renewed in the background again. */
  #isUsed = false;
  #flight: Flight | undefined;
  /** The span of the call under way. */
  #trace: RenewalTrace | undefined;
  #byHand: Promise<TokenRecord> | undefined;
  #lastByHandAt = -Infinity;
  #lastFailure: TokenStanding['lastFailure'];
  readonly #backoff: Backoff;
  #timer: Timer | undefined;
  #isClosed = false;
  readonly #unwatch: () => void;
  /** The pause of the call under way while another process renews. */
  readonly #delay: CancellableDelay;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#generation = parts.after;
    this.#backoff = new Backoff(parts);
    this.#delay = new CancellableDelay(parts.clock);
    this.#unwatch = parts.store.watch(parts.key, this.#hear);
  }

  /** The highest known generation; {@link SourceParts.after} before the first token. */
  get generation(): number {
    return this.#generation;
  }

  /** The newest token known, expired or not. */
  get newest(): TokenRecord | undefined {
    return this.#active?.record;
  }

  /** Whether a token call is under way. */
  get isBusy(): boolean {
    return this.#flight !== undefined;
  }

  /** The state of the token, as a person is told it. */
  get standing(): TokenStanding {
    const { clock } = this.#parts;
    const active = this.#active;
    const isAlive = this.#live() !== undefined;
    const failure = this.#backoff.failure;
    const settled = isAlive ? 'valid' : failure ? 'failed' : active ? 'expired' : 'none';
    const dueInMs = this.#backoff.rest?.leftMs ?? (active ? active.renewAt - clock.monotonic() : Infinity);
    const isDue = isAlive && this.#isUsed && dueInMs !== Infinity;
    return {
      state: this.#flight ? 'renewing' : settled,
      generation: active?.record.generation ?? 0,
      type: active?.record.tokenType,
      issuedAtMs: active?.record.issuedAtMs,
      expiresAtMs: active?.record.expiresAtMs,
      nextRenewalAtMs: isDue ? clock.now() + Math.max(dueInMs, 0) : undefined,
      lastFailure: this.#lastFailure,
    };
  }

  /** The valid token, if there is one. Starts its renewal when that is due. Never waits. */
  current(): TokenRecord | undefined {
    const { clock } = this.#parts;
    const active = this.#active;
    const now = clock.monotonic();
    if (active === undefined || !isLive(active, clock, now)) return this.#load()?.record;
    this.#isUsed = true;
    if (now >= active.renewAt) this.#renewBehind();
    return active.record;
  }

  /**
   * Waits for the token call under way, or starts one. Throws `token_unavailable`, and `overloaded` when too many wait already.
   * @param reason Why the call is made, for logs and metrics, if this starts one.
   */
  async wait(waiter: Waiter, reason: RenewalReason = 'cold'): Promise<TokenRecord> {
    const { waiting } = this.#parts;
    const failure = this.#flight ? undefined : this.#backoff.forCallers;
    if (failure) throw this.#backoff.unavailable(failure);
    waiting.enter(waiter, this);
    try {
      // The token of another process is accepted: this caller has none yet, so any valid one will do.
      return await this.#landed(reason, () => true, waiter);
    } finally {
      waiting.leave(waiter);
    }
  }

  /** Gets a new token, even if the current one is valid. Throws `token_unavailable`. */
  async renew(): Promise<TokenRecord> {
    const stored = await this.#stored();
    const before = Math.max(this.#generation, stored?.generation ?? 0);
    return this.#landed('manual', ({ generation }) => generation > before);
  }

  /**
   * Renews the token because a person asks for it. Ignores the back-off, and joins a call under way. Throws `renewed_recently`
   * when the token, or the last renewal by a person, is younger than the cooldown.
   */
  renewByHand(): Promise<TokenRecord> {
    const { clock, renew } = this.#parts;
    if (this.#byHand) return this.#byHand;
    const now = clock.monotonic();
    const ageMs = now - Math.max(this.#lastByHandAt, this.#live()?.arrivedAt ?? -Infinity);
    if (!this.#flight && ageMs < renew.cooldownMs) return Promise.reject(renewedRecently(ageMs, renew.cooldownMs));
    this.#lastByHandAt = now;
    this.#byHand = (this.#flight ? this.#landed('manual', () => true) : this.renew()).finally(() => {
      this.#byHand = undefined;
    });
    return this.#byHand;
  }

  /**
   * Finds the token to use after one of `generation` was rejected. If no newer one is there, it renews, once for all requests
   * that ask. Never rejects.
   * @param rejectedAtMs When the rejection arrived, by `clock.now()`.
   * @param waiter The request that was rejected.
   */
  async replace(generation: number, rejectedAtMs: number, waiter?: Waiter): Promise<Replacement> {
    const { clock, renew } = this.#parts;
    this.#generation = Math.max(this.#generation, generation);
    const active = this.#live() ?? this.#load();
    if (active) {
      if (!isThat(active, generation)) {
        this.#isUsed = true;
        return { record: active.record, renewed: false };
      }
      const sinceMs = Math.max(clock.now() - rejectedAtMs, 0);
      const ageMs = clock.monotonic() - active.arrivedAt - sinceMs;
      if (ageMs < renew.cooldownMs) return tooYoung(ageMs, renew.cooldownMs);
    }
    const rest = this.#flight ? undefined : this.#backoff.rest;
    if (rest) return notRenewed(rest.failure.detail, rest.leftMs);
    const landed = await this.#fly('rejected', (stored) => stored.generation > generation, waiter);
    if (landed instanceof Error) return notRenewed(landed.detail);
    const after = this.#active;
    if (!after || isThat(after, generation)) return notRenewed('the renewal brought the same token again');
    this.#isUsed = true;
    return { record: after.record, renewed: true };
  }

  /** Stops renewal in the background. Requests under way are still served. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#unwatch();
  }

  async #landed(reason: RenewalReason, accepts: Accepts, waiter?: Waiter): Promise<TokenRecord> {
    const landed = await this.#fly(reason, accepts, waiter);
    if (landed instanceof Error) throw this.#backoff.unavailable(landed);
    this.#isUsed = true;
    return landed;
  }

  /** Joins the call under way, or starts one. Resolves with a failure and never rejects. */
  #fly(reason: RenewalReason, accepts: Accepts, waiter?: Waiter): Flight {
    const wait = waiter?.trace?.waitForToken(this.#parts.provider);
    if (this.#flight && this.#trace) wait?.link(this.#trace);
    this.#flight ??= this.#run(reason, accepts, waiter, wait).finally(() => {
      this.#flight = undefined;
    });
    return wait ? traced(this.#flight, wait) : this.#flight;
  }

  #run(reason: RenewalReason, accepts: Accepts, waiter: Waiter | undefined, wait: WaitTrace | undefined): Flight {
    const { provider, tracing } = this.#parts;
    this.#trace = (wait ?? tracing)?.renewal(provider, reason);
    const flight = this.#obtain(reason, accepts, waiter, this.#trace);
    return this.#trace ? traced(flight, this.#trace) : flight;
  }

  async #obtain(
    reason: RenewalReason,
    accepts: Accepts,
    waiter: Waiter | undefined,
    trace: RenewalTrace | undefined,
  ): Flight {
    const { clock, events, provider, credentialsVersion } = this.#parts;
    let startedAt = clock.monotonic();
    let version = credentialsVersion();
    const call: RenewalDeps['call'] = async (last) => {
      startedAt = clock.monotonic();
      version = credentialsVersion();
      const arrived = await this.#parts.call(last, trace);
      if (arrived.lifetimeMs <= 0) {
        const fields = { lifetime_ms: arrived.lifetimeMs };
        this.#notice('warn', 'The token endpoint gave a token that has expired already', fields);
      }
      return arrived;
    };
    const tell = (rest: { readonly expiresAtMs: number } | { readonly detail: string }): void => {
      const outcome = 'detail' in rest ? 'failed' : 'ok';
      events.emit('renewal', { provider, reason, outcome, durationMs: clock.monotonic() - startedAt, ...rest });
    };
    try {
      const { record, hasCalled } = await renewUnderLock({
        ...this.#parts,
        call,
        accepts,
        known: () => this.#active?.record,
        generation: () => this.#generation,
        pause: (ms) => this.#delay.wait(ms),
      });
      if (hasCalled) tell({ expiresAtMs: record.expiresAtMs });
      // A newer token of another process may have arrived while this one was on its way.
      const active = this.#live()?.record;
      const isLate = active && active.generation >= record.generation && active.accessToken !== record.accessToken;
      return isLate ? active : this.#adopt(record).record;
    } catch (error) {
      const failure = asFailure(error);
      tell({ detail: failure.detail });
      // Another process may have had better luck.
      const stored = this.#parts.store.isShared ? await this.#stored() : undefined;
      if (stored && stored.expiresAtMs > clock.now() && accepts(stored)) return this.#adopt(stored).record;
      this.#fail(failure, version, { reason, ...(waiter && { request_id: waiter.requestId, route: waiter.route }) });
      return failure;
    }
  }

  async #stored(): Promise<TokenRecord | undefined> {
    try {
      return await this.#parts.store.get(this.#parts.key);
    } catch {
      // The store reports its own failures.
      return undefined;
    }
  }

  #live(): ActiveToken | undefined {
    return this.#active && isLive(this.#active, this.#parts.clock) ? this.#active : undefined;
  }

  /** Adopts the valid record of a store that answers at once. A shared store doesn't. */
  #load(): ActiveToken | undefined {
    const { store, key, clock } = this.#parts;
    if (store.isShared || this.#flight) return undefined;
    const stored = store.get(key);
    if (stored === undefined || stored instanceof Promise || stored.expiresAtMs <= clock.now()) return undefined;
    const active = this.#adopt(stored);
    this.#isUsed = true;
    return active;
  }

  /** Handles news of the store: another process has renewed, or the store is back. */
  readonly #hear: ChangeListener = (news) => {
    this.#delay.cancel();
    void this.#follow(news === 'returned');
  };

  async #follow(isBack: boolean): Promise<void> {
    const { store, key, clock } = this.#parts;
    const ours = isBack ? this.#live()?.record : undefined;
    const stored = ours ? await reconcile(store, key, ours, clock).catch(() => undefined) : await this.#stored();
    if (!stored || stored.expiresAtMs <= clock.now()) return;
    const active = this.#live();
    if (active === undefined || isNewer(stored, active.record)) this.#adopt(stored);
  }

  #adopt(record: TokenRecord): ActiveToken {
    const { clock } = this.#parts;
    if (this.#backoff.forget()) this.#notice('info', 'The token endpoint works again');
    const active = activate(record, this.#active, this.#parts);
    this.#active = active;
    this.#generation = Math.max(this.#generation, record.generation);
    this.#isUsed = false;
    this.#arm(active.renewAt - clock.monotonic());
    return active;
  }

  /** Reports a failure, once. Requests that wait for the token are only answered, so they add no lines to the log. */
  #fail(failure: TokenFailure, version: number, asked: Readonly<Record<string, unknown>>): void {
    const { isNews, restMs } = this.#backoff.fail(failure, version);
    this.#lastFailure = { detail: failure.detail, atMs: this.#parts.clock.now() };
    this.#arm(restMs);
    if (!isNews || !this.#parts.isNews(failure.detail)) return;
    const level = failure.failure === 'refused' ? 'error' : 'warn';
    this.#notice(level, failure.detail, { code: 'token_unavailable', ...asked, cause: failure.cause });
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isClosed || delayMs === Infinity) return;
    this.#timer = this.#parts.clock.after(Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS), () => {
      if (delayMs > LONGEST_TIMER_MS) this.#arm(delayMs - LONGEST_TIMER_MS);
      else if (this.#isUsed && this.#live()) this.#renewBehind();
    });
  }

  #renewBehind(): void {
    const active = this.#active?.record;
    if (this.#flight || this.#isClosed || this.#backoff.rest) return;
    void this.#fly('background', (stored) => !active || isNewer(stored, active));
  }

  #notice(level: NoticeRecord['level'], message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const known = Object.entries(fields).filter(([, value]) => value !== undefined);
    const { events, provider } = this.#parts;
    events.emit('notice', { level, message, fields: { provider, ...Object.fromEntries(known) } });
  }
}

/** Ends `trace` when the call lands. */
async function traced(flight: Flight, trace: WaitTrace | RenewalTrace): Flight {
  const landed = await flight;
  trace.end(landed instanceof Error ? landed.failure : undefined);
  return landed;
}

function renewedRecently(ageMs: number, cooldownMs: number): OutriderError {
  const { why } = tooYoung(ageMs, cooldownMs);
  const leftS = Math.max(Math.ceil((cooldownMs - ageMs) / 1_000), 1);
  return new OutriderError('renewed_recently', { detail: why, headers: ['Retry-After', String(leftS)] });
}

/** Whether the token of `generation` is the active one. The same token can have several generations. */
const isThat = ({ record, since }: ActiveToken, generation: number): boolean =>
  since <= generation && generation <= record.generation;
