import type { RouteMatch } from '../config/config.ts';
import type { Destination } from '../proxy/destination.ts';
import { apiFit, createForwardDoor } from '../proxy/doors/forward.ts';
import type { ForwardRequest, CompiledRoute } from '../proxy/compiled-config.ts';
import { createRouter, specificity } from '../proxy/router.ts';
import type { Candidate } from '../proxy/router.ts';

interface Named {
  readonly name: string;
  readonly match: RouteMatch;
}

const fits = (route: { match: RouteMatch }, request: Candidate): boolean =>
  createRouter([route]).match(request) !== undefined;

/** Why `winner` and not another of the routes that match, as the end of a sentence. */
export function whyItWon(winner: Named, routes: readonly Named[], request: Candidate): string {
  const others = routes.filter((route) => route !== winner && fits(route, request));
  if (others.length === 0) return `the only route that matches (path ${winner.match.path})`;
  const list = others.map(({ name, match }) => `${name} ${match.path}`).join(', ');
  const rivals = others.filter(({ match }) => match.path === winner.match.path);
  if (rivals.length === 0) return `its path ${winner.match.path} is the longest of those that match (also: ${list})`;
  const isClearer = rivals.every(({ match }) => specificity(match) < specificity(winner.match));
  const reason = isClearer ? 'it has more conditions on methods, hosts and headers' : 'it comes first in the file';
  return `of the routes with the path ${winner.match.path}, ${reason} (also: ${list})`;
}

/** Whether a route by itself would take a request at the forward doors. */
function takes(route: CompiledRoute, destination: Destination, request: ForwardRequest): boolean {
  const alone = createForwardDoor({ mode: 'plain', unmatched: 'tunnel' }, [route], () => ({
    ...route,
    isUnmatched: true,
  }));
  return alone?.routeOrRelay(destination, request).isUnmatched === undefined;
}

/** Why `winner` and not another of the routes whose upstream the URL lies below, as the end of a sentence. */
export function whyForwarded(
  winner: CompiledRoute,
  routes: readonly CompiledRoute[],
  destination: Destination,
  request: ForwardRequest,
): string {
  const upstreamOf = ({ origin, join }: CompiledRoute): string => origin + join.basePath;
  const own = routes.find(({ name }) => name === winner.name);
  if (!own) return 'no route leads there, and `forward.unmatched` lets it through as it is';
  const others = routes.filter((route) => route !== own && takes(route, destination, request));
  const upstream = upstreamOf(own);
  if (others.length === 0) return `the only route whose upstream (${upstream}) is the beginning of the URL`;
  const list = others.map((route) => `${route.name} ${upstreamOf(route)}`).join(', ');
  const rivals = others.filter(({ join }) => join.basePath.length === own.join.basePath.length);
  if (rivals.length === 0)
    return `its upstream ${upstream} is the longest that is the beginning of the URL (also: ${list})`;
  return `of the routes with the upstream ${upstream}, ${whyOfRivals(own, rivals, request.path)} (also: ${list})`;
}

function whyOfRivals(own: CompiledRoute, rivals: readonly CompiledRoute[], path: string): string {
  const fit = apiFit(own, path);
  const best = Math.max(...rivals.map((rival) => apiFit(rival, path)));
  if (fit <= best) return 'it comes first in the file';
  const apiPath = own.apiPaths.find((each) => apiFit({ apiPaths: [each] }, path) === fit);
  return apiPath === undefined ? "the others' profiles are for other paths" : `its profile is the one for ${apiPath}`;
}

/** What keeps the nearest routes from matching. */
export function whyNone(routes: readonly Named[], request: Candidate): string {
  const free = { methods: [], hosts: [], headers: new Map<string, string>() };
  const near = routes.filter(({ match }) => fits({ match: { ...match, ...free } }, request));
  if (near.length === 0) {
    const paths = routes.flatMap(({ match }) => match.path ?? []);
    return paths.length === 0
      ? 'there are no routes with a path'
      : `the paths there are: ${paths.slice(0, 20).join(', ')}`;
  }
  return near
    .map(({ name, match }) => {
      const wants = [
        match.methods.length > 0 && !match.methods.includes(request.method) && `method ${match.methods.join(' or ')}`,
        match.hosts.length > 0 &&
          !fits({ match: { ...match, ...free, hosts: match.hosts } }, request) &&
          `Host ${match.hosts.join(' or ')}`,
        match.headers.size > 0 &&
          !fits({ match: { ...match, ...free, headers: match.headers } }, request) &&
          `header ${[...match.headers.keys()].join(' and ')}`,
      ];
      return `"${name}" wants ${wants.filter(Boolean).join(', ')}`;
    })
    .join('; ');
}
