import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (
  options: { readonly type: 'minor' } | { readonly type: 'major'; readonly flavor: 'last-resort' },
) => void;

let collect: Collect | undefined;

/** Returns V8's function for a collection. V8 offers it only while a flag is set. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const found = runInNewContext('globalThis.gc') as Collect | undefined;
  setFlagsFromString('--no-expose-gc');
  return found ?? (() => undefined);
}

/**
 * Collects the young generation of V8's heap. The bytes that a socket reads lie outside of the heap, so V8 doesn't count them
 * when it decides on a young collection. Without this call they are freed by full collections, one for each 64 MiB. At a
 * gibibyte a second that is twenty full collections a second, and each stops the process. A young collection takes a
 * millisecond.
 */
export function collectYoung(): void {
  (collect ??= collector())({ type: 'minor' });
}

/**
 * Collects the whole heap and gives the memory that is not in use back to the system. V8 does the latter only where memory runs
 * short. It stops the process for some 30 ms.
 */
export function shrinkHeap(): void {
  (collect ??= collector())({ type: 'major', flavor: 'last-resort' });
}
