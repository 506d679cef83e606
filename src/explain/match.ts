import type { RouteMatch } from '../config/config.ts';
import { destinationOfUrl, keyOf, placesOf, type Destination } from '../proxy/destination.ts';
import { apiFit, createForwardDoor, leadsTo } from '../proxy/doors/forward.ts';
import type { ForwardRequest, CompiledRoute, StandIn } from '../proxy/compiled-config.ts';
import { createRouter, specificity } from '../proxy/router.ts';
import type { Candidate } from '../proxy/router.ts';

interface Named {
  readonly name: string;
  readonly match: RouteMatch;
}

const fits = (route: { match: RouteMatch }, request: Candidate): boolean =>
  createRouter([route]).match(request) !== undefined;

/** Why `winner` wins at the base-URL door over the other routes that match, as a part of a sentence. */
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

/** Whether a route would take a request at the forward doors if it were the only one. */
function takes(route: CompiledRoute, destination: Destination, request: ForwardRequest): boolean {
  const alone = createForwardDoor({ mode: 'plain', unmatched: 'tunnel' }, [route], () => ({
    ...route,
    isUnmatched: true,
  }));
  return alone?.routeOrRelay(destination, request).isUnmatched === undefined;
}

/** The part of the URL space by which a route takes a request at the forward doors. */
interface Claim {
  readonly route: CompiledRoute;
  readonly url: string;
  readonly place: StandIn;
  /** Whether it is a provider's real URL, and the route leads to a simulator. */
  readonly isStandIn: boolean;
}

function claimOf(route: CompiledRoute, destination: Destination, path: string): Claim {
  const own = { ...route, basePath: route.join.basePath };
  const isHere = ({ origin, basePath }: StandIn): boolean =>
    placesOf(destinationOfUrl(origin)).includes(keyOf(destination)) && leadsTo(path, basePath);
  const standIn = (route.standsInFor ?? []).find(isHere);
  const place = standIn ?? own;
  return { route, place, url: place.origin + place.basePath, isStandIn: standIn !== undefined };
}

/** Why `winner` wins at the forward doors over the other routes whose upstream the URL lies below, as a part of a sentence. */
export function whyForwarded(
  winner: CompiledRoute,
  routes: readonly CompiledRoute[],
  destination: Destination,
  request: ForwardRequest,
): string {
  const route = routes.find(({ name }) => name === winner.name);
  if (!route) return 'no route leads there, and `forward.unmatched` lets it through as it is';
  const claim = (each: CompiledRoute): Claim => claimOf(each, destination, request.path);
  const own = claim(route);
  const others = routes.filter((each) => each !== route && takes(each, destination, request)).map(claim);
  const what = own.isStandIn ? 'URL that its simulator stands in for' : 'upstream';
  if (others.length === 0)
    return own.isStandIn
      ? `the only route whose simulator stands in for ${own.url}, which is the beginning of the URL`
      : `the only route whose upstream (${own.url}) is the beginning of the URL`;
  const list = others.map((other) => `${other.route.name} ${other.url}`).join(', ');
  if (!own.isStandIn && others.every(({ isStandIn }) => isStandIn))
    return `its upstream ${own.url} is the beginning of the URL, and simulators stand in after that (also: ${list})`;
  const rivals = others.filter(({ place }) => place.basePath.length === own.place.basePath.length);
  if (rivals.length === 0)
    return `its ${what} ${own.url} is the longest that is the beginning of the URL (also: ${list})`;
  const reason = whyOfRivals(
    own.place,
    rivals.map(({ place }) => place),
    request.path,
  );
  return `of the routes with the ${own.isStandIn ? 'URL' : 'upstream'} ${own.url}, ${reason} (also: ${list})`;
}

function whyOfRivals(own: StandIn, rivals: readonly StandIn[], path: string): string {
  const fit = apiFit(own, path);
  const best = Math.max(...rivals.map((rival) => apiFit(rival, path)));
  if (fit <= best) return 'it comes first in the file';
  const apiPath = own.apiPaths.find((each) => apiFit({ apiPaths: [each] }, path) === fit);
  return apiPath === undefined ? "the others' profiles are for other paths" : `its profile is the one for ${apiPath}`;
}

/** Why no route matches: what the routes with a fitting path also require, or which paths there are. */
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
