import type { Authorized, Authorizer, Outbound } from '../auth/authorizer.ts';
import type { Waiter } from '../auth/token/waiting.ts';
import { originOfDestination, type Destination } from '../core/authority.ts';
import { OutriderError } from '../core/errors.ts';
import type { AttemptDetail, Door } from '../core/events.ts';
import { addedNames, type RawHeaders } from '../core/headers.ts';
import type { MaybePromise } from '../core/http.ts';
import { pathOfTarget } from '../core/path.ts';
import type { AttemptTrace, RequestTrace } from '../core/tracing.ts';
import { awaitFirstChunk } from './body/first-chunk.ts';
import { collectBody, openBody } from './body/streaming-body.ts';
import { callerDenied, type Caller } from './callers.ts';
import {
  authenticate,
  checkForwardable,
  enter,
  findRoute,
  isAllowed,
  isPreflight,
  tokenAnswer,
  withoutRoute,
} from './doors/enter.ts';
import type { Answering, Downstream } from './downstream.ts';
import type { SentRequest } from './sent-request.ts';
import { HeldAnswer } from './held-answer.ts';
import { isHandshake, PassingBody } from './websocket/handshake.ts';
import type { CompiledConfig, ExchangeDeps, CompiledRoute } from './compiled-config.ts';
import { isRejection } from './rejection.ts';
import { readHeadOf, type Head } from './request-head.ts';
import { answerErrorOrCut, answerForwarded, answerOk, answerPreflight, asOutriderError } from './respond.ts';
import { detailsOf, type ReplayDecision, skipBecause, type ReplaySkip, unrepeatable } from './replay-skip.ts';
import { createScrubber, type Scrubber } from './scrub.ts';
import { signedAnswer } from './signed-answer.ts';
import { joinTarget } from './target.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import type { Attempt, AttemptObserver, UpstreamRequest } from './attempt.ts';
import { detailOf } from './attempt-phases.ts';
import { ExchangeRecordBuilder } from './exchange-record.ts';
import { NO_BODY, type BodyOptions, type RequestBody } from './body/request-body.ts';

/**
 * The life of one request: guard → match → authorize → send → (renew → send again, once) → respond. The object is its own
 * record, the observer of its attempts, and the waiter for its token.
 */
class Exchange extends ExchangeRecordBuilder implements AttemptObserver, Waiter {
  readonly #downstream: Downstream;
  readonly #deps: ExchangeDeps;
  readonly #compiled: CompiledConfig;
  readonly #startedMs: number;
  #firstSentMs = 0;
  #sentMs = 0;
  #body: RequestBody = NO_BODY;
  /** Where it wants to go, at a forward door. */
  #destination: Destination | undefined;
  #isHandshake = false;
  #isConditional = false;
  readonly #attempts: Attempt[] = [];
  /** What each attempt sent. */
  readonly #sent: SentRequest[] = [];
  #withoutCredential: RawHeaders = [];
  /** Whether its token was rejected, and it is not decided yet what follows. */
  #isRejected = false;
  readonly #trace: RequestTrace | undefined;
  #attemptTrace: AttemptTrace | undefined;
  /** Since when it waits for a token. NaN while it doesn't. */
  #waitsFromMs = Number.NaN;
  #cors: RawHeaders | undefined;
  /** Whether the audit trail has been told of it. */
  #isAudited = false;
  #scrubber: Scrubber | undefined;
  /** Set while the request counts as one of its caller. */
  #counted: Caller | undefined;

  constructor(downstream: Downstream, deps: ExchangeDeps) {
    super(downstream.method, downstream.target);
    this.#downstream = downstream;
    this.#destination = downstream.context?.tunnel?.destination;
    this.#deps = deps;
    this.#compiled = deps.compiled();
    this.#startedMs = deps.clock.monotonic();
    this.#trace = deps.tracing()?.request(downstream.method, downstream.headers);
    this.traceId = this.#trace?.traceId;
    downstream.onClose = this.#finish.bind(this);
  }

  get isGone(): boolean {
    return this.#downstream.isGone;
  }

  get trace(): RequestTrace | undefined {
    return this.#trace;
  }

