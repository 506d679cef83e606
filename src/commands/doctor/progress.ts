import type { Writable } from 'node:stream';

const EVERY_MS = 200;
const ERASE_LINE = '\r\u001b[2K';

/** Says on a terminal what is still waited for; elsewhere nothing. */
export interface Progress {
  done(name: string): void;
  /** Takes the line away. */
  end(): void;
}

/** Begins to tell of things that are under way together. */
export function showProgress(
  stream: Writable & { isTTY?: boolean; columns?: number },
  names: readonly string[],
): Progress {
  if (!stream.isTTY) return { done: () => undefined, end: () => undefined };
  const waiting = new Set(names);
  const startedAt = performance.now();
  const draw = (): void => {
    const seconds = Math.floor((performance.now() - startedAt) / 1_000);
    const line = `checking (${names.length - waiting.size} of ${names.length}, ${seconds} s): ${[...waiting].join(', ')}`;
    stream.write(`${ERASE_LINE}${line.slice(0, (stream.columns || 80) - 1)}`);
  };
  const timer = setInterval(draw, EVERY_MS);
  draw();
  return {
    done(name) {
      waiting.delete(name);
      draw();
    },
    end() {
      clearInterval(timer);
      stream.write(ERASE_LINE);
    },
  };
}
