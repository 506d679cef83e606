import type { LookupFunction } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import { headerValues, type RawHeaders } from '../../core/headers.ts';
import type { ReadScheduler } from '../../http1/read-scheduler.ts';
import type { Attempt, UpstreamRequest } from '../attempt.ts';
import type { RequestBody } from '../body/request-body.ts';
import type { Downstream } from '../downstream.ts';
import type { Head } from '../request-head.ts';
import type { Egress } from '../egress/egress.ts';
import type { CompiledRoute } from '../compiled-config.ts';
import type { Upstream } from '../upstream.ts';

/** An upstream that carries WebSocket handshakes. */
export type Handshakes = Pick<Upstream, 'send'>;

const WEBSOCKET = /(?:^|,)[\t ]*websocket[\t ]*(?:,|$)/i;

/**
 * Whether a request asks for a switch to WebSocket (RFC 9110 §7.8, RFC 6455 §4.1). Throws `bad_request` for a handshake with a
 * body, because servers may disagree about where that ends.
 */
export function isHandshake(
  {
    method,
    minor,
    headers,
    hasBody,
  }: Pick<Downstream, 'method' | 'minor' | 'hasBody'> & { readonly headers: RawHeaders },
  { connectionOptions }: Head,
): boolean {
  const asks =
    method === 'GET' &&
    minor === 1 &&
    connectionOptions.includes('upgrade') &&
    headerValues(headers, 'upgrade').some((value) => WEBSOCKET.test(value));
  if (asks && hasBody)
    throw new OutriderError('bad_request', { detail: 'a WebSocket handshake has no body', close: true });
  return asks;
}

/** An upstream for handshakes that loads its code only when a config has a route with `websocket`. */
export class LazyHandshakes {
  readonly #clock: Clock;
  readonly #scheduler: ReadScheduler;
  readonly #egress: Egress;
  readonly #lookup: LookupFunction;
  #carrier: Handshakes | undefined;

  constructor(clock: Clock, scheduler: ReadScheduler, egress: Egress, lookup: LookupFunction) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#egress = egress;
    this.#lookup = lookup;
  }

  /** Loads the code if one of the routes needs it. It must have resolved before {@link send} gets a request of such a route. */
  async prepare(routes: readonly CompiledRoute[]): Promise<void> {
    if (this.#carrier || !routes.some(({ websocket }) => websocket)) return;
    const { createHandshakes } = await import('./bridge.ts');
    this.#carrier = createHandshakes(this.#clock, this.#scheduler, this.#egress, this.#lookup);
  }

  send(request: UpstreamRequest): Attempt {
    return (this.#carrier as Handshakes).send(request);
  }
}

/** What the caller sends after the switch of protocols. Nothing of it is read before that, and nothing is kept. */
export class PassingBody implements RequestBody {
  readonly whole = undefined;
  readonly isRepeatable = true;
  readonly notKept = 'body_too_large';
  bytesIn = 0;
  readonly #downstream: Pick<Downstream, 'pieces' | 'dropRest'>;

  constructor(downstream: Pick<Downstream, 'pieces' | 'dropRest'>) {
    this.#downstream = downstream;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    let isEnded = false;
    try {
      for (const source = this.#downstream.pieces(); ;) {
        const { done, value } = await source.next();
        if (done) {
          isEnded = true;
          return;
        }
        this.bytesIn += value.length;
        yield value;
      }
    } finally {
      // Whoever read it has gone. What the caller still sends would fill the way, and nobody would notice that the caller leaves.
      if (!isEnded) this.#downstream.dropRest();
    }
  }

  readAhead(): void {}

  release(): void {}
}
