/** Formats a moment. `nowMs` is epoch milliseconds; `laterMs` is what the template adds to it. */
type ShowTime = (nowMs: number, laterMs: number) => string;

const iso = (ms: number): string => new Date(ms).toISOString();
/** A moment as ISO 8601's basic format writes it, in UTC: `20260101T000000Z`. `nowMs` is epoch milliseconds. */
export const compactTime = (nowMs: number): string => iso(nowMs).replaceAll(/[-:]|\.\d+/g, '');

const twoDigits = (count: number): string => String(count).padStart(2, '0');

/** The offset from UTC as RFC 3339 writes it: `+05:30`, or `Z` for none. */
function offset(laterMs: number): string {
  if (laterMs === 0) return 'Z';
  const minutes = Math.abs(laterMs) / 60_000;
  return `${laterMs < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

/**
 * The formats of time that a template may name after `now.`. For `s`, `ms`, `date` and `digits`, the added time makes the
 * moment later. For `iso`, it is an offset from UTC: the moment stays the same and is written in that offset. The others ignore
 * it.
 */
export const TIMES: Readonly<Record<string, ShowTime>> = {
  s: (nowMs, laterMs) => String(Math.floor((nowMs + laterMs) / 1000)),
  ms: (nowMs, laterMs) => String(nowMs + laterMs),
  http_date: (nowMs) => new Date(nowMs).toUTCString(),
  iso: (nowMs, laterMs) => iso(nowMs + laterMs).replace('Z', offset(laterMs)),
  compact: compactTime,
  date: (nowMs, laterMs) =>
    iso(nowMs + laterMs)
      .slice(0, 10)
      .replaceAll('-', ''),
  digits: (nowMs, laterMs) =>
    iso(nowMs + laterMs)
      .slice(0, 19)
      .replaceAll(/\D/g, ''),
};
