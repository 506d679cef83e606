import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const FRESH_BYTES = 8 * 1024 * 1024;

type Collect = (options: { readonly type: 'minor' }) => void;

let freshBytes = 0;
let collect: Collect | undefined;

/** V8's own function to collect, which is there only for those who ask for it. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const found = runInNewContext('globalThis.gc') as Collect | undefined;
  setFlagsFromString('--no-expose-gc');
  return found ?? (() => undefined);
}

/**
 * So many bytes of bodies have come. Each is a Buffer, whose memory V8 doesn't count for the young: they would lie dead until a
 * full collection, which they bring about several times a second, and everybody waits for it. The young alone take a millisecond.
 */
export function passed(bytes: number): void {
  freshBytes += bytes;
  if (freshBytes < FRESH_BYTES) return;
  freshBytes = 0;
  (collect ??= collector())({ type: 'minor' });
}
