import type { ExecutionContext } from 'ava';
import type { Authorized, Authorizer, Renewed } from '../../../src/auth/authorizer.ts';
import type { ProviderAuth } from '../../../src/auth/provider.ts';
import { createEvents, type NoticeRecord, type RenewalRecord } from '../../../src/core/events.ts';
import { createClient } from '../../../src/proxy/client.ts';
import { ReadScheduler } from '../../../src/http1/read-scheduler.ts';
import { createUpstream } from '../../../src/proxy/upstream.ts';
import { createMemoryStore, type MemoryStore } from '../../../src/store/memory.ts';
import type { ChangeListener, LockAnswer, TokenRecord, TokenStore } from '../../../src/store/store.ts';
import { type FakeClock, fakeClock } from '../../helpers/clock.ts';
import { startTokenEndpoint, type TokenEndpoint, type TokenScript } from '../../helpers/token-endpoint.ts';
import { benchOf, credentialsOf, outbound, profileOf, type ProfileParts, providerOf } from '../helpers.ts';
import { OAUTH, SECRET } from './flow.ts';

/** The clock of one machine among several that keep the same time, until it is set, sleeps or stands still. */
export class MachineClock implements FakeClock {
  readonly #time: FakeClock;
  #setMs = 0;
  #stoodMs = 0;

  constructor(time: FakeClock) {
    this.#time = time;
  }
  now(): number {
    return this.#time.now() + this.#setMs + this.#stoodMs;
  }
  monotonic(): number {
    return this.#time.monotonic() + this.#stoodMs;
  }
  after(delayMs: number, fn: () => void): ReturnType<FakeClock['after']> {
    return this.#time.after(delayMs, fn);
  }
  advance(ms: number): Promise<void> {
    return this.#time.advance(ms);
  }
  /** Somebody sets the wall clock forth or back; or the machine has slept, of which the monotonic clock doesn't know. */
  set(ms: number): void {
    this.#setMs += ms;
  }
  /** So much time passes in which no timer fires: the process was stopped. */
  stand(ms: number): void {
    this.#stoodMs += ms;
  }
}

/** One replica's way to the records that all share: it answers later, and can be cut. */
export class Link implements TokenStore {
  readonly isShared = true;
  readonly waitBudgetMs = 250;
  readonly leaseMs = 15_000;
  isDown = false;
  /** Answers come only after this. */
  held: Promise<void> | undefined;
  /** Writes are done only after this. */
  heldWrites: Promise<void> | undefined;
  /** The one key that is asked for. */
  key = '';
  /** The last lock that was got, to be taken away as a lease that ends does. */
  takeAway: () => void = () => undefined;
  readonly #memory: MemoryStore;
  readonly #listeners = new Set<ChangeListener>();

  constructor(memory: MemoryStore) {
    this.#memory = memory;
  }

  async #later<T>(work: () => T): Promise<T> {
    if (this.isDown) throw new Error('connect ECONNREFUSED');
    await (this.held ?? new Promise((resolve) => setImmediate(resolve)));
    return work();
  }
  get(key: string): Promise<TokenRecord | undefined> {
    return this.#later(() => this.#memory.get(key));
  }
  async compareAndSet(key: string, expected: number, next: TokenRecord): Promise<boolean> {
    await this.heldWrites;
    return this.#later(() => this.#memory.compareAndSet(key, expected, next));
  }
  redeem(key: string, generation: number): Promise<boolean> {
    return this.#later(() => this.#memory.redeem(key, generation));
  }
  async lock(key: string): Promise<LockAnswer> {
    if (this.isDown) return { state: 'down' };
    const answer = await this.#later(() => this.#memory.lock(key));
    if (answer.state === 'got') this.takeAway = () => void answer.lock.release();
    return answer;
  }
  delete(key: string): Promise<void> {
    return this.#later(() => this.#memory.delete(key));
  }
  watch(key: string, listener: ChangeListener): () => void {
    this.key = key;
    const told: ChangeListener = (news) => !this.isDown && listener(news);
    this.#listeners.add(listener);
    const stop = this.#memory.watch(key, told);
    return () => {
      this.#listeners.delete(listener);
      stop();
    };
  }
  close(): void {
    this.#listeners.clear();
  }
  /** The store is back. */
  mend(): void {
    this.isDown = false;
    for (const listener of this.#listeners) listener('returned');
  }
}

export interface Replica {
  readonly auth: ProviderAuth;
  readonly authorizer: Authorizer;
  readonly clock: MachineClock;
  readonly link: Link;
  readonly renewals: RenewalRecord[];
  readonly notices: NoticeRecord[];
  /** Authorizes one GET and gives the token. */
  readonly get: () => Promise<string | undefined>;
  /** The same when a token must be at hand. */
  readonly getNow: () => Authorized;
  /** Renews after a rejection that arrives now. */
  readonly reject: (rejected: Authorized) => Promise<Renewed>;
}

export interface Replicas {
  readonly all: readonly Replica[];
  readonly endpoint: TokenEndpoint;
  readonly time: FakeClock;
  readonly memory: MemoryStore;
  readonly stored: () => TokenRecord | undefined;
}

export const tokenOfRequest = ({ headers }: Authorized): string => (headers[1] ?? '').replace(/^\S+ /, '');

/** Several providers' worth of one credential, as in several processes that share a store and a real token endpoint. */
export async function startReplicas(
  t: ExecutionContext,
  count: number,
  options: { readonly script?: TokenScript; readonly profile?: ProfileParts } = {},
): Promise<Replicas> {
  const endpoint = await startTokenEndpoint(t, options.script);
  const time = fakeClock();
  const memory = createMemoryStore(time);
  const start = (): Replica => {
    const clock = new MachineClock(time);
    const upstream = createUpstream(clock, new ReadScheduler());
    const link = new Link(memory);
    const events = createEvents();
    const provider = providerOf(
      profileOf(options.profile ?? OAUTH),
      credentialsOf({ client_id: 'me', client_secret: SECRET }),
      { endpoints: { token: endpoint.url, api: 'https://api.example' } },
    );
    const { auth, renewals, notices } = benchOf(provider, {
      clock,
      store: link,
      events,
      http: createClient(upstream, clock),
    });
    t.teardown(async () => {
      auth.close();
      await upstream.close();
    });
    const authorizer = auth.forUpstream('https://api.example');
    return {
      auth,
      authorizer,
      clock,
      link,
      renewals,
      notices,
      get: async () => tokenOfRequest(await authorizer.authorize(outbound())),
      getNow() {
        const authorized = authorizer.authorize(outbound());
        if (!(authorized instanceof Promise)) return authorized;
        authorized.catch(() => undefined);
        throw new Error('no token at hand');
      },
      reject: (rejected) => authorizer.renew(rejected, outbound(), clock.now()),
    };
  };
  const all = Array.from({ length: count }, start);
  t.teardown(() => memory.close());
  return { all, endpoint, time, memory, stored: () => memory.get(all[0]?.link.key ?? '') };
}
