import type { TokenSpec } from '../../config/profile/profile.ts';
import type { Clock } from '../../core/clock.ts';
import type { HttpClient } from '../../core/http.ts';
import type { TlsIdentity } from '../../core/tls.ts';
import type { RenewalTrace } from '../../core/tracing.ts';
import type { TokenRecord } from '../../store/store.ts';
import type { Credentials } from '../credentials.ts';
import { type RequestView, Scope } from '../scope.ts';
import type { Compile } from '../template.ts';
import type { ByteString } from '../../core/byte-string.ts';
import type { ExpiryWarning } from './expiry.ts';
import { hostOf, type TokenFailure, toFailure } from './failure.ts';
import { buildTokenCall, compileTokenCall, type TokenCall } from './call.ts';
import { readTokenResponse, type TokenAnswer } from './answer.ts';

/** The limit of an answer. No token answer is longer. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** What calls to the token endpoint of one provider need. */
export interface TokenEndpoint {
  readonly read: TokenSpec['read'];
  /** Undefined when a program gives the tokens. */
  readonly fetch: TokenCall | undefined;
  readonly refresh: TokenCall | undefined;
  /** The URL of the endpoint `api`, undefined if there is none. Signed token calls take their `request.path` below it. */
  readonly api: string | undefined;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly http: HttpClient;
  /** How TLS is spoken to the endpoint, now. */
  readonly tls: () => TlsIdentity | undefined;
  /** The time limit of getting a token, including a refresh that is refused. */
  readonly timeoutMs: number;
  /** Called when the expiry of a valid token looks wrong. */
  readonly warn: (warning: ExpiryWarning) => void;
}

/** A token, and when it arrived. */
export interface ArrivedToken extends TokenAnswer {
  /** When the answer arrived: epoch milliseconds of our own clock. */
  readonly arrivedAtMs: number;
}

/**
 * Gets a token for one subject, by the refresh grant if `last` has a refresh token. Rejects with {@link TokenFailure} only.
 * @param request The caller's request, which templates of the call may read.
 */
export type RequestToken = (
  last: TokenRecord | undefined,
  request: RequestView,
  trace: RenewalTrace | undefined,
) => Promise<ArrivedToken>;

/** Compiles the calls of a profile's `token`. */
export function compileTokenCalls(
  spec: TokenSpec,
  compile: Compile,
): Pick<TokenEndpoint, 'read' | 'fetch' | 'refresh'> {
  return {
    read: spec.read,
    fetch: spec.fetch && compileTokenCall(spec.fetch, compile),
    refresh: spec.refresh && compileTokenCall(spec.refresh, compile),
  };
}

/**
 * Creates the function that gets a token for `subject`. With a refresh token, it uses the refresh grant (RFC 6749 §6). If that
 * is refused or yields no token, it makes the full call.
 */
export function createTokenRequest(
  endpoint: TokenEndpoint & { readonly fetch: TokenCall },
  subject: ByteString,
): RequestToken {
  const { fetch, refresh, clock, warn } = endpoint;

  const send = async (
    call: TokenCall,
    last: TokenRecord | undefined,
    request: RequestView,
    trace: RenewalTrace | undefined,
    timeoutMs: number,
  ): Promise<ArrivedToken> => {
    const { values: credentials, keys } = endpoint.credentials.resolve();
    const scope = new Scope({ credentials, keys, token: last, subject, request, now: () => clock.now() });
    let host = hostOf('');
    try {
      const masked = call.url.mask(scope).text;
      host = hostOf(masked);
      const built = buildTokenCall(call, scope, endpoint.api);
      const headers = trace ? trace.call(built.method, masked, built.headers) : built.headers;
      const answer = await endpoint.http({
        ...built,
        headers,
        tls: endpoint.tls(),
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
      });
      trace?.answered(answer.status);
      const arrivedAtMs = clock.now();
      return { ...readTokenResponse(endpoint.read, answer, { atMs: arrivedAtMs, host, warn }), arrivedAtMs };
    } catch (error) {
      throw toFailure(error, { host, timeoutMs: endpoint.timeoutMs });
    }
  };

  return async (last, request, trace) => {
    const startedMs = clock.monotonic();
    const leftMs = (): number => Math.max(endpoint.timeoutMs - (clock.monotonic() - startedMs), 1);
    const held = last?.refreshToken;
    if (!refresh || held === undefined) return send(fetch, last, request, trace, leftMs());
    try {
      const answer = await send(refresh, last, request, trace, leftMs());
      // Without a new refresh token in the answer, the old one stays valid (RFC 6749 §6).
      return { ...answer, refreshToken: answer.refreshToken ?? held };
    } catch (error) {
      const { failure } = error as TokenFailure;
      if (failure !== 'refused' && failure !== 'bad_answer') throw error;
      return send(fetch, last, request, trace, leftMs());
    }
  };
}
