import type { RawHeaders } from '../core/headers.ts';

/** Whether an answer is an event stream, which may stay silent for long. */
export const isEventStream = (headers: RawHeaders): boolean =>
  headers.some(
    (name, i) =>
      i % 2 === 0 &&
      name.length === 12 &&
      name.toLowerCase() === 'content-type' &&
      /^text\/event-stream/i.test(headers[i + 1] as string),
  );
