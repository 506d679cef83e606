import type { ExecutionContext } from 'ava';
import type { TokenSpec } from '../../../src/config/profile/profile.ts';
import type { NoticeRecord, RenewalRecord } from '../../../src/core/events.ts';
import { createEvents } from '../../../src/core/events.ts';
import type { Authorized, Authorizer } from '../../../src/auth/authorizer.ts';
import type { AuthDeps, ProviderAuth } from '../../../src/auth/provider.ts';
import { createClient } from '../../../src/proxy/client.ts';
import { ReadScheduler } from '../../../src/http1/read-scheduler.ts';
import { createUpstream } from '../../../src/proxy/upstream.ts';
import { createMemoryStore, type MemoryStore } from '../../../src/store/memory.ts';
import type { TokenStore } from '../../../src/store/store.ts';
import { type FakeClock, fakeClock } from '../../helpers/clock.ts';
import { startTokenEndpoint, type TokenEndpoint, type TokenScript } from '../../helpers/token-endpoint.ts';
import {
  benchOf,
  callOf,
  credentialsOf,
  outbound,
  profileOf,
  type ProfileParts,
  providerOf,
  readOf,
  type TestCredentials,
} from '../helpers.ts';

export const FORM = {
  client_id: '{{credentials.client_id}}',
  client_secret: '{{credentials.client_secret}}',
  grant_type: 'client_credentials',
};

/** Client credentials by form, as most providers want them. */
export const tokenOf = (parts: Partial<TokenSpec> = {}): TokenSpec => ({
  subject: undefined,
  fetch: callOf({ form: FORM }),
  refresh: undefined,
  read: readOf(),
  ...parts,
});

export const OAUTH: ProfileParts = {
  credentials: { client_id: {}, client_secret: { secret: true } },
  token: tokenOf(),
  inject: { headers: { authorization: '{{token.token_type}} {{token.access_token}}' } },
};

export const SECRET = 'cl1ent-s3cret';

export interface Flow {
  readonly endpoint: TokenEndpoint;
  readonly clock: FakeClock;
  readonly auth: ProviderAuth;
  readonly authorizer: Authorizer;
  readonly credentials: TestCredentials;
  readonly deps: Omit<Partial<AuthDeps>, 'clock'> & { readonly clock: FakeClock };
  readonly renewals: RenewalRecord[];
  readonly notices: NoticeRecord[];
  /** Authorizes one GET and gives the value of its Authorization header. */
  readonly get: () => Promise<string | undefined>;
  /** The same when a token must be at hand. */
  readonly getNow: () => Authorized;
}

/** A provider whose token endpoint is a real server; time stands still until the test moves it. */
export async function startFlow(
  t: ExecutionContext,
  options: {
    readonly script?: TokenScript;
    readonly profile?: ProfileParts;
    readonly deps?: Omit<Partial<AuthDeps>, 'clock'>;
    readonly wrapStore?: (store: MemoryStore) => TokenStore;
  } = {},
): Promise<Flow> {
  const endpoint = await startTokenEndpoint(t, options.script);
  const clock = fakeClock();
  const upstream = createUpstream(clock, new ReadScheduler());
  const memory = createMemoryStore(clock);
  const store = options.wrapStore?.(memory) ?? memory;
  const credentials = credentialsOf({ client_id: 'me', client_secret: SECRET });
  const deps = { clock, store, events: createEvents(), http: createClient(upstream, clock), ...options.deps };
  const provider = providerOf(profileOf(options.profile ?? OAUTH), credentials, {
    endpoints: { token: endpoint.url, api: 'https://api.example' },
  });
  const { auth, renewals, notices } = benchOf(provider, deps);
  t.teardown(async () => {
    auth.close();
    memory.close();
    await upstream.close();
  });
  const authorizer = auth.forUpstream('https://api.example');
  return {
    endpoint,
    clock,
    auth,
    authorizer,
    credentials,
    deps,
    renewals,
    notices,
    async get() {
      return (await authorizer.authorize(outbound())).headers[1];
    },
    getNow() {
      const authorized = authorizer.authorize(outbound());
      if (authorized instanceof Promise) {
        authorized.catch(() => undefined);
        throw new Error('no token at hand');
      }
      return authorized;
    },
  };
}

/** A store that answers later, as one over a network does; it tells the keys it was asked for. */
export function slowStore(store: MemoryStore, keys: Set<string> = new Set()): TokenStore {
  const later = async <T>(work: () => T): Promise<T> => {
    await new Promise((resolve) => setImmediate(resolve));
    return work();
  };
  return {
    isShared: true,
    waitBudgetMs: 250,
    leaseMs: 15_000,
    get: (key) => later(() => store.get(keys.add(key) && key)),
    compareAndSet: (key, expected, next) => later(() => store.compareAndSet(keys.add(key) && key, expected, next)),
    redeem: (key, generation) => later(() => store.redeem(key, generation)),
    lock: (key) => later(() => store.lock(key)),
    delete: (key) => later(() => store.delete(key)),
    watch: (key, listener) => store.watch(key, listener),
    close: () => later(() => store.close()),
  };
}

/** A store that can't be reached. */
export const downStore = (): TokenStore => {
  const down = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED'));
  return {
    isShared: true,
    waitBudgetMs: 250,
    leaseMs: 15_000,
    get: down,
    compareAndSet: down,
    redeem: down,
    lock: () => Promise.resolve({ state: 'down' }),
    delete: down,
    watch: () => () => undefined,
    close: () => undefined,
  };
};
