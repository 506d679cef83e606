import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A text that must not be seen. Strings, JSON, `console.log` and error messages show `[redacted]`;
 * only {@link Secret.reveal} yields the text, and is called where it is put on a wire.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. Each call of this is a place where a secret leaves. */
  reveal(): string {
    return this.#text;
  }

  /** Tells whether two secrets are the same one, without showing either. */
  digest(): string {
    return createHash('sha256').update(this.#text).digest('base64');
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

/** What a person may see of a secret: enough to tell two apart, never enough to use one. */
export function mask(text: string): string {
  return text.length < 16 ? '****' : `${text.slice(0, 4)}…${text.slice(-2)} (${text.length} characters)`;
}
