const tokensOf = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Follows a JSON pointer (RFC 6901) into parsed JSON; undefined when it leads nowhere. */
export function readPointer(root: unknown, pointer: string): unknown {
  if (pointer === '') return root;
  let at = root;
  for (const key of tokensOf(pointer)) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/**
 * Puts a value where a JSON pointer leads. Containers on the way are created: a list where the next step is a number, else a
 * map. Changes `root`.
 */
export function placePointer(root: Record<string, unknown>, pointer: string, value: unknown): void {
  const keys = tokensOf(pointer);
  let at = root;
  for (const [index, key] of keys.entries()) {
    const isLast = index === keys.length - 1;
    const next = isLast ? value : ((Object.hasOwn(at, key) && at[key]) ?? undefined);
    const step = isLast || isContainer(next) ? next : /^\d+$/.test(keys[index + 1] as string) ? [] : {};
    setOwn(at, key, step);
    at = step as Record<string, unknown>;
  }
}

/**
 * Merges `more` into `root`: maps into maps, and lists into lists item by item. What `root` has already stays. Changes `root`.
 */
export function addFields(root: object, more: object): void {
  for (const [key, value] of Object.entries(more) as [string, unknown][]) {
    const known = Object.hasOwn(root, key) ? (root as Record<string, unknown>)[key] : undefined;
    if (known === undefined) setOwn(root, key, value);
    else if (isContainer(known) && isContainer(value) && Array.isArray(known) === Array.isArray(value))
      addFields(known, value);
  }
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Sets a property. A plain assignment to `__proto__` would set the prototype instead. */
function setOwn(at: object, key: string, value: unknown): void {
  Object.defineProperty(at, key, { value, writable: true, enumerable: true, configurable: true });
}
