import { flushCompileCache } from 'node:module';
import { systemClock, type Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import { shrinkHeap } from '../core/garbage.ts';

const QUIET_MS = 500;

export interface TidyOptions {
  readonly clock?: Clock;
  /** What is done then. */
  readonly tidy?: () => void;
}

/** Writes compiled code to disk, since a process that is killed can't, and gives the start's memory back: about 9 MiB. */
function tidyUp(): void {
  flushCompileCache();
  shrinkHeap();
}

/**
 * Tidies up what the start left, after the first half second in which no request began or ended. It stops the process for a moment.
 * So it is done once, and not while requests come in.
 */
export function tidyAfterStart(events: Events, { clock = systemClock, tidy = tidyUp }: TidyOptions = {}): void {
  let isQuiet = true;
  const hear = (): void => void (isQuiet = false);
  const look = (): void => {
    if (isQuiet) {
      events.off('started', hear).off('exchange', hear);
      tidy();
      return;
    }
    isQuiet = true;
    clock.after(QUIET_MS, look);
  };
  events.on('started', hear).on('exchange', hear);
  clock.after(QUIET_MS, look);
}
