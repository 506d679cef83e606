import type { Verdict } from '../auth/verify/verifier.ts';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { AttemptDetail, CallbackOutcome, Events } from '../core/events.ts';
import type { RawHeaders } from '../core/headers.ts';
import { oncePerInterval } from '../core/once-per-interval.ts';
import { pathOfTarget } from '../core/path.ts';
import type { Deliveries, Delivery } from '../store/deliveries.ts';
import type { Attempt, AttemptObserver } from './attempt.ts';
import { detailOf } from './attempt-phases.ts';
import type { Budgets } from './body/budget.ts';
import { NO_BODY, type RequestBody } from './body/request-body.ts';
import { collectBody } from './body/streaming-body.ts';
import type { CompiledCallback, CompiledConfig } from './compiled-config.ts';
import type { Downstream } from './downstream.ts';
import { ExchangeRecordBuilder } from './exchange-record.ts';
import { readHeadOf, type Head } from './request-head.ts';
import { answerEmpty, answerErrorOrCut, answerForwarded, asOutriderError } from './respond.ts';
import { checkTarget, parseAbsolute } from './target.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import type { Upstream } from './upstream.ts';
import { checkLoop } from './via.ts';

/** What the callbacks work with. */
export interface CallbackDeps {
  /** Returns the compiled config of the moment. */
  compiled(): Pick<CompiledConfig, 'callbacks'>;
  readonly upstream: Upstream;
  readonly deliveries: Deliveries;
  readonly events: Events;
  readonly clock: Clock;
  readonly budgets: Budgets;
  /** Our own name in `Via`. */
  readonly pseudonym: string;
  readonly nextRequestId: () => string;
  /** Reports to the operator why an application could not be reached. */
  report(error: OutriderError, requestId: string, route: string | undefined): void;
}

/** The largest body of a callback. */
const MAX_BYTES = 1024 * 1024;
/** No callback is sent again by us, so no body is kept for that. */
const KEEP_NOTHING = { memoryBytes: 0, spoolBytes: 0, dir: '' };
/** When the provider may send a callback again that could not be delivered, in seconds. */
const RETRY_AFTER = ['Retry-After', '10'];

/** Makes the error for any other method. */
export const noPost = (): OutriderError =>
  new OutriderError('method_not_allowed', { detail: 'a callback is a POST', headers: ['Allow', 'POST'] });

const undeliverable = (detail: string, options: Partial<ConstructorParameters<typeof OutriderError>[1]> = {}) =>
  new OutriderError('callback_undeliverable', { detail, headers: RETRY_AFTER, ...options });

/** Tells the operator why a callback is not verified: once in ten seconds for the same reason. */
function createRejectionNotices(events: Events, clock: Clock) {
  const isNews = oncePerInterval(clock);
  return (name: string, { outcome, why }: Extract<Verdict, { why: string }>, requestId: string): void => {
    if (!isNews(`${name} ${outcome} ${why}`)) return;
    const fields = { callback: name, outcome, reason: why, request_id: requestId };
    events.emit('notice', { level: 'warn', message: 'a callback was not verified', fields });
  };
}

/**
 * The life of one callback: match → read whole → verify → forward, unless it was delivered before → respond. The object is its own
 * record, and the observer of its attempt.
 */
class CallbackExchange extends ExchangeRecordBuilder implements AttemptObserver {
  readonly #downstream: Downstream;
  readonly #deps: CallbackDeps;
  readonly #tellRejection: ReturnType<typeof createRejectionNotices>;
  readonly #startedMs: number;
  #sentMs = 0;
  #body: RequestBody = NO_BODY;
  #attempt: Attempt | undefined;

  constructor(downstream: Downstream, deps: CallbackDeps, tellRejection: ReturnType<typeof createRejectionNotices>) {
    super(downstream.method, downstream.target);
    this.#downstream = downstream;
    this.#deps = deps;
    this.#tellRejection = tellRejection;
    this.#startedMs = deps.clock.monotonic();
    downstream.onClose = this.#finish.bind(this);
  }

