import type { ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider, OutriderOptions } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import type { TokenEndpoint, TokenScript } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Handler, Upstream } from '../helpers/upstream.ts';

/** `/api` to an upstream, without credentials. `route` and `extra` are YAML. */
export const plainYaml = (upstream: string, route = '', extra = ''): string => `
routes:
  - name: api
    match: { path: /api }
    upstream: ${upstream}
${indent(route, 4)}
${extra}`;

export interface TokenParts {
  /** YAML below `renew:` of the provider, as one flow map. */
  readonly renew?: string;
  /** YAML of the profile's `token.read.expiry`, as one flow list. */
  readonly expiry?: string;
  /** Lines of the route. */
  readonly route?: string;
  /** Top-level lines. */
  readonly extra?: string;
}

/** `/api` to an upstream, with a bearer token that a form POST fetches. */
export const tokenYaml = (upstream: string, tokenUrl: string, parts: TokenParts = {}): string => `
profiles:
  demo:
    title: Demo
    credentials: { client_id: {}, client_secret: { secret: true } }
    token:
      fetch:
        url: "{{endpoints.token}}"
        method: POST
        form: { client_id: "{{credentials.client_id}}", client_secret: "{{credentials.client_secret}}", grant_type: client_credentials }
      read:
        access_token: /access_token
        token_type: { pointer: /token_type, default: Bearer }
        expiry: ${parts.expiry ?? '[{ in: /expires_in, unit: s }]'}
        lifetime_default: 10m
    inject: { headers: { authorization: "{{token.token_type}} {{token.access_token}}" } }
    renew: { on_status: [401, 412], ahead: 20%, cooldown: 5s }
providers:
  demo:
    profile: demo
    credentials: { client_id: me, client_secret: my-secret-of-the-demo }
    endpoints: { token: "${tokenUrl}" }
    renew: ${parts.renew ?? '{}'}
routes:
  - name: api
    match: { path: /api }
    provider: demo
    upstream: ${upstream}
${indent(parts.route ?? '', 4)}
${parts.extra ?? ''}`;

function indent(lines: string, by: number): string {
  return lines.replaceAll(/^(?=.)/gm, ' '.repeat(by));
}

export interface Plain {
  readonly upstream: Upstream;
  readonly outrider: Outrider;
}

/** A recording upstream behind a route without credentials. */
export async function givenPlain(
  t: ExecutionContext,
  options: OutriderOptions & { handler?: Handler; route?: string; extra?: string; base?: string } = {},
): Promise<Plain> {
  const upstream = await startUpstream(t, options.handler);
  const yaml = plainYaml(`${upstream.origin}${options.base ?? ''}`, options.route, options.extra);
  return { upstream, outrider: await startOutrider(t, yaml, options) };
}

export interface WithTokens extends Plain {
  readonly tokens: TokenEndpoint;
  readonly clock: FakeClock;
  /** Gets the first token by one request, then lets more time than the cooldown pass. */
  readonly warm: () => Promise<void>;
}

/** A recording upstream behind a route whose token comes from a counting endpoint; time is the test's. */
export async function givenTokens(
  t: ExecutionContext,
  options: TokenParts & { handler?: Handler; script?: TokenScript } = {},
): Promise<WithTokens> {
  const clock = fakeClock();
  const upstream = await startUpstream(t, options.handler);
  const tokens = await startTokenEndpoint(t, options.script);
  const outrider = await startOutrider(t, tokenYaml(upstream.origin, tokens.url, options), { clock });
  return {
    upstream,
    tokens,
    outrider,
    clock,
    async warm() {
      const answer = await outrider.call('/api/warm');
      t.is(answer.status, 200, answer.text);
      await clock.advance(10_000);
    },
  };
}

/** Answers 200 `ok` to the tokens in `valid`, else the rejection. */
export const accepting =
  (valid: ReadonlySet<string>, rejection: { status?: number; body?: string } = {}): Handler =>
  async (arrival) => {
    const { bytes } = await arrival.body();
    const token = arrival.header('authorization')?.replace(/^Bearer /, '') ?? '';
    if (valid.has(token)) return arrival.reply(200, { body: bytes.length > 0 && bytes.length < 1000 ? bytes : 'ok' });
    return arrival.reply(rejection.status ?? 401, {
      headers: ['content-type', 'application/json', 'x-why', 'token'],
      body: rejection.body ?? '{"code":"UNAUTHORIZED"}',
    });
  };
