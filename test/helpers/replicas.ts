import http from 'node:http';
import type { ExecutionContext } from 'ava';
import { configFile, launch, type Running } from '../commands/run.ts';
import { httpCall } from './outrider.ts';
import { redisTest, startRedis, type RedisServer } from './redis.ts';
import { keepSecret } from './canary.ts';
import type { Calls } from './simulator.ts';
import { startUpstream } from './upstream.ts';
import { watchPort } from './watch.ts';

/** The strict simulator in a process of its own; its refresh tokens are spent once and end their family when they are used twice. */
export interface SimulatorProcess {
  readonly origin: string;
  /** `POST /_control/<what>`. */
  control(
    what: 'revoke' | 'lifetime' | 'delay' | 'fail',
    parameters?: Readonly<Record<string, string | number>>,
  ): Promise<void>;
  /** What Pincode's endpoints were asked. */
  calls(): Promise<Calls>;
  /** `fetch` and `refresh` calls, refused ones and the most at once, as one line. */
  tokenCalls(): Promise<string>;
}

export async function launchSimulator(t: ExecutionContext): Promise<SimulatorProcess> {
  const running = launch(t, ['simulate', '--port', '0', '--json']);
  const [, origin = ''] = await running.says(/"origin":"([^"]+)"/);
  const ask = async (method: string, what: string, parameters: object): Promise<unknown> => {
    const query = new URLSearchParams({ provider: 'pincode' });
    for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
    const { status, text } = await httpCall(origin, `/_control/${what}?${query.toString()}`, { method });
    if (status !== 200) throw new Error(`_control/${what} answered ${status}: ${text}`);
    return JSON.parse(text);
  };
  const calls = async (): Promise<Calls> => (await ask('GET', 'calls', {})) as Calls;
  return {
    origin,
    calls,
    control: async (what, parameters = {}) => void (await ask('POST', what, parameters)),
    async tokenCalls() {
      const { fetch, refresh, refused, most_at_once } = (await calls()).token;
      return `fetch ${fetch}, refresh ${refresh}, refused ${refused}, at most ${most_at_once} at once`;
    },
  };
}

export interface Proxy extends Running {
  readonly origin: string;
  readonly file: string;
  /** The address of its health and metrics. */
  readonly adminOrigin: string;
  /** One request to the provider; gives the status, 0 where there was no answer. */
  readonly get: () => Promise<number>;
  /** The token that it uses now. */
  readonly token: () => Promise<string>;
}

export interface WorldOptions {
  /** YAML of `store`. */
  readonly store: string;
  /** YAML of `timeouts`; no lame duck by default. */
  readonly timeouts?: string;
  /** YAML of the provider's `renew`. */
  readonly renew?: string;
  /** YAML of the client secret. */
  readonly secret?: string;
}

export interface World {
  readonly simulator: SimulatorProcess;
  /** Starts one more proxy in a process of its own. */
  readonly start: () => Promise<Proxy>;
  /** Several of them. */
  readonly startAll: (count: number) => Promise<readonly Proxy[]>;
}

/** Proxies in processes of their own, before one simulator, with one config. */
export async function createWorld(t: ExecutionContext, options: WorldOptions): Promise<World> {
  const simulator = await launchSimulator(t);
  const echo = await startUpstream(t, async (arrival) => {
    await arrival.body();
    await arrival.reply(200, { body: arrival.header('authorization') ?? '' });
  });
  const { file } = configFile(
    t,
    `
scrub: off
version: 1
listen: { address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:0" }
log: { format: json, access: false }
timeouts: ${options.timeouts ?? '{ lame_duck: 0ms }'}
store: ${options.store}
providers:
  pincode:
    profile: pincode
    environment: staging
    credentials: { client_id: test, client_secret: ${options.secret ?? 'test'} }
    endpoints: { token: "${simulator.origin}/pincode/olympus/im/v1/oauth/token", api: "${simulator.origin}/pincode" }
    renew: ${options.renew ?? '{}'}
routes:
  - { name: pincode, match: { path: /pincode }, provider: pincode }
  - { name: echo, match: { path: /echo }, provider: pincode, upstream: "${echo.origin}" }
`,
  );
  const start = async (): Promise<Proxy> => {
    const running = launch(t, ['start', '--config', file]);
    const [, origin = ''] = await running.says(/^ *proxy +(http:\S+)$/m);
    const [, adminOrigin = ''] = await running.says(/^ *admin +(http:\S+)/m);
    const agent = new http.Agent({ keepAlive: true });
    t.teardown(() => agent.destroy());
    watchPort(running.watch, origin);
    return {
      ...running,
      file,
      origin,
      adminOrigin,
      get: () =>
        httpCall(origin, '/pincode/v1/catalogue/items', { agent }).then(
          ({ status }) => status,
          () => 0,
        ),
      async token() {
        const token = (await httpCall(origin, '/echo', { agent })).text.replace(/^\S+ /, '');
        keepSecret('a token in use', token);
        return token;
      },
    };
  };
  return {
    simulator,
    start,
    startAll: (count) => Promise.all(Array.from({ length: count }, start)),
  };
}

