import { OutriderError } from '../../core/errors.ts';
import type { RequestBody } from './whole-body.ts';

/** What broke before anything of the attempt was sent: what the error's own kind says of its outcome holds. */
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
 * A body as it streams, once the first of it is here. The engine writes the head together with that: a connection taken before would
 * only stand idle, and its end be taken for that of the request. It can be read anew until more than the first has been asked for.
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
