import type { ExecutionContext } from 'ava';
import { startOutrider, type Outrider, type OutriderOptions } from '../helpers/outrider.ts';
import { startUpstream, type Handler, type Upstream } from '../helpers/upstream.ts';

/** The token of a caller by its name. */
export const tokenOf = (name: string): string => `token-of-${name}-4c1f9a`;

/** An entry of `callers` with its token. `more` is YAML within braces. */
export const caller = (name: string, more = 'routes: "*"'): string =>
  `  - { name: ${name}, token: ${tokenOf(name)}${more === '' ? '' : `, ${more}`} }`;

/** Two routes to one recording upstream, `/a` and `/b`, and these callers. */
export const callersYaml = (upstream: string, callers: readonly string[], extra = ''): string => `
callers:
${callers.join('\n')}
routes:
  - { name: a, match: { path: /a }, upstream: "${upstream}/at-a" }
  - { name: b, match: { path: /b }, upstream: "${upstream}/at-b", websocket: true }
${extra}`;

/** A proxy with callers in front of a recording upstream. */
export async function givenCallers(
  t: ExecutionContext,
  callers: readonly string[],
  { handler, extra, ...options }: OutriderOptions & { readonly handler?: Handler; readonly extra?: string } = {},
): Promise<{
  readonly upstream: Upstream;
  readonly outrider: Outrider;
  readonly reload: (callers: readonly string[]) => Promise<void>;
}> {
  const upstream = await startUpstream(t, handler);
  const yaml = (list: readonly string[]): string => callersYaml(upstream.origin, list, extra);
  const outrider = await startOutrider(t, yaml(callers), options);
  return { upstream, outrider, reload: (list) => outrider.reload(yaml(list)) };
}

/** The headers by which a caller shows its token. */
export const as = (name: string): readonly string[] => ['X-Outrider-Token', tokenOf(name)];
