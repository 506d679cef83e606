import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { headerValue } from '../core/headers.ts';
import type { HttpAnswer, HttpCall, HttpClient } from '../core/http.ts';
import { decode } from './answer-decoding.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import type { Upstream } from './upstream.ts';

type Body = Pick<HttpAnswer, 'body' | 'flaw'>;

const without = (flaw: Body['flaw']): Body => ({ body: new Uint8Array(0), flaw });

function readWhole(answer: UpstreamAnswer, maxBytes: number): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  answer.pipe(
    {
      write(chunk) {
        bytes += chunk.length;
        if (bytes > maxBytes) resolve(undefined);
        else chunks.push(chunk);
        return bytes <= maxBytes;
      },
      end: () => resolve(Buffer.concat(chunks)),
      abort: reject,
    },
    0,
  );
  return promise;
}

/**
 * Reads the whole body. When it breaks off behind a status other than 2xx, the status says more than the break, so that is
 * kept.
 */
async function readBody(answer: UpstreamAnswer, maxBytes: number): Promise<Body> {
  let whole: Buffer | undefined;
  try {
    whole = await readWhole(answer, maxBytes);
  } catch (error) {
    if (answer.status >= 200 && answer.status < 300) throw error;
    return without('broken');
  }
  if (!whole) return without('too_long');
  const body = decode(whole, headerValue(answer.headers, 'content-encoding'), maxBytes);
  return body ? { body } : without('coding');
}

/**
 * Makes the client for calls of our own, to token endpoints. The time limit is for the whole call. Errors are those of
 * {@link HttpClient}.
 */
export function createClient(upstream: Upstream, clock: Clock): HttpClient {
  return async (call: HttpCall): Promise<HttpAnswer> => {
    const url = new URL(call.url);
    const attempt = upstream.send({
      origin: url.origin,
      tls: call.tls,
      method: call.method,
      target: url.pathname + url.search,
      headers: call.headers,
      body: call.body,
      streamBytes: 0,
      timeouts: { connectMs: call.timeoutMs, responseMs: call.timeoutMs, idleMs: 0 },
    });
    const late = Promise.withResolvers<never>();
    const timer = clock.after(call.timeoutMs, () =>
      late.reject(new OutriderError('upstream_timeout', { detail: `no whole answer within ${call.timeoutMs} ms` })),
    );
    try {
      const answer = await Promise.race([attempt.answer, late.promise]);
      const body = await Promise.race([readBody(answer, call.maxBytes), late.promise]);
      return { status: answer.status, headers: answer.headers, ...body };
    } finally {
      timer.cancel();
      attempt.abort();
    }
  };
}
