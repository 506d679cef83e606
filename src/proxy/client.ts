import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { headerValue } from '../core/headers.ts';
import type { HttpAnswer, HttpCall, HttpClient } from '../core/http.ts';
import { decode } from './peek.ts';
import type { Answer } from './answer.ts';
import type { Upstream } from './upstream.ts';

function readWhole(answer: Answer, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  answer.pipe(
    {
      write(chunk) {
        bytes += chunk.length;
        if (bytes > maxBytes)
          reject(new OutriderError('upstream_bad_response', { detail: `the answer is longer than ${maxBytes} bytes` }));
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

/** Calls of our own (to token endpoints); the time limit is for the whole call. */
export function createClient(upstream: Upstream, clock: Clock): HttpClient {
  return async (call: HttpCall): Promise<HttpAnswer> => {
    const url = new URL(call.url);
    const attempt = upstream.send({
      origin: url.origin,
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
      const body = await Promise.race([readWhole(answer, call.maxBytes), late.promise]);
      const decoded = decode(body, headerValue(answer.headers, 'content-encoding'), call.maxBytes);
      if (!decoded)
        throw new OutriderError('upstream_bad_response', {
          detail: 'the answer has a content coding that is unknown or broken',
        });
      return { status: answer.status, headers: answer.headers, body: decoded };
    } finally {
      timer.cancel();
      attempt.abort();
    }
  };
}
