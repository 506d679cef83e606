import { createApp } from '../app.ts';
import type { Config, RouteConfig } from '../config/config.ts';
import { parseConfig } from '../config/load.ts';
import { systemClock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { HttpClient } from '../core/http.ts';
import { ReadScheduler } from '../http1/read-scheduler.ts';
import { createClient } from '../proxy/client.ts';
import { createUpstream } from '../proxy/upstream.ts';
import { type Example, examples, SIMULATED_KINDS, simulatedEndpoints } from '../simulator/simulator.ts';
import type { Context } from './output.ts';

export interface DemoOptions {
  /** Comes between the revocation and the requests, with the simulators' origin. */
  readonly afterRevoking?: (simulatorOrigin: string) => Promise<void>;
}

const REQUESTS = 200;
const TIMEOUT_MS = 30_000;
/** How long the provider takes for an answer. */
const PROVIDER_MS = 250;
const MAX_ANSWER_BYTES = 1024 * 1024;
const REJECTED = 401;

/** What a simulator has counted. */
interface Counted {
  readonly token: { readonly fetch: number; readonly refresh: number };
  readonly api: { readonly rejected: number };
}

/** What became of the requests, as their callers and the provider saw it. */
interface Outcome {
  readonly answered: number;
  readonly tokenCalls: number;
  /** How many requests the provider turned down. */
  readonly rejected: number;
  /** Of those, how many answers with 401 reached their caller. */
  readonly seen: number;
  /** Why some were not answered, each reason once, with how many times it came. */
  readonly reasons: ReadonlyMap<string, number>;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** All simulated providers, and a route to each, on free ports. */
function simulatedConfig(): Config {
  const { config, diagnostics } = parseConfig(
    JSON.stringify({
      listen: { address: '127.0.0.1:0' },
      admin: false,
      log: { access: false, level: 'error' },
      timeouts: { lame_duck: '0ms', drain: '1s' },
      providers: Object.fromEntries(SIMULATED_KINDS.map((kind) => [kind, { profile: kind, environment: 'simulator' }])),
      routes: SIMULATED_KINDS.map((kind) => ({ provider: kind, match: { path: `/${kind}` } })),
    }),
    'demo',
    { env: {} },
  );
  if (!config) throw new Error(`the demo's config is wrong: ${diagnostics[0]?.message}`);
  return config;
}

/** The first provider that gives out tokens, its route, and the calls that it answers. */
function chosen({ routes }: Config): { kind: string; path: string; first: Example; again: Example } {
  for (const { provider, match } of routes as readonly RouteConfig[]) {
    const kind = provider ?? '';
    const [first, again = first] = examples(kind);
    if ('token' in simulatedEndpoints(kind) && first && again) return { kind, path: match.path ?? '', first, again };
  }
  throw new Error('no simulated provider gives out tokens');
}

/** Calls as a program on this machine makes them, past every proxy of the environment. */
class Caller {
  readonly #upstream = createUpstream(systemClock, new ReadScheduler());
  readonly #http: HttpClient = createClient(this.#upstream, systemClock);

  async send(
    url: string,
    { method, headers = {}, body }: Omit<Example, 'path'>,
  ): Promise<{ status: number; text: string }> {
    const answer = await this.#http({
      method,
      url,
      headers: Object.entries(headers).flat(),
      body: body === undefined ? null : Buffer.from(body),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
    });
    return { status: answer.status, text: Buffer.from(answer.body).toString() };
  }

  /** The status, or why there is none. */
  async outcome(url: string, example: Example): Promise<number | string> {
    try {
      return (await this.send(url, example)).status;
    } catch (error) {
      return error instanceof OutriderError ? error.detail : String(error);
    }
  }

  async counts(simulatorOrigin: string, kind: string): Promise<Counted> {
    const { text } = await this.send(`${simulatorOrigin}/_control/calls?provider=${kind}`, { method: 'GET' });
    return JSON.parse(text) as Counted;
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }
}

