import { createHash } from 'node:crypto';
import type { DraftStart } from './draft.ts';
import type { PlacedHeader } from './headers.ts';
import type { ByteString } from '../core/byte-string.ts';
import type { TokenSource } from './token/source.ts';

/** Whoever a token belongs to, with what was made for it. */
export interface Subject {
  /** A digest; undefined where the provider has one token for all. */
  readonly key: string | undefined;
  readonly text: ByteString;
  /** Undefined where the provider has no tokens. */
  source: TokenSource | undefined;
  /** The newest request of this subject, where the token call's fields look at it. */
  request: DraftStart | undefined;
  /** The headers as they were last rendered, and from what. */
  rendered: { readonly from: readonly [unknown, unknown]; readonly headers: readonly PlacedHeader[] } | undefined;
}

/** The subjects of one provider, a bounded number of them: the least recently used goes first. */
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

  get(text: ByteString): Subject {
    const key = createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 32);
    const subject = this.#subjects.get(key) ?? this.#create(text, key);
    // Behind all others: a Map keeps the order of insertion.
    this.#subjects.delete(key);
    this.#subjects.set(key, subject);
    if (this.#subjects.size > this.#max) this.#dropOldest(subject);
    return subject;
  }

  get size(): number {
    return this.#subjects.size;
  }

  /** Those that were used last, `max` of them. */
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
