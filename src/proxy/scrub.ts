import type { Needles } from '../auth/needles.ts';
import type { ConfigData } from '../config/schema.ts';
import { OutriderError } from '../core/errors.ts';
import { headerValues, type RawHeaders } from '../core/headers.ts';
import { isEventStream } from './event-stream.ts';
import type { RouteHeaders } from './forwarded-headers.ts';
import type { SentRequest } from './sent-request.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

/** How much of a body is searched. A secret that begins within it counts. */
const SEARCHED_BYTES = 1024 * 1024;
const STAR = 0x2a;
const EMPTY = Buffer.alloc(0);
const BLANK_LINE = /(?:\r\n|\n|\r)(?:\r\n|\n|\r)/g;

/** Returns the index behind the last blank line of `part` from index `from` on; `from` itself when there is none. */
function lastEventEnd(part: Uint8Array, from: number): number {
  const text = Buffer.from(part.subarray(from)).toString('latin1');
  return [...text.matchAll(BLANK_LINE)].reduce((_, { index, 0: line }) => from + index + line.length, from);
}

/** How a route's answers are searched. */
export type ScrubMode = ConfigData['scrub'];

/** What is known of a body before it comes. */
interface BodyKind {
  /** Whether it can be searched. One with a content coding can't. */
  readonly isSearchable?: boolean;
  /** Whether it is an event stream, whose finished events are never held. */
  readonly isEventStream?: boolean;
}

/**
 * Overwrites the secrets of a request in one answer to it, each with as many `*`. What holds none is passed on without a copy,
 * and what holds one is copied first: others may read the same memory.
 */
export class Scrubber {
  /** How often something was overwritten. */
  count = 0;
  readonly #secrets: Needles;
  readonly #isEventStream: boolean;
  /** The end of what came, as it came: a secret may begin there. */
  #held: Buffer = EMPTY;
  /** How many of the first bytes that are held belong to a secret that began in front of them. */
  #coveredBytes = 0;
  /** How many bytes are still searched, those that are held among them. */
  #leftBytes: number;

  constructor(secrets: Needles, { isSearchable = true, isEventStream = false }: BodyKind = {}) {
    this.#secrets = secrets;
    this.#isEventStream = isEventStream;
    this.#leftBytes = isSearchable ? SEARCHED_BYTES : 0;
  }

  /** Returns the header fields without secrets. */
  headers(headers: RawHeaders): RawHeaders {
    return headers.some((text) => this.#secrets.mayStandIn(text)) ? headers.map((text) => this.text(text)) : headers;
  }

  /** Returns a text of the answer's head without secrets. One character is one byte. */
  text(text: string): string {
    if (!this.#secrets.mayStandIn(text)) return text;
    const inner = new Scrubber(this.#secrets);
    const scrubbed = inner.end(Buffer.from(text, 'latin1'));
    this.count += inner.count;
    return Buffer.from(scrubbed).toString('latin1');
  }

  /** Takes the next piece of the body. Returns what can be passed on, which may be nothing. */
  push(piece: Uint8Array): Uint8Array {
    return this.#leftBytes === 0 ? piece : this.#scrub(piece, false);
  }

  /** Takes the last piece of the body, or all of it. Returns all that is still to be passed on. */
  end(piece: Uint8Array = EMPTY): Uint8Array {
    return this.#leftBytes === 0 ? piece : this.#scrub(piece, true);
  }

  #scrub(piece: Uint8Array, isLast: boolean): Uint8Array {
    const isHolding = this.#held.length > 0;
    const part = isHolding ? Buffer.concat([this.#held, piece]) : piece;
    const { found, open } = this.#secrets.search(part, this.#leftBytes, isLast);
    const passed = this.#isEventStream && open < part.length ? lastEventEnd(part, open) : open;
    this.#held = passed < part.length ? Buffer.from(part.subarray(passed)) : EMPTY;
    this.#leftBytes -= Math.min(passed, this.#leftBytes);
    const out = passed < part.length ? part.subarray(0, passed) : part;
    if (found.length === 0 && this.#coveredBytes === 0) return out;
    const copy = isHolding ? out : Buffer.from(out);
    let covered = this.#coveredBytes;
    copy.fill(STAR, 0, Math.min(covered, passed));
    for (const { start, end } of found) {
      // What begins in the held part is found again.
      if (start >= passed) break;
      if (start >= covered) this.count++;
      copy.fill(STAR, start, Math.min(end, passed));
      covered = Math.max(covered, end);
    }
    this.#coveredBytes = Math.max(covered - passed, 0);
    return copy;
  }
}

/** Whether a body has a content coding (RFC 9110 §8.4). */
const isCoded = (headers: RawHeaders): boolean =>
  headerValues(headers, 'content-encoding').some((value) => !/^[\t ,]*(?:identity[\t ,]*)*$/i.test(value));

/**
 * Makes the scrubber of an answer. Undefined when nothing is searched for.
 * Throws `upstream_bad_response` when `mode` is `strict` and the answer has a body that can't be searched.
 * @param method The method of the request.
 * @param sent What each attempt has sent.
 */
export function createScrubber(
  mode: ScrubMode,
  answer: Pick<UpstreamAnswer, 'status' | 'headers' | 'whole'>,
  method: string,
  sent: readonly Pick<SentRequest, 'secrets'>[],
): Scrubber | undefined {
  if (mode === 'off') return undefined;
  const first = sent[0]?.secrets;
  const second = sent[1]?.secrets ?? first;
  const secrets = first && second ? first.and(second) : first;
  if (!secrets || secrets.isEmpty) return undefined;
  const { status, headers, whole } = answer;
  const isSearchable = status !== 101 && !isCoded(headers);
  const hasBody = method !== 'HEAD' && status >= 200 && status !== 304 && whole?.length !== 0;
  if (mode === 'strict' && hasBody && !isSearchable) {
    throw new OutriderError('upstream_bad_response', {
      detail: 'the provider sent a body with a content coding, which `scrub: strict` can not search for secrets',
      remedy:
        'The provider may have acted on the request: ask for its status before sending it again. With `scrub: on`, such bodies pass unsearched.',
      proxyError: 'http_response_content_coding',
    });
  }
  return new Scrubber(secrets, { isSearchable, isEventStream: isEventStream(headers) });
}

/** Changes what a route does to request headers so that answers can be searched: whole, and without a content coding. */
export function searchable({ set, remove }: RouteHeaders): RouteHeaders {
  const others = [...set].filter(([name]) => name.toLowerCase() !== 'accept-encoding');
  return { set: new Map([...others, ['Accept-Encoding', 'identity']]), remove: [...remove, 'Range', 'If-Range'] };
}
