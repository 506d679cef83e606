const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/i;

/**
 * Reads a date-time of RFC 3339 §5.6 as epoch milliseconds; NaN for anything else. Second 60, a leap second, counts as the
 * first second of the next minute.
 */
export function parseDateTime(text: string): number {
  const parts = DATE_TIME.exec(text);
  if (!parts) return Number.NaN;
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1, 7).map(Number);
  const [fraction = '0', sign = '+', ...offset] = parts.slice(7);
  const [offsetHours = 0, offsetMinutes = 0] = offset.map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDay || hours > 23 || minutes > 59 || seconds > 60 || offsetHours > 23 || offsetMinutes > 59) return Number.NaN;
  const localMs = date.getTime() + ((hours * 60 + minutes) * 60 + seconds) * 1000 + Math.floor(Number(fraction) * 1000);
  return localMs - Number(`${sign}1`) * (offsetHours * 60 + offsetMinutes) * 60_000;
}
