import { type KeyObject, randomUUID } from 'node:crypto';
import type { ByteString } from '../core/byte-string.ts';
import type { MadeJwt, ReusedJwts } from './reused-jwts.ts';

/**
 * What a template can read from a request as it has been built so far. `header` throws `bad_request` for a header that was sent
 * twice. `formField` and `jsonField` throw `bad_body` for a field that was sent twice, or a body that can't be read.
 */
export interface RequestView {
  readonly method: string;
  /** The path below the base of the API, byte for byte, without the query. */
  readonly path: ByteString;
  /** The query without its `?`. */
  readonly query: ByteString;
  /** The path, and the query with its `?` if there is one. */
  readonly pathAndQuery: ByteString;
  readonly body: ByteString;
  header(name: string): ByteString;
  formField(name: ByteString): ByteString;
  jsonField(path: readonly ByteString[]): ByteString;
}

/** What a template can read from a callback besides its request. Both throw `bad_body` or `bad_request`, as {@link RequestView}. */
export interface CallbackView {
  /** A field of the JSON that a field of the body holds in base64. */
  innerField(path: readonly ByteString[]): ByteString;
  /** A part of the header that is split into parts. */
  part(name: string): ByteString;
}

/** The parts of a token that a template can name. */
export interface TokenView {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken: string | undefined;
}

/** What a scope starts from. `now` gives epoch milliseconds; a `uuid` that is left out is made when first used. */
export interface ScopeParts {
  readonly credentials: ReadonlyMap<string, ByteString>;
  /** The keys among the credentials. Without them nothing can be signed by a key that is not text. */
  readonly keys?: ReadonlyMap<string, KeyObject>;
  /** The JWTs that API calls use again. Without it each is made anew. */
  readonly reused?: ReusedJwts | undefined;
  /** Whether JWTs are signed, which is the default; if not, their names stand in for them. */
  readonly signsJwts?: boolean;
  readonly token: TokenView | undefined;
  readonly subject: ByteString;
  readonly request: RequestView;
  /** Undefined: the request is no callback. */
  readonly callback?: CallbackView;
  readonly now: () => number;
  readonly uuid?: string;
}

const NO_KEYS: ReadonlyMap<string, KeyObject> = new Map();

/**
 * Everything that templates see during one attempt. `now`, `uuid` and each of `values` are computed once, on first use, so they
 * are equal throughout the attempt.
 */
export class Scope {
  readonly credentials: ReadonlyMap<string, ByteString>;
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly token: TokenView | undefined;
  readonly subject: ByteString;
  readonly callback: CallbackView | undefined;
  readonly signsJwts: boolean;
  /** The generation of the newest reused JWT that was rendered; 0 for none. */
  reusedGeneration = 0;
  /**
   * The request that `request.*` reads. While the fields of a token call are rendered, it is the caller's request; while that
   * call is signed, it is the call itself.
   */
  request: RequestView;
  /** The digest that `signature` shows, set while a signature is put in. */
  signature: ByteString = '';
  readonly #reused: ReusedJwts | undefined;
  readonly #now: () => number;
  #nowMs: number | undefined;
  #uuid: string | undefined;
  #values: Map<string, ByteString> | undefined;

  constructor(parts: ScopeParts) {
    this.credentials = parts.credentials;
    this.keys = parts.keys ?? NO_KEYS;
    this.signsJwts = parts.signsJwts ?? true;
    this.#reused = parts.reused;
    this.token = parts.token;
    this.subject = parts.subject;
    this.request = parts.request;
    this.callback = parts.callback;
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

  /** The JWT called `name` that API calls use again. In a token call, which reuses none, it is made. */
  reuse(name: string, reuseMs: number, make: () => MadeJwt): string {
    if (!this.#reused) return make().text;
    const { text, generation } = this.#reused.get(name, reuseMs, this.nowMs, this.credentials, make);
    this.reusedGeneration = Math.max(this.reusedGeneration, generation);
    return text;
  }

  /** The value called `name`, rendered on first use. */
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
