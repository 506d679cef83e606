import type { Authorized, Authorizer, Outbound } from '../auth/authorizer.ts';
import type { Waiter } from '../auth/token/waiting.ts';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import { begin } from './begun.ts';
import { collectBody, openBody } from './body.ts';
import type { Caller } from './caller.ts';
import { readHead, requestIdIn, type Head } from './framing.ts';
import type { Destination } from './destination.ts';
import { checkForwardable, enter, findRoute, isPreflight, pathOf, tokenAnswer, withoutRoute } from './door.ts';
import { checkHandshake, PassingBody } from './handshake.ts';
import { preflightHeaders } from './guard.ts';
import type { Engine, ExchangeDeps, Lane } from './lane.ts';
import { isRejection } from './peek.ts';
import { answerError, asOutriderError, respond, respondOwn } from './respond.ts';
import { detailsOf, type Fate, skipped, type Skipped, unrepeatable } from './skipped.ts';
import { joinTarget } from './target.ts';
import type { Answer } from './answer.ts';
import type { Attempt, AttemptObserver } from './attempt.ts';
import { Trace } from './trace.ts';
import { NO_BODY, type RequestBody } from './whole-body.ts';

/** One request: guard → match → authorize → send → (renew → send again, once) → respond. */
class Exchange extends Trace implements AttemptObserver, Waiter {
  readonly #caller: Caller;
  readonly #deps: ExchangeDeps;
  readonly #engine: Engine;
  readonly #startedMs: number;
  #firstSentMs = 0;
  #sentMs = 0;
  #body: RequestBody = NO_BODY;
  #attempt: Attempt | undefined;
  #cors: RawHeaders | undefined;

  constructor(caller: Caller, deps: ExchangeDeps) {
    super(caller.method, caller.target);
    this.#caller = caller;
    this.#deps = deps;
    this.#engine = deps.engine();
    this.#startedMs = deps.clock.monotonic();
    caller.onClose = this.#finish.bind(this);
  }

  get isGone(): boolean {
    return this.#caller.isGone;
  }

