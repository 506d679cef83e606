/** Returns the path of a target, without its query. */
export function pathOfTarget(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** Returns the path of an absolute URL as it is written, without query and fragment; '' when it has none. */
export const pathOfUrl = (url: string): string => /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? '';

/** Returns the path of an absolute URL without its trailing slash, to join the paths of requests to. */
export const basePathOf = (url: string): string => pathOfUrl(url).replace(/\/$/, '');

const ESCAPE = /%([0-9A-Fa-f]{2})/g;

const decodeOnce = (path: string): string =>
  path.replaceAll(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Shortens repeated escapes of `%` (`%252525`) to one (`%25`), so that a long chain of them takes no more rounds to decode. */
const collapse = (path: string): string => path.replaceAll(/%(?:25)+/g, '%25');

function hasPlainDotSegment(path: string): boolean {
  return path.split(/[/\\]/).some((segment) => {
    const semicolon = segment.indexOf(';');
    const name = semicolon < 0 ? segment : segment.slice(0, semicolon);
    return name === '.' || name === '..';
  });
}

/**
 * Whether some server may find a `.` or `..` segment in a path (RFC 3986 §5.2.4): as it stands, or after decoding its percent
 * escapes any number of times. Segments may be separated by slashes or backslashes, and may have parameters (`..;a=b`).
 */
export function hasDotSegment(path: string): boolean {
  for (let seen = collapse(path); ;) {
    if (hasPlainDotSegment(seen)) return true;
    const decoded = collapse(decodeOnce(seen));
    if (decoded === seen) return false;
    seen = decoded;
  }
}

/** Parts of a path that servers treat differently: escapes, parameters, backslashes, double slashes. */
const ODD = /[%;\\]|\/\//;

/** Whether all servers understand a path in the same way, except for its case and a slash at its end. */
export const isPlainPath = (path: string): boolean => !ODD.test(path);

/**
 * Returns a path as the most lenient server may understand it, to find out whether two paths lead to the same place. Percent
 * escapes are decoded any number of times, slashes merged, parameters and the last slash removed, and the case is lower.
 */
export function lenientPath(path: string): string {
  if (isPlainPath(path)) return path.replace(/\/$/, '').toLowerCase();
  let seen = collapse(path);
  for (let decoded = collapse(decodeOnce(seen)); decoded !== seen; decoded = collapse(decodeOnce(seen))) seen = decoded;
  const plain = seen
    .replaceAll('\\', '/')
    .replaceAll(/;[^/]*/g, '')
    .replaceAll(/\/{2,}/g, '/');
  return plain.replace(/\/$/, '').toLowerCase();
}
