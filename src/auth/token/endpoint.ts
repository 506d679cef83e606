import type { TokenSpec } from '../../config/profile/profile.ts';
import type { Clock } from '../../core/clock.ts';
import type { HttpClient } from '../../core/http.ts';
import type { TokenRecord } from '../../store/store.ts';
import type { Credentials } from '../credentials.ts';
import { type RequestView, Scope } from '../scope.ts';
import type { Compile } from '../template.ts';
import type { ByteString } from '../../core/byte-string.ts';
import type { ExpiryWarning } from './expiry.ts';
import { hostOf, type TokenFailure, toFailure } from './failure.ts';
import { buildTokenCall, compileTokenCall, type TokenCall } from './request.ts';
import { readTokenResponse, type TokenAnswer } from './response.ts';

/** A longer answer is no token. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** The token endpoint of one provider. */
export interface TokenEndpoint {
  readonly read: TokenSpec['read'];
  readonly fetch: TokenCall;
  readonly refresh: TokenCall | undefined;
  /** `endpoints.api`, for signed token calls. */
  readonly api: string | undefined;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly http: HttpClient;
  /** For the whole of it, a refused refresh included. */
  readonly timeoutMs: number;
  /** Is told what looks wrong with the expiry of a token that is good. */
  readonly warn: (warning: ExpiryWarning) => void;
}

export interface ArrivedToken extends TokenAnswer {
  /** Epoch milliseconds of our own clock. */
  readonly arrivedAtMs: number;
}

/** Gets a token for one subject, by the refresh token if `last` has one; rejects with {@link TokenFailure} and nothing else. */
export type RequestToken = (last: TokenRecord | undefined, request: RequestView) => Promise<ArrivedToken>;

/** The calls of a profile's `token`, compiled. */
export function compileTokenCalls(
  spec: TokenSpec,
  compile: Compile,
): Pick<TokenEndpoint, 'read' | 'fetch' | 'refresh'> {
  return {
    read: spec.read,
    fetch: compileTokenCall(spec.fetch, compile),
    refresh: spec.refresh && compileTokenCall(spec.refresh, compile),
  };
}

/** By the refresh grant where there is a refresh token; where that is refused, or brings no token, by the full one. */
export function createTokenRequest(endpoint: TokenEndpoint, subject: ByteString): RequestToken {
  const { fetch, refresh, clock, warn } = endpoint;

  const send = async (
    call: TokenCall,
    last: TokenRecord | undefined,
    request: RequestView,
    timeoutMs: number,
  ): Promise<ArrivedToken> => {
    const { values: credentials } = endpoint.credentials.resolve();
    const scope = new Scope({ credentials, token: last, subject, request, now: () => clock.now() });
    let host = hostOf('');
    try {
      host = hostOf(call.url.mask(scope).text);
      const built = buildTokenCall(call, scope, endpoint.api);
      const answer = await endpoint.http({ ...built, timeoutMs, maxBytes: MAX_ANSWER_BYTES });
      const arrivedAtMs = clock.now();
      return { ...readTokenResponse(endpoint.read, answer, { atMs: arrivedAtMs, host, warn }), arrivedAtMs };
    } catch (error) {
      throw toFailure(error, { host, timeoutMs: endpoint.timeoutMs });
    }
  };

  return async (last, request) => {
    const startedMs = clock.monotonic();
    const leftMs = (): number => Math.max(endpoint.timeoutMs - (clock.monotonic() - startedMs), 1);
    const held = last?.refreshToken;
    if (!refresh || held === undefined) return send(fetch, last, request, leftMs());
    try {
      const answer = await send(refresh, last, request, leftMs());
      // RFC 6749 §6: without a new refresh token the old one goes on.
      return { ...answer, refreshToken: answer.refreshToken ?? held };
    } catch (error) {
      const { failure } = error as TokenFailure;
      if (failure !== 'refused' && failure !== 'bad_answer') throw error;
      return send(fetch, last, request, leftMs());
    }
  };
}
