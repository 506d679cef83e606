import fs from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { tokenYaml } from '../contract/given.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider, OutriderOptions } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import type { TokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Handler, Upstream } from '../helpers/upstream.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

/** Where a state directory may be made; gone after the test. */
export function stateDir(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  return path.join(dir, 'state');
}

export interface Intercepted {
  readonly upstream: Upstream;
  readonly tokens: TokenEndpoint;
  readonly outrider: Outrider;
  readonly state: string;
  /** The local CA's certificate. */
  readonly ca: () => string;
  /** What the route's tunnel is opened for: `localhost:PORT`. */
  readonly authority: string;
}

/** A proxy that intercepts `localhost:PORT` and puts a token on what goes below `/v1` there. `routes`: lines of further ones. */
export async function givenIntercepted(
  t: ExecutionContext,
  options: OutriderOptions & { handler?: Handler; forward?: string; routes?: string; extra?: string } = {},
): Promise<Intercepted> {
  const state = stateDir(t);
  const upstream = await startUpstream(t, options.handler);
  const tokens = await startTokenEndpoint(t);
  const { routes = '' } = options;
  const yaml = `${tokenYaml(`http://localhost:${upstream.port}/v1`, tokens.url, { extra: routes })}
state_dir: ${state}
forward: ${options.forward ?? '{ mode: intercept }'}
${options.extra ?? ''}`;
  const outrider = await startOutrider(t, yaml, options);
  const ca = (): string => fs.readFileSync(path.join(state, 'ca.pem'), 'utf8');
  return { upstream, tokens, outrider, ca, state, authority: `localhost:${upstream.port}` };
}

/** A GET as it is sent within a tunnel. */
export const get = (authority: string, target = '/v1/x', more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${authority}\r\n${more}\r\n`;
