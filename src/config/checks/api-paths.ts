import { basePathOf } from '../../core/path.ts';

/**
 * A profile's `api_paths` as whole paths at the origin of `upstream`: below the path of the endpoint `api` where that is at the same
 * origin, and below the upstream's own, as `request.path` is counted. Both are absolute URLs.
 */
export function wholeApiPaths(paths: readonly string[], upstream: string, api: string | undefined): readonly string[] {
  const here = split(upstream);
  const there = api === undefined ? undefined : split(api);
  const bases = there?.origin === here.origin ? [there.path, here.path] : [here.path];
  return [...new Set(bases.flatMap((base) => paths.map((path) => base + path)))];
}

const split = (url: string): { readonly origin: string; readonly path: string } => ({
  origin: new URL(url).origin,
  path: basePathOf(url),
});