  async run(): Promise<void> {
    try {
      this.requestId = this.#deps.nextRequestId();
      const head = readHeadOf(this.#downstream, this);
      checkLoop(head.via, this.#deps.pseudonym);
      const target = this.#readTarget();
      this.path = pathOfTarget(target);
      const callback = this.#find();
      this.route = callback.route;
      this.provider = callback.provider;
      const body = await this.#readBody();
      if (this.#downstream.isGone) return;
      const { method } = this;
      const { headers } = this.#downstream;
      const verdict = callback.verifier.verify(callback.name, { method, target, headers, body });
      if (verdict.outcome !== 'verified') throw this.#rejected(callback, verdict);
      const delivery = await this.#deps.deliveries.begin(callback.name, verdict.id, callback.timeoutMs);
      if (!delivery) throw this.#undelivered(callback, undeliverable('the same callback is being delivered'));
      await this.#deliver(callback, delivery, { head, target, body });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The target in origin form. Throws `bad_request`. */
  #readTarget(): string {
    const { target } = this.#downstream;
    const origin = target.startsWith('/') ? target : (parseAbsolute(target)?.target ?? target);
    checkTarget(origin);
    return origin;
  }

  /** The callback of the whole path. Throws `route_not_found` and `method_not_allowed`. */
  #find(): CompiledCallback {
    const callback = this.#deps.compiled().callbacks.get(this.path);
    if (!callback) {
      const remedy = 'Compare the path with the `callbacks` of the config: it is matched as a whole.';
      throw new OutriderError('route_not_found', { detail: `no callback has the path ${this.path}`, remedy });
    }
    if (this.method === 'POST') return callback;
    throw noPost();
  }

  async #readBody(): Promise<Uint8Array> {
    const downstream = this.#downstream;
    if (!downstream.hasBody) return new Uint8Array(0);
    if (!downstream.isReceived) await downstream.settle();
    const options = { limits: KEEP_NOTHING, budgets: this.#deps.budgets, declaredBytes: downstream.contentLength };
    try {
      this.#body = await collectBody(downstream, options, MAX_BYTES);
    } catch (error) {
      if (!(error instanceof OutriderError) || error.code !== 'body_too_large') throw error;
      const remedy = `Send less: a callback has ${MAX_BYTES} bytes at most.`;
      throw new OutriderError('body_too_large', { detail: error.detail, remedy, close: true });
    }
    if (downstream.isGone) this.#body.release();
    return this.#body.whole as Uint8Array;
  }

  #rejected({ name }: CompiledCallback, verdict: Extract<Verdict, { why: string }>): OutriderError {
    this.#tellRejection(name, verdict, this.requestId);
    this.#count(name, verdict.outcome);
    return new OutriderError('callback_rejected', { detail: 'the callback could not be verified' });
  }

  #undelivered({ name }: CompiledCallback, error: OutriderError): OutriderError {
    this.#count(name, 'undeliverable');
    return error;
  }

  #count(name: string, outcome: CallbackOutcome): void {
    this.#deps.events.emit('callback', { name, outcome });
  }