/** Waits until that much real time has passed: for what happens in processes whose clock is nobody's. */
export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** All answers of `count` requests to each proxy, sent at once. */
export async function burst(proxies: readonly Proxy[], count: number): Promise<readonly number[]> {
  return Promise.all(proxies.flatMap((proxy) => Array.from({ length: count }, () => proxy.get())));
}

/** How often which status came: `200: 600`. */
export function tally(statuses: Iterable<number>): string {
  const counts = new Map<number, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${status}: ${count}`).join(', ');
}

/** Waits until all use the same token; gives it. */
export async function agreement(proxies: readonly Proxy[], ms = 5_000): Promise<string> {
  const end = Date.now() + ms;
  for (;;) {
    const tokens = new Set(await Promise.all(proxies.map(({ token }) => token())));
    const [token = ''] = tokens;
    if (tokens.size === 1) return token;
    if (Date.now() > end) throw new Error(`${tokens.size} tokens are in use after ${ms} ms`);
    await pass(20);
  }
}

/** Requests to one proxy at a steady rate. */
export interface Load {
  /** Statuses of all that were answered, with the time (epoch milliseconds) at which each was sent. */
  readonly answers: readonly { readonly sentAt: number; readonly endedAt: number; readonly status: number }[];
  /** Stops sending and waits for what is under way. */
  readonly end: () => Promise<void>;
}

export function load(proxy: Proxy, perSecond: number): Load {
  const answers: { sentAt: number; endedAt: number; status: number }[] = [];
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  let sent = 0;
  const send = (): void => {
    // The timer may come late: what is due is sent then.
    for (const due = ((performance.now() - began) / 1000) * perSecond; sent < due; sent++) {
      const sentAt = Date.now();
      const request = proxy.get().then((status) => void answers.push({ sentAt, endedAt: Date.now(), status }));
      underWay.add(request);
      void request.finally(() => underWay.delete(request));
    }
  };
  const timer = setInterval(send, 10);
  return {
    answers,
    async end() {
      clearInterval(timer);
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

export const LEASE_MS = 1_000;

export interface Three {
  readonly redis: RedisServer;
  readonly simulator: SimulatorProcess;
  readonly proxies: readonly [Proxy, Proxy, Proxy];
  readonly start: () => Promise<Proxy>;
  /** The token calls so far, which it logs. */
  readonly report: () => Promise<string>;
}

/** How long a token lasts that is to expire in a test: long enough for three proxies to use it on a busy machine. */
export const SHORT_MS = 3_000;

/** Resolves when a token of that lifetime has expired. */
export const expiry = (): Promise<void> => pass(SHORT_MS + 100);

/** Three proxies on one Redis, with a lease of {@link LEASE_MS}; they have used one token, which expires after `lifetimeMs`. */
export async function startThree(
  t: ExecutionContext,
  { lifetimeMs, ...options }: Omit<WorldOptions, 'store'> & { readonly lifetimeMs: number },
): Promise<Three> {
  const redis = await startRedis(t);
  const { simulator, startAll, start } = await createWorld(t, {
    store: `{ kind: redis, url: "${redis.url}", lease: ${LEASE_MS}ms }`,
    timeouts: '{ lame_duck: 0ms, token: 30s }',
    ...options,
  });
  await simulator.control('lifetime', { ms: lifetimeMs });
  const proxies = (await startAll(3)) as [Proxy, Proxy, Proxy];
  t.is(tally(await burst(proxies, 1)), '200: 3');
  // On a busy machine the token may be renewed meanwhile.
  t.regex(await simulator.tokenCalls(), /^fetch 1, .* refused 0, at most 1 at once$/);
  const report = async (): Promise<string> => {
    const calls = await simulator.tokenCalls();
    t.log(`token calls: ${calls}`);
    return calls;
  };
  return { redis, simulator, proxies, start, report };
}

/** A test of three proxies; one after the other, since each takes all of the machine. */
export const threeTest = (title: string, run: (t: ExecutionContext) => Promise<void>): void =>
  redisTest(title, run, { serial: true });