  async run(): Promise<void> {
    try {
      const head = this.#readHead();
      // node:http drops what came in one segment behind it, and takes the next segment for the beginning of a request.
      if (head.asksUpgrade) this.#caller.closeAfterAnswer();
      const { target, cors, destination } = enter(this.#caller, head, this.#engine, this.#deps.pseudonym);
      this.path = pathOf(target);
      this.#cors = cors;
      if (cors && isPreflight(this.#caller)) {
        this.status = 204;
        this.#caller.answer(204, 'No Content', preflightHeaders(cors, this.#caller.headers), '');
        return;
      }
      if (!this.#caller.tunnel) this.#engine.guard.checkAccess(head, destination !== undefined);
      checkForwardable(this.method);
      const { method, path } = this;
      const candidate = { method, path, host: head.host, headers: this.#caller.headers };
      const route = findRoute(this.#engine, destination, candidate);
      if (this.#answerTokenCall(destination, route, target)) return;
      const lane = route ?? withoutRoute(this.#engine, destination, candidate);
      await this.#carry(lane, head, target);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether the request asked for a token of its own, and has got a placeholder. Throws `token_endpoint_denied`. */
  #answerTokenCall(destination: Destination | undefined, route: Lane | undefined, target: string): boolean {
    const { method } = this;
    this.route = route?.name;
    const found = tokenAnswer(this.#engine, destination, route, { method, target }, this.#deps.clock.now());
    if (!found) return false;
    this.provider = found.provider;
    this.auth = 'placeholder';
    this.status = 200;
    respondOwn(this.#caller, found.answer, this.#cors ?? []);
    return true;
  }

  async #carry(lane: Lane, head: Head, target: string): Promise<void> {
    this.route = lane.name;
    this.provider = lane.provider;
    this.upstream = lane.origin;
    const { authorizer } = lane;
    const headers = lane.forward(this.#caller.headers, head.connectionOptions);
    const needsBody = authorizer?.needsBody(this.method, headers) ?? false;
    if (lane.websocket) checkHandshake(this.#caller, head);
    if (this.#caller.isHandshake) this.#body = new PassingBody(this.#caller);
    else if (head.hasBody) await this.#openBody(lane, head, needsBody);
    const outbound: Outbound = {
      method: this.method,
      target: joinTarget(target, lane.join),
      headers,
      body: needsBody ? (this.#body.whole ?? null) : null,
    };

    let first: Authorized | undefined;
    if (authorizer) {
      const authorized = authorizer.authorize(outbound, this);
      first = authorized instanceof Promise ? await this.#waitForToken(authorized) : authorized;
      this.auth = first.auth;
      if (this.#caller.isGone) return;
    }
    let answer = await this.#send(lane, head, first ?? outbound);
    let details: string | undefined;
    if (
      authorizer &&
      first &&
      authorizer.rejectStatuses.has(answer.status) &&
      (await isRejection(authorizer, first, answer, head.isConditional))
    ) {
      const rejectedStatus = answer.status;
      const fate = await this.#afterRejection(lane, head, first, outbound);
      if (this.#caller.isGone) {
        answer.discard();
        this.#skipped(lane, skipped('caller_gone'));
        return;
      }
      if ('second' in fate) {
        this.auth = fate.outcome;
        answer.discard();
        answer = await this.#replay(lane, head, fate.second, rejectedStatus);
        const isRejected = await isRejection(authorizer, fate.second, answer, head.isConditional);
        if (isRejected) details = 'the token was rejected again after a replay';
        this.#deps.events.emit('replay', {
          route: lane.name,
          status: rejectedStatus,
          outcome: details === undefined ? 'ok' : 'rejected',
        });
      } else {
        this.#skipped(lane, fate);
        details = detailsOf(fate);
      }
    }
    this.#respond(answer, lane, details);
  }

  #readHead(): Head {
    const { target, version, headers } = this.#caller;
    this.requestId = this.#deps.nextRequestId();
    try {
      const head = readHead(target, version, headers, this.#engine.limits);
      if (head.requestId !== undefined) this.requestId = head.requestId;
      return head;
    } catch (error) {
      this.requestId = requestIdIn(headers) ?? this.requestId;
      throw error;
    }
  }

  async #openBody(lane: Lane, head: Head, needsBody: boolean): Promise<void> {
    // What came together with the head has been read after this turn; then no stream is needed.
    await this.#caller.settle();
    const options = { limits: lane.keep, budgets: this.#deps.budgets, declaredBytes: head.contentLength };
    this.#body = needsBody
      ? await collectBody(this.#caller, options, this.#engine.limits.signedBodyBytes)
      : openBody(this.#caller, options);
    if (this.#caller.isGone) this.#body.release();
  }

  async #waitForToken(authorized: Promise<Authorized>): Promise<Authorized> {
    const { clock } = this.#deps;
    const waitedFromMs = clock.monotonic();
    this.#body.readAhead();
    try {
      return await authorized;
    } catch (error) {
      this.auth = 'failed';
      throw error;
    } finally {
      this.tokenWaitMs += clock.monotonic() - waitedFromMs;
    }
  }

  /** One attempt: the request as it is handed in, the caller's body unless that replaces it. */
  async #send(
    lane: Lane,
    head: Head,
    request: { target: string; headers: RawHeaders; body?: Uint8Array | null | undefined },
  ): Promise<Answer> {
    const { clock, upstream, unmatchedUpstream, handshakes } = this.#deps;
    const { isHandshake } = this.#caller;
    const carrier = isHandshake ? handshakes : lane.isUnmatched ? unmatchedUpstream : upstream;
    let body: Uint8Array | AsyncIterable<Uint8Array> | null = request.body ?? null;
    if (!body && isHandshake) body = this.#body.read();
    else if (!body && head.hasBody) body = await begin(this.#body, head.contentLength);
    if (this.#caller.isGone) throw new Error('the caller is gone');
    this.#sentMs = clock.monotonic();
    if (this.attempts++ === 0) this.#firstSentMs = this.#sentMs;
    this.#attempt = carrier.send({
      origin: lane.origin,
      method: this.method,
      target: request.target,
      headers: request.headers,
      body,
      streamBytes: head.contentLength,
      timeouts: lane.timeouts,
      observer: this,
    });
    return this.#attempt.answer;
  }

  /** Called by the upstream: an attempt has got its answer's head, or none. */
  settled(status: number, error: OutriderError | undefined): void {
    const { clock, events } = this.#deps;
    const now = clock.monotonic();
    this.upstreamMs = now - this.#firstSentMs;
    const route = this.route as string;
    events.emit('attempt', { route, method: this.method, status, durationMs: now - this.#sentMs, error: error?.code });
  }

  async #afterRejection(lane: Lane, head: Head, first: Authorized, outbound: Outbound): Promise<Fate> {
    const authorizer = lane.authorizer as Authorizer;
    const { clock } = this.#deps;
    const rejectedMs = clock.monotonic();
    const renewal = authorizer.renew(first, outbound, clock.now(), this);
    const obstacle = unrepeatable(lane, this.#body, head);
    if (obstacle && !this.#caller.isHandshake) {
      // The token is renewed for those who come after.
      renewal.catch(() => undefined);
      return obstacle;
    }
    try {
      const renewed = await renewal;
      // It may have grown too large in the meantime.
      if (!this.#body.isRepeatable) return unrepeatable(lane, this.#body, head) as Skipped;
      if ('skip' in renewed) return renewed;
      // Who shakes hands anew as soon as this is answered gets the new token.
      return this.#caller.isHandshake
        ? skipped('websocket')
        : { second: renewed.authorized, outcome: renewed.renewed ? 'renewed' : 'replayed' };
    } catch {
      return skipped('renewal_failed');
    } finally {
      this.tokenWaitMs += clock.monotonic() - rejectedMs;
    }
  }

  async #replay(lane: Lane, head: Head, second: Authorized, rejectedStatus: number): Promise<Answer> {
    return this.#send(lane, head, second).catch((error: unknown) => {
      this.#deps.events.emit('replay', { route: lane.name, status: rejectedStatus, outcome: 'failed' });
      throw error;
    });
  }

  #skipped(lane: Lane, { skip: reason, why: detail }: Skipped): void {
    this.#deps.events.emit('replaySkipped', { route: lane.name, reason, requestId: this.requestId, detail });
  }

  #respond(answer: Answer, lane: Lane, details: string | undefined): void {
    this.status = answer.status;
    const extra = ['Via', `1.1 ${this.#deps.pseudonym}`];
    if (details !== undefined) extra.push('Proxy-Status', `outrider; details="${details}"`);
    if (this.#cors) extra.push(...this.#cors);
    respond(this.#caller, answer, {
      extra,
      isBrowser: this.#cors !== undefined,
      idleMs: lane.timeouts.idleMs,
      onBroken: (error) => {
        this.code ??= error.code;
        this.outcome = 'unknown';
      },
    });
  }

  #fail(thrown: unknown): void {
    if (this.#caller.isGone) return;
    const error = asOutriderError(thrown);
    this.status = error.status;
    this.code = error.code;
    this.outcome = error.outcome;
    // Of its failures the token's source tells itself.
    if (error.cause !== undefined && error.code !== 'token_unavailable')
      this.#deps.complain(error, this.requestId, this.route);
    try {
      answerError(this.#caller, error, this.requestId, this.route, this.#cors ?? []);
    } catch {
      // Part of another answer has gone out already.
      this.#caller.cut();
    }
  }

  #finish(isComplete: boolean): void {
    if (!isComplete) {
      // Before the abort, which breaks the answer.
      this.code ??= 'caller_gone';
      this.#attempt?.abort();
      if (this.attempts > 0) this.outcome ??= this.#attempt?.mayHaveSent ? 'unknown' : 'not_sent';
    }
    this.bytesIn = this.#body.bytesIn;
    this.bytesOut = this.#caller.bytesOut;
    this.#body.release();
    this.durationMs = this.#deps.clock.monotonic() - this.#startedMs;
    this.#deps.events.emit('exchange', this);
  }
}

/** Returns the handler of every request that comes through a door. It never throws; each call emits one `exchange`. */
export function createExchange(deps: ExchangeDeps): (caller: Caller) => void {
  return (caller) => {
    deps.events.emit('started');
    void new Exchange(caller, deps).run();
  };
}
