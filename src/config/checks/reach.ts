import type { RouteConfig } from '../config.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { ReadRoute } from './routes.ts';
import { find, nearest, type Node } from '../yaml/tree.ts';

const ANY = ['*'];

const asKey = (parts: readonly string[]): string => JSON.stringify(parts);

/**
 * Reports routes that can't be told apart (`duplicate_route`) and routes that never win (`unreachable_route`).
 *
 * The longest path wins, then the most conditions (hosts, methods, each header), then the earlier route. So a route can lose
 * everything only to routes with the same path, the same headers and the same kinds of conditions. Only those are compared: a
 * route never wins when earlier ones have taken all of its pairs of host and method.
 */
export function checkReach(routes: readonly ReadRoute[], problems: Problems): void {
  const takenBy = new Map<string, Map<string, RouteConfig>>();
  for (const { route, node } of routes) {
    const { path, hosts, methods, headers } = route.match;
    if (path === undefined || problems.isBrokenBelow(find(node, 'match'))) continue;
    const sorted = [...headers].toSorted(([a], [b]) => (a < b ? -1 : 1)).flat();
    const alike = asKey([path, hosts.length > 0 ? 'hosts' : '', methods.length > 0 ? 'methods' : '', ...sorted]);
    let taken = takenBy.get(alike);
    if (!taken) takenBy.set(alike, (taken = new Map<string, RouteConfig>()));
    const pairs = (hosts.length > 0 ? hosts : ANY).flatMap((host) =>
      (methods.length > 0 ? methods : ANY).map((method) => asKey([host, method])),
    );
    const winners = new Set(pairs.map((pair) => taken.get(pair)));
    if (!winners.has(undefined)) report(route, [...winners] as RouteConfig[], nearest(node, 'match', 'path'), problems);
    for (const pair of pairs) if (!taken.has(pair)) taken.set(pair, route);
  }
}

function report(route: RouteConfig, winners: readonly RouteConfig[], place: Node, problems: Problems): void {
  const names = winners.map(({ name }) => `"${name}"`).join(', ');
  const [only] = winners;
  const isTwin = winners.length === 1 && only !== undefined && hasSameConditions(route, only);
  if (isTwin) {
    const help = 'remove one of the two, or give them different paths, hosts, headers or methods';
    problems.error('duplicate_route', place, `the route "${route.name}" can't be told apart from ${names}`, help);
  } else {
    const help = 'put it before the others, or narrow them down';
    problems.error(
      'unreachable_route',
      place,
      `the route "${route.name}" can never win: ${names} match all that it matches`,
      help,
    );
  }
}

function hasSameConditions({ match: a }: RouteConfig, { match: b }: RouteConfig): boolean {
  const isSame = (x: readonly string[], y: readonly string[]): boolean => asKey(x.toSorted()) === asKey(y.toSorted());
  return isSame(a.hosts, b.hosts) && isSame(a.methods, b.methods);
}
