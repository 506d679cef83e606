import { OutriderError } from '../../core/errors.ts';
import type { RequestBody } from './request-body.ts';

/** Gives an error the outcome of its code again, because nothing of this attempt was sent. */
function unsent(error: unknown): unknown {
  if (!(error instanceof OutriderError)) return error;
  const { code, detail, cause, close } = error;
  return new OutriderError(code, { detail, cause, close });
}

async function* resumed(
  first: IteratorResult<Uint8Array>,
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let next = first; !next.done; next = await source.next()) yield next.value;
  } finally {
    await source.return?.();
  }
}

/**
 * Waits for the first chunk of a streaming body, and resolves with the body. The engine writes the head together with that
 * chunk. A connection that was taken earlier would stand idle until then, and if the server closed it, the request would count
 * as failed. Reading can start anew until the second chunk has been asked for. Rejects with what the body threw.
 */
export async function awaitFirstChunk(body: RequestBody): Promise<AsyncIterable<Uint8Array>> {
  const source = body.read()[Symbol.asyncIterator]();
  try {
    const first = await source.next();
    return { [Symbol.asyncIterator]: () => resumed(first, source) };
  } catch (error) {
    throw unsent(error);
  }
}
