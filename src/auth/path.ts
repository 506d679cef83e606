import type { ByteString } from '../core/byte-string.ts';

/** Maps the path of a target to what templates see as `request.path`. */
export type PathBelow = (path: ByteString) => ByteString;

/**
 * Creates the mapping for one route. A path loses the path of the endpoint `api` if it lies below that and `api` has the same
 * origin; else it loses the path of `upstream` if it lies below that; else it stays whole. The rest is kept byte for byte. Both
 * arguments are absolute URLs.
 */
export function createPathBelow(upstream: string, api: string | undefined): PathBelow {
  const here = split(upstream);
  const there = api === undefined ? undefined : split(api);
  const bases = there?.origin === here.origin ? [there.path, here.path] : [here.path];
  return (path) => {
    for (const base of bases) {
      if (path.startsWith(base) && (path.length === base.length || path[base.length] === '/')) {
        return path.slice(base.length);
      }
    }
    return path;
  };
}

function split(url: string): { readonly origin: string; readonly path: string } {
  const [, path = ''] = /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url) ?? [];
  return { origin: URL.canParse(url) ? new URL(url).origin : url, path: path.replace(/\/+$/, '') };
}
