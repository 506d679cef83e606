import type { ByteString } from '../core/byte-string.ts';

/** Maps the path of a target to what templates see as `request.path`. */
export type PathBelow = (path: ByteString) => ByteString;

/** Where the requests of a route go. */
export interface Site {
  /** Scheme, host and port, normalised: what `Host` says is its host and port. */
  readonly origin: string;
  readonly pathBelow: PathBelow;
}

/** The site of an absolute URL, and of the endpoint `api` if there is one. See {@link createPathBelow}. */
export const siteOf = (upstream: string, api: string | undefined): Site => ({
  origin: split(upstream).origin,
  pathBelow: createPathBelow(upstream, api),
});

/**
 * Creates the mapping for one route. A path loses the path of the endpoint `api` if it lies below that and `api` has the same
 * origin; else it loses the path of `upstream` if it lies below that; else it stays whole. The rest is kept byte for byte. Both
 * arguments are absolute URLs.
 */
function createPathBelow(upstream: string, api: string | undefined): PathBelow {
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
