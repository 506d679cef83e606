import type { RawHeaders } from '../../core/headers.ts';
import type { ByteString } from '../../core/byte-string.ts';
import type { Key } from '../../keys/algorithms.ts';
import type { CompiledKey } from '../key.ts';
import type { Compile, Compiled, Show } from '../template.ts';

/** A request as a signer sees it: byte for byte as it is sent, but for what the signer itself will put in. */
export interface SignedRequest {
  readonly method: string;
  /** Scheme, host and port of the upstream. The host and port are what `Host` says. */
  readonly origin: string;
  /** Path and query. */
  readonly target: ByteString;
  /** All header fields but Host, Connection and the framing fields. */
  readonly headers: RawHeaders;
  /** The whole body if the signer {@link CompiledSigner.needsBody}, else empty. */
  readonly body: Uint8Array;
  /** Whether it has no body and its method doesn't usually have one. It then goes out without Content-Length. */
  readonly isBodiless: boolean;
  /** The moment of the attempt, in epoch milliseconds. */
  readonly nowMs: number;
  /** A text that no other attempt has. */
  readonly nonce: string;
}

/** A header field that a signer puts in, in place of all that the caller sent under its name. */
export type AddedHeader = readonly [name: string, value: ByteString];

/** What a signer makes of one request, before the key is used. */
export interface Composition {
  /** The canonical text that is signed. */
  readonly text: ByteString;
  /** What the signature covers, for a person to read. */
  readonly covers: readonly string[];
  /** Header fields that go out beside the signature. */
  readonly headers: readonly AddedHeader[];
  /** Names of header fields, in lower case, that the caller may have sent and that must not go out. */
  readonly drops: readonly string[];
  /** Whether the body goes out with a Content-Length even if it came in chunks. */
  readonly fixesLength?: true;
  /** Signs the text. It is never called for a composition whose parameters are masked. */
  sign(keyOf: KeyOf): ByteString;
  /** The value of the header field that carries a signature. */
  carry(signature: ByteString): ByteString;
}

/** Gives a key as it is at the moment. Throws `token_unavailable` for a private key that was not given. */
export type KeyOf = (key: CompiledKey) => Key;

/** A signer with the parameters of one entry of a profile's `sign`. It is pure: a request in, additions out. */
export interface CompiledSigner {
  /** The algorithm, for a person to read. */
  readonly algorithm: string;
  /** The header field that carries the signature. */
  readonly header: string;
  /** The parameter that holds the key. */
  readonly key: Compiled;
  /** All parameters that are templates, so that what they read is known. */
  readonly parameters: readonly Compiled[];
  /** Whether it signs or reads the body of a request with these headers. */
  needsBody(headers: RawHeaders): boolean;
  /** Throws `bad_request` or `bad_body` for a request that can't be signed for certain. */
  compose(request: SignedRequest, show: Show): Composition;
}

/** Compiles the parameters of one signer. */
export type Signer<Parameters> = (parameters: Parameters, compile: Compile) => CompiledSigner;
