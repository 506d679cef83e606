/** Follows an RFC 6901 pointer into parsed JSON; undefined when nothing is there. */
export function readPointer(root: unknown, pointer: string): unknown {
  if (pointer === '') return root;
  let at = root;
  for (const token of pointer.slice(1).split('/')) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
