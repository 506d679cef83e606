import { randomUUID } from 'node:crypto';
import type { ByteString } from '../core/byte-string.ts';

/** What a template may ask of a request, as built so far. Fields throw `bad_body` or `bad_request` where they are ambiguous. */
export interface RequestView {
  readonly method: string;
  /** Below the API's base; byte for byte, no query. */
  readonly path: ByteString;
  /** Without the `?`. */
  readonly query: ByteString;
  /** The path with its query. */
  readonly pathAndQuery: ByteString;
  readonly body: ByteString;
  header(name: string): ByteString;
  formField(name: ByteString): ByteString;
  jsonField(path: readonly ByteString[]): ByteString;
}

/** The parts of a token that a template may name. */
export interface TokenView {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken: string | undefined;
}

export interface ScopeParts {
  readonly credentials: ReadonlyMap<string, ByteString>;
  readonly token: TokenView | undefined;
  readonly subject: ByteString;
  readonly request: RequestView;
  readonly now: () => number;
  readonly uuid?: string;
}

/** What templates see during one attempt: `now`, `uuid` and each of `values` are computed once, when first asked for. */
export class Scope {
  readonly credentials: ReadonlyMap<string, ByteString>;
  readonly token: TokenView | undefined;
  readonly subject: ByteString;
  /** Exchanged when a token call has its fields (over the caller's request) and is to be signed (over itself). */
  request: RequestView;
  /** Set while a signature is being placed. */
  signature: ByteString = '';
  readonly #now: () => number;
  #nowMs: number | undefined;
  #uuid: string | undefined;
  #values: Map<string, ByteString> | undefined;

  constructor(parts: ScopeParts) {
    this.credentials = parts.credentials;
    this.token = parts.token;
    this.subject = parts.subject;
    this.request = parts.request;
    this.#now = parts.now;
    this.#uuid = parts.uuid;
  }

  get nowMs(): number {
    this.#nowMs ??= this.#now();
    return this.#nowMs;
  }

  get uuid(): string {
    this.#uuid ??= randomUUID();
    return this.#uuid;
  }

  value(name: string, render: (scope: Scope) => ByteString): ByteString {
    this.#values ??= new Map();
    let text = this.#values.get(name);
    if (text === undefined) {
      text = render(this);
      this.#values.set(name, text);
    }
    return text;
  }
}
