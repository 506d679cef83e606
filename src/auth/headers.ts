import type { RawHeaders } from '../core/headers.ts';

/** A header to put into a request. Its lower-case name is computed once, not per request. */
export interface PlacedHeader {
  readonly name: string;
  readonly lower: string;
  readonly value: string;
}

/**
 * Replaces the first header of that name, or appends the header if there is none. Other headers of that name are removed.
 * Changes `headers`.
 */
export function placeHeader(headers: string[], { name, lower, value }: PlacedHeader): void {
  const at = indexOfHeader(headers, lower, 0);
  if (at < 0) {
    headers.push(name, value);
    return;
  }
  headers[at] = name;
  headers[at + 1] = value;
  removeHeader(headers, lower, at + 2);
}

/** Removes every header whose name is `lower` (lower case), from index `start` on. Changes `headers`. */
export function removeHeader(headers: string[], lower: string, start = 0): void {
  for (let at = indexOfHeader(headers, lower, start); at >= 0; at = indexOfHeader(headers, lower, at)) {
    headers.splice(at, 2);
  }
}

function indexOfHeader(headers: RawHeaders, lower: string, start: number): number {
  for (let at = start; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (name.length === lower.length && (name === lower || name.toLowerCase() === lower)) return at;
  }
  return -1;
}
