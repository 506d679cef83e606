import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A text that must not be shown. Strings, JSON, `console.log` and error messages show `[redacted]` instead.
 * Only {@link Secret.reveal} returns the text. It is called where the text goes onto a wire.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns the text. Every call of this is a place where the secret may leave the process. */
  reveal(): string {
    return this.#text;
  }

  /** Returns the SHA-256 of the text in base64. It shows whether two secrets are the same, without showing either. */
  digest(): string {
    return createHash('sha256').update(this.#text).digest('base64');
  }

  /** Whether another secret has the same text. How long it takes tells about the texts: not for what a caller sends. */
  equals(other: Secret): boolean {
    return this.#text === other.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/** Returns what a person may see of a secret: enough to tell two secrets apart, but never enough to use one. */
export function mask(text: string): string {
  return text.length < 16 ? '****' : `${text.slice(0, 4)}…${text.slice(-2)} (${text.length} characters)`;
}
