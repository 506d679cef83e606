import { headerValues, type RawHeaders } from '../core/headers.ts';
import type { RouteMatch } from '../config/config.ts';
import { hostOf } from './guard.ts';

/** What of a request decides its route. `path` is raw, without query. */
export interface Candidate {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: RawHeaders;
}

export interface Router<R> {
  /** The route that wins, or undefined. */
  match(request: Candidate): R | undefined;
}

/** How many kinds of conditions a match has besides its path; of two routes with one path, the one with more wins. */
export function specificity({ hosts, headers, methods }: RouteMatch): number {
  return (hosts.length > 0 ? 1 : 0) + headers.size + (methods.length > 0 ? 1 : 0);
}

/** Whether everything but the path fits. */
export function fits(
  match: RouteMatch,
  request: Pick<Candidate, 'method' | 'headers'> & { readonly host?: string },
): boolean {
  if (match.methods.length > 0 && !match.methods.includes(request.method)) return false;
  if (match.hosts.length > 0 && !match.hosts.includes(hostOf(request.host ?? ''))) return false;
  for (const [name, value] of match.headers) {
    if (!headerValues(request.headers, name).includes(value)) return false;
  }
  return true;
}

const SLASH = 0x2f;

/** How many segments a prefix has: `/` 0, `/a` 1, `/a/b` 2. */
const depthOf = (path: string): number => (path === '/' ? 0 : path.split('/').length - 1);

/**
 * Compiles routes into a lookup by prefix: its cost grows with the depth of the deepest prefix, not with the number of routes.
 * The longest path wins, then the one with more conditions, then the earlier one. Routes without a path are for the forward doors.
 */
export function createRouter<R extends { readonly match: RouteMatch }>(routes: readonly R[]): Router<R> {
  const byPath = new Map<string, R[]>();
  let deepest = 0;
  for (const route of routes) {
    const path = route.match.path;
    if (path === undefined) continue;
    deepest = Math.max(deepest, depthOf(path));
    const same = byPath.get(path);
    if (same) same.push(route);
    else byPath.set(path, [route]);
  }
  // A stable sort keeps the earlier route in front.
  for (const same of byPath.values()) same.sort((a, b) => specificity(b.match) - specificity(a.match));

  const pick = (path: string, request: Candidate): R | undefined =>
    byPath.get(path)?.find((route) => fits(route.match, request));

  return {
    match(request) {
      const { path } = request;
      const ends: number[] = [];
      for (let i = 1; i < path.length && ends.length < deepest; i++) {
        if (path.charCodeAt(i) === SLASH) ends.push(i);
      }
      if (ends.length < deepest && path.length > 1) ends.push(path.length);
      for (let i = ends.length - 1; i >= 0; i--) {
        const route = pick(path.slice(0, ends[i]), request);
        if (route) return route;
      }
      return pick('/', request);
    },
  };
}
