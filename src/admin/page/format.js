const TWO_DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat('en');
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

/** 1,234 @param {number} count */
export const number = (count) => WHOLE.format(count);

/** Three digits: 0.123, 12.3, 1,230. @param {number} value */
export const rate = (value) => TWO_DIGITS.format(value);

/** <0.1 ms, 0.4 ms, 123 ms, 1.23 s. @param {number} ms */
export function duration(ms) {
  if (ms >= 1_000) return `${TWO_DIGITS.format(ms / 1_000)} s`;
  if (ms > 0 && ms < 0.1) return '<0.1 ms';
  return ms >= 10 || ms === 0 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** A time span in its two largest units: 12 s, 3 min 5 s, 2 h 10 min, 4 d 3 h. @param {number} ms */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts = /** @type {const} */ ([
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]);
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** 512 B, 1.5 KiB, 3 MiB. @param {number} count */
export function bytes(count) {
  if (count < 1_024) return `${count} B`;
  return count < 1_024 ** 2
    ? `${TWO_DIGITS.format(count / 1_024)} KiB`
    : `${TWO_DIGITS.format(count / 1_024 ** 2)} MiB`;
}

/** A time of day where the reader is, with its date where that is not today's. @param {string} iso @param {number} nowMs */
export function time(iso, nowMs) {
  const date = new Date(iso);
  const clock = CLOCK.format(date);
  const day = DATE.format(date);
  return day === DATE.format(nowMs) ? clock : `${day}, ${clock}`;
}

/** A time of day to a thousandth of a second. @param {string} iso */
export const preciseTime = (iso) => `${CLOCK.format(new Date(iso))}.${iso.slice(20, 23)}`;

/** 1 request, 2 requests. @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** A message as prose: the marks of code are for terminals. @param {string} text */
export const plain = (text) => text.replaceAll('`', '');
