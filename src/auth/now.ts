/** Shows the moment `nowMs` (epoch milliseconds), `laterMs` later. */
type ShowTime = (nowMs: number, laterMs: number) => string;

const iso = (ms: number): string => new Date(ms).toISOString();
const twoDigits = (count: number): string => String(count).padStart(2, '0');

/** `Z`, or an offset from UTC as RFC 3339 writes it: `+05:30`. */
function offset(laterMs: number): string {
  if (laterMs === 0) return 'Z';
  const minutes = Math.abs(laterMs) / 60_000;
  return `${laterMs < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

/**
 * The times that a template may name, by what stands behind `now.`.
 * What is added makes `s`, `ms`, `date` and `digits` later; in `iso` it is the offset from UTC of the same moment.
 */
export const TIMES: Readonly<Record<string, ShowTime>> = {
  s: (nowMs, laterMs) => String(Math.floor((nowMs + laterMs) / 1000)),
  ms: (nowMs, laterMs) => String(nowMs + laterMs),
  http_date: (nowMs) => new Date(nowMs).toUTCString(),
  iso: (nowMs, laterMs) => iso(nowMs + laterMs).replace('Z', offset(laterMs)),
  compact: (nowMs) => iso(nowMs).replaceAll(/[-:]|\.\d+/g, ''),
  date: (nowMs, laterMs) =>
    iso(nowMs + laterMs)
      .slice(0, 10)
      .replaceAll('-', ''),
  digits: (nowMs, laterMs) =>
    iso(nowMs + laterMs)
      .slice(0, 19)
      .replaceAll(/\D/g, ''),
};
