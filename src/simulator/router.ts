import type { Endpoint, Kind } from './types.ts';

/** The endpoint for a call, or the status of an unknown path (404) or method (405). */
export type Match =
  | { readonly endpoint: Endpoint; readonly params: Readonly<Record<string, string>> }
  | { readonly lost: 404 }
  | { readonly lost: 405; readonly allow: string };
export type Router = (method: string, path: string) => Match;

const compile = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll('.', String.raw`\.`).replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);

function decode(groups: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  try {
    return Object.fromEntries(Object.entries(groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch {
    return undefined;
  }
}

/** Creates the router of a kind. It matches a method and a raw path below the mount, and decodes the path's parameters. */
export function createRouter(kind: Kind): Router {
  const entries = kind.endpoints.map((endpoint) => ({ endpoint, pattern: compile(endpoint.path) }));
  return (method, path) => {
    const allowed: string[] = [];
    for (const { endpoint, pattern } of entries) {
      const match = pattern.exec(path);
      const params = match && decode(match.groups);
      if (!params) continue;
      if (endpoint.method === method) return { endpoint, params };
      allowed.push(endpoint.method);
    }
    return allowed.length > 0 ? { lost: 405, allow: allowed.join(', ') } : { lost: 404 };
  };
}
