/** A target's path, its query cut off. */
export function pathOfTarget(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** The path of an absolute URL as it is written, without query and fragment; empty where it has none. */
export const pathOfUrl = (url: string): string => /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? '';

/** The same without its trailing slash: what the paths of requests are joined to. */
export const basePathOf = (url: string): string => pathOfUrl(url).replace(/\/$/, '');

const ESCAPE = /%([0-9A-Fa-f]{2})/g;

const decodeOnce = (path: string): string =>
  path.replaceAll(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** `%252525` hides as much as `%25`, and takes as many rounds to see through. */
const collapse = (path: string): string => path.replaceAll(/%(?:25)+/g, '%25');

function hasPlainDotSegment(path: string): boolean {
  return path.split(/[/\\]/).some((segment) => {
    const semicolon = segment.indexOf(';');
    const name = semicolon < 0 ? segment : segment.slice(0, semicolon);
    return name === '.' || name === '..';
  });
}

/**
 * Whether a path has a `.` or `..` for some server: as it stands, or once its percent escapes are decoded, however often; between
 * slashes or backslashes, with parameters behind it or without. RFC 3986 §5.2.4.
 */
export function hasDotSegment(path: string): boolean {
  for (let seen = collapse(path); ;) {
    if (hasPlainDotSegment(seen)) return true;
    const decoded = collapse(decodeOnce(seen));
    if (decoded === seen) return false;
    seen = decoded;
  }
}

/** What some servers take for something else, or for nothing. */
const ODD = /[%;\\]|\/\//;

/** Whether all servers take a path for the same, its case and a slash at its end aside. */
export const isPlainPath = (path: string): boolean => !ODD.test(path);

/**
 * A path as the most lenient server may take it, to tell whether two lead to one place: percent escapes decoded however often,
 * slashes merged, parameters and the last slash cut, without case.
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
