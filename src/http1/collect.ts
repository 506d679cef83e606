import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;

/** V8's own function to collect, which is there only for those who ask for it. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const found = runInNewContext('globalThis.gc') as Collect | undefined;
  setFlagsFromString('--no-expose-gc');
  return found ?? (() => undefined);
}

/**
 * Collects the young generation. What a socket reads is memory outside of V8's heap, which its young generation isn't measured by:
 * read and passed on, it would lie dead until a full collection, which 64 MiB of it bring about. At a gibibyte a second that is
 * twenty times a second, and everybody waits for it; the young alone take a millisecond.
 */
export function collectYoung(): void {
  (collect ??= collector())({ type: 'minor' });
}
