import { basePathOf } from '../../core/path.ts';

/**
 * The whole paths at the origin of `upstream` that a profile's `api_paths` stand for. Each lies below the path of `upstream`,
 * as `request.path` does. If the endpoint `api` has the same origin, each lies below its path too.
 * @param upstream Absolute URL of a route.
 * @param api Absolute URL of the endpoint `api`, if there is one.
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
