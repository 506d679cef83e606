import { headerValues, type RawHeaders } from '../core/headers.ts';
import type { RouteMatch } from '../config/config.ts';
import { hostOf } from './guard.ts';

/** The part of a request that decides its route. `path` is as it came, without the query. */
export interface Candidate {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: RawHeaders;
}

/** Finds routes at the base-URL door. */
export interface Router<R> {
  /** Returns the route for a request; undefined when none matches. */
  match(request: Candidate): R | undefined;
}

/** Counts the conditions of a match besides its path. Of two routes with the same path, the one with more conditions wins. */
export function specificity({ hosts, headers, methods }: RouteMatch): number {
  return (hosts.length > 0 ? 1 : 0) + headers.size + (methods.length > 0 ? 1 : 0);
}

/** Whether a request meets all conditions of a match but its path. */
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

/** Counts the segments of a prefix: `/` has 0, `/a` 1, `/a/b` 2. */
const depthOf = (path: string): number => (path === '/' ? 0 : path.split('/').length - 1);

/**
 * Compiles routes into a lookup by path prefix. The longest prefix wins, then the route with more conditions, then the earlier
 * one. Routes without a path are left out: they are for the forward doors. A lookup costs more the deeper the prefixes are, but
 * not more the more routes there are.
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