  async #deliver(
    callback: CompiledCallback,
    delivery: Delivery,
    { head, target, body }: { readonly head: Head; readonly target: string; readonly body: Uint8Array },
  ): Promise<void> {
    const { name, duplicates, windowMs } = callback;
    const outcome = delivery.timesSeen > 0 ? 'duplicate' : 'verified';
    // A caller who has gone doesn't know what came of it, and sends it again.
    if (this.#downstream.isGone || (outcome === 'duplicate' && duplicates === 'answer')) {
      await delivery.end(undefined);
      if (this.#downstream.isGone) return;
      this.#count(name, outcome);
      this.status = 200;
      answerEmpty(this.#downstream);
      return;
    }
    let answer: UpstreamAnswer;
    try {
      answer = await this.#send(callback, head, target, body, delivery.timesSeen);
    } catch (error) {
      await delivery.end(undefined);
      throw this.#undelivered(callback, this.#unanswered(callback, error));
    }
    const { status } = answer;
    await delivery.end(status >= 200 && status < 300 ? windowMs : undefined);
    if (status >= 500) {
      answer.discard();
      throw this.#undelivered(callback, undeliverable(`the application answered with status ${status}`));
    }
    this.#count(name, outcome);
    this.#respond(answer, callback);
  }

  async #send(
    { origin, target: base, requestHeaders, timeouts, timeoutMs }: CompiledCallback,
    { connectionOptions }: Head,
    target: string,
    body: Uint8Array,
    timesSeen: number,
  ): Promise<UpstreamAnswer> {
    const { clock, upstream } = this.#deps;
    const query = target.slice(this.path.length + 1);
    const joint = base.includes('?') ? '&' : '?';
    const seen: RawHeaders = timesSeen > 0 ? ['Outrider-Callback-Seen', String(timesSeen)] : [];
    this.upstream = origin;
    this.attempts = 1;
    this.#sentMs = clock.monotonic();
    const attempt = upstream.send({
      origin,
      method: 'POST',
      target: query === '' ? base : base + joint + query,
      headers: [...requestHeaders(this.#downstream.headers, connectionOptions), ...seen],
      body,
      streamBytes: body.length,
      timeouts,
      observer: this,
    });
    this.#attempt = attempt;
    const tooSlow = Promise.withResolvers<never>();
    const timer = clock.after(timeoutMs, () => {
      tooSlow.reject(undeliverable('the application did not answer in time'));
      attempt.abort();
    });
    try {
      return await Promise.race([attempt.answer, tooSlow.promise]);
    } finally {
      timer.cancel();
      attempt.answer.catch(() => undefined);
    }
  }

  #unanswered({ route }: CompiledCallback, thrown: unknown): OutriderError {
    const error = asOutriderError(thrown);
    this.#deps.report(error, this.requestId, route);
    if (error.code === 'callback_undeliverable') return error;
    const { outcome, cause, detail } = error;
    return undeliverable(DETAILS[error.code] ?? detail, { outcome, cause });
  }

  override get attemptDetails(): readonly AttemptDetail[] {
    return this.#attempt ? [detailOf(this.#attempt, undefined, 0, this.#startedMs)] : [];
  }

  /** Called by the attempt when it has its answer's head, or has failed. */
  onOutcome(status: number, error: OutriderError | undefined, atMs: number): void {
    this.upstreamMs = atMs - this.#sentMs;
    const { method } = this;
    const durationMs = this.upstreamMs;
    this.#deps.events.emit('attempt', { route: this.route ?? '', method, status, durationMs, error: error?.code });
  }

  #respond(answer: UpstreamAnswer, { timeoutMs }: CompiledCallback): void {
    if (this.#downstream.isGone) {
      answer.discard();
      return;
    }
    this.status = answer.status;
    answerForwarded(this.#downstream, answer, {
      extra: ['Via', `1.1 ${this.#deps.pseudonym}`],
      isBrowser: false,
      idleMs: timeoutMs,
      scrubber: undefined,
      onBroken: (error) => this.noteBreak(error),
    });
  }

  #fail(thrown: unknown): void {
    if (this.#downstream.isGone) return;
    const error = asOutriderError(thrown);
    this.noteFailure(error);
    this.#deps.events.emit('problem', { method: this.method, target: this.path, error });
    if (error.code === 'internal_error') this.#deps.report(error, this.requestId, this.route);
    answerErrorOrCut(this.#downstream, error, this.requestId, undefined, []);
  }

  #finish(isComplete: boolean): void {
    // The application goes on with what it has got: its answer decides whether the callback counts as delivered.
    if (!isComplete) {
      this.code ??= 'caller_gone';
      if (this.attempts > 0) this.outcome ??= 'unknown';
    }
    this.bytesIn = this.#body.bytesIn;
    this.bytesOut = this.#downstream.bytesOut;
    this.#body.release();
    this.durationMs = this.#deps.clock.monotonic() - this.#startedMs;
    this.#deps.events.emit('exchange', this);
  }
}

/** What an attempt's error says of an application. */
const DETAILS: Readonly<Partial<Record<OutriderError['code'], string>>> = {
  upstream_timeout: 'the application did not answer in time',
  upstream_bad_response: 'the application answered something that is not valid HTTP',
  upstream_failed: 'the connection to the application broke before the answer was complete',
  upstream_unreachable: 'no connection to the application came about',
};

/** Returns the handler for the listener of callbacks. It never throws. Each request emits one `exchange`. */
export function createCallbackExchange(deps: CallbackDeps): (downstream: Downstream) => void {
  const tellRejection = createRejectionNotices(deps.events, deps.clock);
  return (downstream) => {
    deps.events.emit('started');
    void new CallbackExchange(downstream, deps, tellRejection).run();
  };
}