  run(): void {
    try {
      this.requestId = this.#deps.nextRequestId();
      const head = readHeadOf(this.#downstream, this);
      this.#isConditional = head.isConditional;
      const { target, cors, destination } = enter(this.#downstream, head, this.#compiled, this.#deps.pseudonym);
      this.path = pathOfTarget(target);
      this.#destination = destination;
      this.#cors = cors;
      if (cors && isPreflight(this.#downstream)) {
        this.status = 204;
        answerPreflight(this.#downstream, cors);
        return;
      }
      const caller = this.#admit(head, destination);
      checkForwardable(this.method);
      const { method, path } = this;
      const candidate = { method, path, host: head.host, headers: this.#downstream.headers };
      const route = findRoute(this.#compiled, destination, candidate);
      if (caller) this.#checkWish(caller, destination, route, target);
      if (this.#answerTokenCall(destination, route, target)) return;
      this.#authorizeAndSend(route ?? withoutRoute(this.#compiled, destination, candidate), head, target);
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Finds out who makes the request, and counts it. Undefined when the config has no callers. Throws `client_unauthenticated`,
   * `caller_limited`.
   */
  #admit(head: Head, destination: Destination | undefined): Caller | undefined {
    const { clock } = this.#deps;
    const { context } = this.#downstream;
    const caller = authenticate(this.#compiled, context, head, destination, clock);
    if (!caller) return undefined;
    this.caller = caller.name;
    caller.enter(clock.monotonic());
    return (this.#counted = caller);
  }

  /** Throws `caller_denied`. That comes before the route is known, so that the answer can't tell whether there is one. */
  #checkWish(
    caller: Caller,
    destination: Destination | undefined,
    route: CompiledRoute | undefined,
    target: string,
  ): void {
    const { method, path } = this;
    const wish = { method, path, route, target };
    if (!isAllowed(caller, this.#compiled, destination, wish, this.#deps.clock)) throw callerDenied();
  }

  /**
   * Calls `proceed` at once with a value, or later with that of a promise. So a request whose token and body are here passes
   * without a turn of the event loop. A failure becomes the answer.
   */
  #continueWith<T>(value: MaybePromise<T>, proceed: (value: T) => void): void {
    if (!(value instanceof Promise)) {
      proceed(value);
      return;
    }
    value.then(proceed).catch((error: unknown) => this.#fail(error));
  }

  /**
   * Answers a request for a token of the caller's own with a placeholder. Returns whether it did. Throws
   * `token_endpoint_denied`.
   */
  #answerTokenCall(destination: Destination | undefined, route: CompiledRoute | undefined, target: string): boolean {
    const { method } = this;
    this.route = route?.name;
    const found = tokenAnswer(this.#compiled, destination, route, { method, target }, this.#deps.clock);
    if (!found) return false;
    this.provider = found.provider;
    this.auth = 'placeholder';
    this.status = 200;
    answerOk(this.#downstream, found.answer, this.#cors ?? []);
    return true;
  }

  #authorizeAndSend(route: CompiledRoute, head: Head, target: string): void {
    this.route = route.name;
    this.provider = route.provider;
    const { authorizer } = route;
    const headers = this.#headersFor(route, head);
    this.#withoutCredential = headers;
    const isSent = route.answer === 'upstream';
    if (isSent) this.upstream = route.origin;
    const needsBody = !isSent || (authorizer?.needsBody(this.method, headers) ?? false);
    this.#continueWith(this.#openBody(route, head, needsBody), () => {
      const outbound: Outbound = {
        method: this.method,
        target: joinTarget(target, route.join),
        headers,
        body: needsBody ? (this.#body.whole ?? null) : null,
      };
      this.#continueWith(authorizer && this.#authorize(authorizer, outbound), (authorized) => {
        this.auth = authorized?.auth;
        if (this.#downstream.isGone) return;
        if (!isSent) {
          this.#answerSigned(route, outbound, authorized as Authorized);
          return;
        }
        this.#continueWith(this.#send(route, authorized ?? outbound), (answer) => {
          this.#continueWith(isRejection(authorizer, authorized, answer, this.#isConditional), (isRejected) => {
            if (isRejected) {
              const again = this.#trace ? { ...outbound, headers: this.#headersFor(route, head) } : outbound;
              this.#continueWith(this.#renew(route, answer, authorized as Authorized, again), () => undefined);
            } else this.#respond(answer, route, undefined);
          });
        });
      });
    });
  }

  /** Hands the request back as it would have been sent. */
  #answerSigned(route: CompiledRoute, outbound: Outbound, authorized: Authorized): void {
    const answer = signedAnswer(route, this.#downstream.headers, outbound, authorized);
    this.auth = 'signed';
    this.status = 200;
    answerOk(this.#answering(), answer, this.#cors ?? []);
  }

  /** Makes the headers of the next attempt, without a credential. While tracing is on, each attempt has its own. */
  #headersFor(route: CompiledRoute, { connectionOptions }: Head): RawHeaders {
    const { headers } = this.#downstream;
    return route.requestHeaders(this.#trace ? this.#trace.propagate(headers) : headers, connectionOptions);
  }

  #openBody(route: CompiledRoute, head: Head, needsBody: boolean): MaybePromise<void> {
    const downstream = this.#downstream;
    if (route.websocket && !downstream.isPipelined && isHandshake(downstream, head)) {
      this.#isHandshake = true;
      downstream.expectSwitch();
      this.#body = new PassingBody(downstream);
      return undefined;
    }
    if (!downstream.hasBody) return undefined;
    const options = { limits: route.keep, budgets: this.#deps.budgets, declaredBytes: downstream.contentLength };
    if (!needsBody && downstream.isReceived) {
      this.#body = openBody(downstream, options);
      return undefined;
    }
    return this.#awaitBody(options, needsBody);
  }

  async #awaitBody(options: BodyOptions, needsBody: boolean): Promise<void> {
    const downstream = this.#downstream;
    // A body that comes together with the head is here after this turn. Then it needs no stream.
    if (!downstream.isReceived) await downstream.settle();
    this.#body = needsBody
      ? await collectBody(downstream, options, this.#compiled.limits.signedBodyBytes)
      : openBody(downstream, options);
    if (downstream.isGone) this.#body.release();
  }

  #authorize(authorizer: Authorizer, outbound: Outbound): MaybePromise<Authorized> {
    const authorized = authorizer.authorize(outbound, this);
    return authorized instanceof Promise ? this.#waitForToken(authorized) : authorized;
  }

  async #waitForToken(authorized: Promise<Authorized>): Promise<Authorized> {
    this.#waitsFromMs = this.#deps.clock.monotonic();
    this.#body.readAhead();
    try {
      return await authorized;
    } catch (error) {
      this.auth = 'failed';
      throw error;
    } finally {
      this.#endTokenWait();
    }
  }

  /** Notes how long it has waited for a token, if it did. */
  #endTokenWait(): void {
    if (Number.isNaN(this.#waitsFromMs)) return;
    const startMs = this.#waitsFromMs - this.#startedMs;
    const durationMs = this.#deps.clock.monotonic() - this.#waitsFromMs;
    this.#waitsFromMs = Number.NaN;
    this.tokenWaitMs += durationMs;
    this.tokenWaits = [...this.tokenWaits, { startMs, durationMs }];
  }

  /** Makes one attempt: sends `request` with its body, or with the caller's if it has none. */
  #send(route: CompiledRoute, request: SentRequest): Promise<UpstreamAnswer> {
    const { hasBody, contentLength } = this.#downstream;
    if (request.body) return this.#attemptWith(route, request, request.body);
    if (this.#isHandshake) return this.#attemptWith(route, request, this.#body.read());
    if (!hasBody) return this.#attemptWith(route, request, null);
    const { whole } = this.#body;
    if (whole && contentLength >= 0) return this.#attemptWith(route, request, whole);
    return awaitFirstChunk(this.#body).then((body) => this.#attemptWith(route, request, body));
  }

  #attemptWith(route: CompiledRoute, request: SentRequest, body: UpstreamRequest['body']): Promise<UpstreamAnswer> {
    const { target, headers } = request;
    const { clock, upstream, unmatchedUpstream, handshakes } = this.#deps;
    if (this.#downstream.isGone) throw new Error('the caller is gone');
    const carrier = this.#isHandshake ? handshakes : route.isUnmatched ? unmatchedUpstream : upstream;
    this.#sentMs = clock.monotonic();
    if (this.attempts++ === 0) this.#firstSentMs = this.#sentMs;
    this.#attemptTrace = this.#trace?.attempt(this.method, route.origin, target);
    const attempt = carrier.send({
      origin: route.origin,
      tls: route.tls?.current,
      method: this.method,
      target,
      headers,
      body,
      streamBytes: this.#downstream.contentLength,
      timeouts: route.timeouts,
      observer: this,
    });
    this.#attempts.push(attempt);
    this.#sent.push(request);
    return attempt.answer;
  }

  override get door(): Door | undefined {
    if (this.#downstream.context?.tunnel) return 'intercepted';
    if (this.#destination) return 'forward';
    // A target in absolute form that was refused stands here as it came.
    return this.path.startsWith('/') ? 'base_url' : undefined;
  }

  override get destination(): Destination | undefined {
    return this.#destination;
  }

  override get attemptDetails(): readonly AttemptDetail[] {
    return this.#attempts.map((attempt, i) => {
      const { auth = 'skipped', generation = 0 } = this.#sent[i] ?? {};
      return detailOf(attempt, auth === 'skipped' ? undefined : this.provider, generation, this.#startedMs);
    });
  }

  override get addedHeaders(): readonly string[] {
    const sent = this.#sent.at(-1);
    return sent ? addedNames(this.#withoutCredential, sent.headers) : [];
  }

  /** Called by the attempt when it has its answer's head, or has failed. */
  onOutcome(status: number, error: OutriderError | undefined, atMs: number): void {
    this.upstreamMs = atMs - this.#firstSentMs;
    const route = this.route as string;
    // An attempt that was given up failed because of what came before.
    this.#attemptTrace?.end(status, error && (this.code ?? error.code));
    const durationMs = atMs - this.#sentMs;
    this.#deps.events.emit('attempt', { route, method: this.method, status, durationMs, error: error?.code });
  }

  /** Handles a rejected token: renews it, sends the request again if possible, and responds. */
  async #renew(route: CompiledRoute, first: UpstreamAnswer, authorized: Authorized, outbound: Outbound): Promise<void> {
    const { status } = first;
    this.#isRejected = true;
    const decision = await this.#afterRejection(route, authorized, outbound);
    this.#isRejected = false;
    if (this.#downstream.isGone) {
      first.discard();
      this.#skipped(route, skipBecause('caller_gone'));
      return;
    }
    if (!('second' in decision)) {
      this.#skipped(route, decision);
      this.#respond(first, route, detailsOf(decision));
      return;
    }
    this.auth = decision.outcome;
    first.discard();
    this.#withoutCredential = outbound.headers;
    const answer = await this.#replay(route, decision.second, status);
    const isRejected = await isRejection(route.authorizer, decision.second, answer, this.#isConditional);
    const outcome = isRejected ? 'rejected' : 'ok';
    this.#deps.events.emit('replay', { route: route.name, status, outcome });
    this.#respond(answer, route, isRejected ? 'the token was rejected again after a replay' : undefined);
  }

  async #afterRejection(route: CompiledRoute, first: Authorized, outbound: Outbound): Promise<ReplayDecision> {
    const authorizer = route.authorizer as Authorizer;
    const { clock } = this.#deps;
    const renewal = authorizer.renew(first, outbound, clock.now(), this);
    const obstacle = unrepeatable(route, this.#body);
    if (obstacle && !this.#isHandshake) {
      // The renewal goes on for later requests. Its failure doesn't matter to this one.
      renewal.catch(() => undefined);
      return obstacle;
    }
    this.#waitsFromMs = clock.monotonic();
    try {
      const renewed = await renewal;
      // The body may have outgrown its limit in the meantime.
      if (!this.#body.isRepeatable) return unrepeatable(route, this.#body) as ReplaySkip;
      if ('skip' in renewed) return renewed;
      // A handshake is not sent again: a client that tries anew after this answer gets the new token.
      return this.#isHandshake
        ? skipBecause('websocket')
        : { second: renewed.authorized, outcome: renewed.renewed ? 'renewed' : 'replayed' };
    } catch {
      return skipBecause('renewal_failed');
    } finally {
      this.#endTokenWait();
    }
  }

  async #replay(route: CompiledRoute, second: Authorized, rejectedStatus: number): Promise<UpstreamAnswer> {
    try {
      return await this.#send(route, second);
    } catch (error) {
      this.#deps.events.emit('replay', { route: route.name, status: rejectedStatus, outcome: 'failed' });
      throw error;
    }
  }

  #skipped(route: CompiledRoute, { skip: reason, why: detail }: ReplaySkip): void {
    this.replaySkipped = { reason, detail };
    this.#deps.events.emit('replaySkipped', { route: route.name, reason, requestId: this.requestId, detail });
  }

  #respond(answer: UpstreamAnswer, route: CompiledRoute, details: string | undefined): void {
    try {
      this.#scrubber = createScrubber(route.scrub, answer, this.method, this.#sent);
    } catch (error) {
      answer.discard();
      throw error;
    }
    this.status = answer.status;
    const extra = ['Via', `1.1 ${this.#deps.pseudonym}`];
    if (details !== undefined) extra.push('Proxy-Status', `outrider; details="${details}"`);
    if (this.#cors) extra.push(...this.#cors);
    answerForwarded(this.#answering(), answer, {
      extra,
      isBrowser: this.#cors !== undefined,
      idleMs: route.timeouts.idleMs,
      scrubber: this.#scrubber,
      onBroken: (error) => this.noteBreak(error),
    });
  }

  #fail(thrown: unknown): void {
    if (this.#downstream.isGone) return;
    const error = asOutriderError(thrown);
    this.noteFailure(error);
    const { method } = this;
    const origin = this.#destination && this.path.startsWith('/') ? originOfDestination(this.#destination) : '';
    this.#deps.events.emit('problem', { method, target: origin + this.path, error });
    // The source of tokens reports its own failures.
    if (error.cause !== undefined && error.code !== 'token_unavailable')
      this.#deps.report(error, this.requestId, this.route);
    answerErrorOrCut(this.#answering(), error, this.requestId, this.route, this.#cors ?? []);
  }

  /** The means to answer. While there is an audit trail, it has the request's line before the answer is complete. */
  #answering(): Answering {
    return this.#deps.audit() ? new HeldAnswer(this.#downstream, () => this.#audit()) : this.#downstream;
  }

  #audit(): MaybePromise<void> {
    if (this.#isAudited) return undefined;
    this.#isAudited = true;
    return this.#deps.audit()?.request(this, this.#downstream.hasBody ? this.#body.whole : undefined);
  }

  #finish(isComplete: boolean): void {
    if (!isComplete) {
      // This comes first, since the abort breaks the answer, which sets the code too.
      this.code ??= 'caller_gone';
      const attempt = this.#attempts.at(-1);
      attempt?.abort();
      if (this.attempts > 0) this.outcome ??= attempt?.mayHaveSent ? 'unknown' : 'not_sent';
      if (this.#isRejected) {
        const { skip: reason, why: detail } = skipBecause('caller_gone');
        this.replaySkipped = { reason, detail };
      }
    }
    this.#endTokenWait();
    void this.#audit();
    this.bytesIn = this.#body.bytesIn;
    this.bytesOut = this.#downstream.bytesOut;
    this.scrubbed = this.#scrubber?.count ?? 0;
    this.#body.release();
    this.#counted?.leave();
    this.durationMs = this.#deps.clock.monotonic() - this.#startedMs;
    this.#trace?.end(this, this.#destination?.scheme ?? 'http');
    this.#deps.events.emit('exchange', this);
  }
}

/** Returns the handler for the requests of all doors but CONNECT. It never throws. Each request emits one `exchange`. */
export function createExchange(deps: ExchangeDeps): (downstream: Downstream) => void {
  return (downstream) => {
    deps.events.emit('started');
    new Exchange(downstream, deps).run();
  };
}