/** Sends all requests at once, and asks both sides what became of them. */
async function flood(
  caller: Caller,
  simulatorOrigin: string,
  kind: string,
  url: string,
  call: Example,
): Promise<Outcome> {
  const before = await caller.counts(simulatorOrigin, kind);
  const outcomes = await Promise.all(Array.from({ length: REQUESTS }, () => caller.outcome(url, call)));
  const after = await caller.counts(simulatorOrigin, kind);
  const isAnswered = (outcome: number | string): boolean => typeof outcome === 'number' && outcome < 300;
  const reasons = new Map<string, number>();
  for (const outcome of outcomes) {
    if (isAnswered(outcome)) continue;
    const reason = typeof outcome === 'number' ? `status ${outcome}` : outcome;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return {
    answered: outcomes.filter(isAnswered).length,
    tokenCalls: after.token.fetch + after.token.refresh - before.token.fetch - before.token.refresh,
    rejected: after.api.rejected - before.api.rejected,
    seen: outcomes.filter((outcome) => outcome === REJECTED).length,
    reasons,
  };
}

/**
 * Runs simulators and the proxy, revokes every token, sends many requests at once, and prints what was measured at both ends.
 * Resolves with 0 only where each was answered, with one token call, and no caller saw a rejection.
 */
export async function demo({ stdout, stderr }: Context, { afterRevoking }: DemoOptions = {}): Promise<number> {
  const say = (text: string): void => void stdout.write(`${text}\n`);
  const config = simulatedConfig();
  const { kind, path, first, again } = chosen(config);
  const app = createApp(config, { env: {}, logStream: stderr });
  const caller = new Caller();
  try {
    const { origin, simulatorOrigin = '' } = await app.start();
    say(
      `1. Started simulators of ${config.providers.size} providers on ${simulatorOrigin}, and the proxy on ${origin}.`,
    );

    const { status } = await caller.send(`${origin}${path}${first.path}`, first);
    const { token } = await caller.counts(simulatorOrigin, kind);
    say(`2. ${first.method} ${path}${first.path}: ${status}, after ${counted(token.fetch, 'token call')}.`);

    const revoked = await caller.send(`${simulatorOrigin}/_control/revoke`, { method: 'POST' });
    const { providers } = JSON.parse(revoked.text) as { providers: readonly { revoked: number }[] };
    const total = providers.reduce((sum, one) => sum + one.revoked, 0);
    say(`3. The providers revoked every token (${total}); nobody has told the proxy.`);
    // Every request has left with the old token by the time that the first one is rejected.
    const delay = { method: 'POST', body: JSON.stringify({ target: 'api', ms: PROVIDER_MS }) };
    await caller.send(`${simulatorOrigin}/_control/delay`, delay);
    await afterRevoking?.(simulatorOrigin);

    say(`4. ${REQUESTS} requests at once: ${again.method} ${path}${again.path}`);
    const startedAt = performance.now();
    const outcome = await flood(caller, simulatorOrigin, kind, `${origin}${path}${again.path}`, again);
    const elapsed = Math.round(performance.now() - startedAt);
    const { answered, tokenCalls, rejected, seen, reasons } = outcome;
    say(`   The provider rejected ${counted(rejected, 'request')} with ${REJECTED}. It took ${elapsed} ms.`);
    for (const [reason, count] of reasons) say(`   Not answered: ${count} × ${reason}`);
    say('');
    say(
      `${answered} of ${REQUESTS} answered · ${counted(tokenCalls, 'token call')} · ${counted(seen, 'caller')} saw the ${REJECTED}`,
    );
    say('');
    say(`Next: \`outrider init ${kind}\` writes a config of your own, \`outrider --help\` tells the rest.`);
    return answered === REQUESTS && tokenCalls === 1 && seen === 0 ? 0 : 1;
  } finally {
    await caller.close();
    await app.stop({ signal: 'SIGINT' });
  }
}
