import { passed } from './passed.ts';

/** Of all bodies together so much is passed on in one turn of the event loop; then whoever else has something to do has its turn. */
const TURN_BYTES = 512 * 1024;
/** What the smallest piece counts for: it has its price too. */
const PIECE_BYTES = 512;

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

let turnBytes = 0;
let waiting: Waiting[] = [];

/** Those who wait go on in the order in which they came. */
function nextTurn(): void {
  const queue = waiting;
  waiting = [];
  turnBytes = 0;
  let n = 0;
  for (; n < queue.length && turnBytes < TURN_BYTES; n++) {
    const { bytes, go } = queue[n] as Waiting;
    turnBytes += bytes;
    go();
  }
  if (n < queue.length) waiting = [...queue.slice(n), ...waiting];
  if (turnBytes > 0) setImmediate(nextTurn);
}

/**
 * Whether a body, of which so many bytes have just come, may be read on at once; if not, `go` is called when it may. Without
 * that each socket would be read up to 32 times before another is looked at, and fifty bodies be 100 MiB in one turn.
 */
export function mayReadOn(bytes: number, go: () => void): boolean {
  passed(bytes);
  const counted = Math.max(bytes, PIECE_BYTES);
  if (turnBytes >= TURN_BYTES) {
    waiting.push({ bytes: counted, go });
    return false;
  }
  if (turnBytes === 0) setImmediate(nextTurn);
  turnBytes += counted;
  return true;
}

let turn: Promise<void> | undefined;
/** Once what the sockets had has been read: one promise for all who wait in this turn of the event loop. */
export const afterReading = (): Promise<void> =>
  (turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  }));
