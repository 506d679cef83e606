import type { ExecutionContext } from 'ava';
import { plainYaml, tokenYaml } from '../contract/given.ts';
import type { TokenParts } from '../contract/given.ts';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider, OutriderOptions } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import type { TokenEndpoint, TokenScript } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Handler, Upstream } from '../helpers/upstream.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import type { Guest, WebSocketUpstream } from '../helpers/websocket-upstream.ts';

type GuestHandler = (guest: Guest, n: number) => void;

interface Parts extends OutriderOptions {
  readonly handler?: GuestHandler;
  readonly route?: string;
  readonly extra?: string;
  /** Path of the upstream. */
  readonly base?: string;
}

/** A server of WebSocket behind a route without credentials that lets handshakes pass. */
export async function givenSocket(
  t: ExecutionContext,
  { handler, route = '', extra, base = '', ...options }: Parts = {},
): Promise<{ readonly upstream: WebSocketUpstream; readonly outrider: Outrider }> {
  const upstream = await startWebSocketUpstream(t, handler);
  const yaml = plainYaml(`${upstream.origin}${base}`, `websocket: true\n${route}`, extra);
  return { upstream, outrider: await startOutrider(t, yaml, options) };
}

/** The same with an upstream on bare sockets, for answers that no server library gives. */
export async function givenBare(
  t: ExecutionContext,
  handler: Handler,
  { route = '', extra, ...options }: Omit<Parts, 'handler'> = {},
): Promise<{ readonly upstream: Upstream; readonly outrider: Outrider }> {
  const upstream = await startUpstream(t, handler);
  const yaml = plainYaml(upstream.origin, `websocket: true\n${route}`, extra);
  return { upstream, outrider: await startOutrider(t, yaml, options) };
}

/** A server of WebSocket behind a route with tokens; time is the test's. */
export async function givenSocketTokens(
  t: ExecutionContext,
  { handler, script, ...parts }: TokenParts & { readonly handler?: GuestHandler; readonly script?: TokenScript } = {},
): Promise<{
  readonly upstream: WebSocketUpstream;
  readonly outrider: Outrider;
  readonly tokens: TokenEndpoint;
  readonly clock: FakeClock;
}> {
  const clock = fakeClock();
  const upstream = await startWebSocketUpstream(t, handler);
  const tokens = await startTokenEndpoint(t, script);
  const route = `websocket: true\n${parts.route ?? ''}`;
  const outrider = await startOutrider(t, tokenYaml(upstream.origin, tokens.url, { ...parts, route }), { clock });
  return { upstream, outrider, tokens, clock };
}
