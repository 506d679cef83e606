import type { LookupFunction } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { headerValues } from '../core/headers.ts';
import type { Attempt, UpstreamRequest } from './attempt.ts';
import type { RequestBody } from './whole-body.ts';
import type { Caller } from './caller.ts';
import { enter, findRoute, pathOf, type Visitor } from './door.ts';
import { readHead, type Head } from './framing.ts';
import type { Egress } from './egress.ts';
import type { ExchangeDeps, Lane } from './lane.ts';
import type { Upstream } from './upstream.ts';

export type Handshakes = Pick<Upstream, 'send'>;

const WEBSOCKET = /(?:^|,)[\t ]*websocket[\t ]*(?:,|$)/i;

/** Whether one of the protocols that the caller would switch to is WebSocket (RFC 9110 §7.8, RFC 6455 §4.1). */
export const asksForWebSocket = ({
  method,
  version,
  headers,
}: Pick<Visitor, 'method' | 'version' | 'headers'>): boolean =>
  method === 'GET' && version === '1.1' && headerValues(headers, 'upgrade').some((value) => WEBSOCKET.test(value));

/**
 * Returns who decides whether a request is a handshake that its route lets pass: then nothing but bytes comes behind it.
 * One that would be refused is none; it goes the way of every request, and is refused there.
 */
export function createHandshakeGate({
  engine,
  pseudonym,
}: Pick<ExchangeDeps, 'engine' | 'pseudonym'>): (visitor: Visitor) => boolean {
  return (visitor) => {
    if (!asksForWebSocket(visitor)) return false;
    try {
      const { target, version, headers, method } = visitor;
      const current = engine();
      const head = readHead(target, version, headers, current.limits);
      if (head.hasBody) return false;
      const { target: entered, destination } = enter(visitor, head, current, pseudonym);
      const route = findRoute(current, destination, { method, path: pathOf(entered), headers, host: head.host });
      return route?.websocket === true;
    } catch {
      return false;
    }
  };
}

/** Throws `bad_request` for a handshake with a body: where that ends, and what comes behind it, could be understood in two ways. */
export function checkHandshake(visitor: Visitor, { hasBody, connectionOptions }: Head): void {
  if (!hasBody || !connectionOptions.includes('upgrade') || !asksForWebSocket(visitor)) return;
  throw new OutriderError('bad_request', { detail: 'a WebSocket handshake has no body', close: true });
}

/** Carries handshakes; what it takes is brought in by the first config with a lane that lets them pass. */
export class LazyHandshakes {
  readonly #clock: Clock;
  readonly #egress: Egress;
  readonly #lookup: LookupFunction;
  #carrier: Handshakes | undefined;

  constructor(clock: Clock, egress: Egress, lookup: LookupFunction) {
    this.#clock = clock;
    this.#egress = egress;
    this.#lookup = lookup;
  }

  async prepare(lanes: readonly Lane[]): Promise<void> {
    if (this.#carrier || !lanes.some(({ websocket }) => websocket)) return;
    const { createHandshakes } = await import('./websocket.ts');
    this.#carrier = createHandshakes(this.#clock, this.#egress, this.#lookup);
  }

  send(request: UpstreamRequest): Attempt {
    return (this.#carrier as Handshakes).send(request);
  }
}

/** What the caller sends once the protocol has been switched: nothing of it is read before that, and nothing is kept. */
export class PassingBody implements RequestBody {
  readonly whole = undefined;
  readonly isRepeatable = true;
  bytesIn = 0;
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (const source = this.#caller.chunks(); ;) {
      const { done, value } = await source.next();
      if (done) return;
      this.bytesIn += value.length;
      yield value;
    }
  }

  readAhead(): void {}

  release(): void {}
}
