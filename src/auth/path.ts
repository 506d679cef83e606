import type { ByteString } from '../core/byte-string.ts';

/** Gives the part of a target's path that profiles call `request.path`. */
export type PathBelow = (path: ByteString) => ByteString;

/**
 * For targets at `upstream`'s origin: the part below the path of the endpoint `api` where the URL lies there, else below the
 * upstream's path, else the whole path; byte for byte. Both are absolute URLs.
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
