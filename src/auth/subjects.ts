import { createHash } from 'node:crypto';
import type { DraftStart } from './draft.ts';
import type { PlacedHeader } from './headers.ts';
import type { ByteString } from '../core/byte-string.ts';
import type { Needles } from './needles.ts';
import type { TokenSource } from './token/source.ts';

/** An owner of a token, with the state that is kept for it. */
export interface Subject {
  /** A digest of `text`; undefined for the one subject of a provider with one token for all. */
  readonly key: string | undefined;
  /** The subject as the request names it; empty for a provider with one token for all. */
  readonly text: ByteString;
  /** Undefined when the provider has no tokens. */
  source: TokenSource | undefined;
  /** The newest request of this subject, if the token call reads the caller's request. */
  request: DraftStart | undefined;
  /** What was last made of a token and a version of the credentials. */
  rendered: Rendered | undefined;
}

/** What is made once for all requests with the same token and credentials. */
export interface Rendered {
  /** The token and the credentials. */
  readonly from: readonly [unknown, unknown];
  /** The injected headers. Empty where they differ from request to request. */
  readonly headers: readonly PlacedHeader[];
  /** The secrets that are in each request. */
  readonly secrets: Needles;
}

/**
 * The subjects of one provider. Their number is limited; the least recently used one is dropped first, unless its token call is
 * under way.
 */
export class Subjects {
  readonly #subjects = new Map<string, Subject>();
  readonly #max: number;
  readonly #create: (text: ByteString, key: string) => Subject;
  readonly #forget: (subject: Subject) => void;

  constructor(max: number, create: (text: ByteString, key: string) => Subject, forget: (subject: Subject) => void) {
    this.#max = max;
    this.#create = create;
    this.#forget = forget;
  }

  /** The subject called `text`; it is created if unknown, and counts as just used. */
  get(text: ByteString): Subject {
    const key = createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 32);
    const subject = this.#subjects.get(key) ?? this.#create(text, key);
    // A Map keeps the order of insertion, so this moves the subject to the end.
    this.#subjects.delete(key);
    this.#subjects.set(key, subject);
    if (this.#subjects.size > this.#max) this.#dropOldest(subject);
    return subject;
  }

  /** How many subjects there are. */
  get size(): number {
    return this.#subjects.size;
  }

  /** The `max` subjects that were used last. */
  newest(max: number): readonly Subject[] {
    return [...this.#subjects.values()].slice(-max);
  }

  close(): void {
    for (const { source } of this.#subjects.values()) source?.close();
  }

  #dropOldest(newest: Subject): void {
    for (const [key, subject] of this.#subjects) {
      if (subject === newest || subject.source?.isBusy) continue;
      this.#subjects.delete(key);
      subject.source?.close();
      this.#forget(subject);
      return;
    }
  }
}
