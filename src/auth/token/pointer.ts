const tokensOf = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Follows an RFC 6901 pointer into parsed JSON; undefined when nothing is there. */
export function readPointer(root: unknown, pointer: string): unknown {
  if (pointer === '') return root;
  let at = root;
  for (const key of tokensOf(pointer)) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** Puts a value where a pointer leads, with the maps on the way there, and lists for steps that are numbers. Changes `root`. */
export function placePointer(root: Record<string, unknown>, pointer: string, value: unknown): void {
  const keys = tokensOf(pointer);
  let at = root;
  for (const [index, key] of keys.entries()) {
    const isLast = index === keys.length - 1;
    const next = isLast ? value : ((Object.hasOwn(at, key) && at[key]) ?? undefined);
    const isContainer = typeof next === 'object' && next !== null;
    const step = isLast || isContainer ? next : /^\d+$/.test(keys[index + 1] as string) ? [] : {};
    Object.defineProperty(at, key, { value: step, writable: true, enumerable: true, configurable: true });
    at = step as Record<string, unknown>;
  }
}
