import type { ExecutionContext } from 'ava';
import { redisTest } from '../helpers/redis.ts';
import {
  agreement,
  LEASE_MS,
  type Load,
  load,
  pass,
  type Proxy,
  startThree,
  tally,
  type Three,
} from '../helpers/replicas.ts';
import { IS_SLOW } from '../helpers/slow.ts';

/** How long, in seconds; `OUTRIDER_CHAOS_SECONDS=120` for the whole of it, `OUTRIDER_CHAOS_SEED=7` for another one. */
const SECONDS = Number(process.env['OUTRIDER_CHAOS_SECONDS'] ?? (IS_SLOW ? 20 : 8));
const PER_SECOND = 100;
const LIFETIME_MS = 5_000;

/** Random numbers that come again with the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of the three places in which a replica runs, through all that happens to it. */
class Place {
  proxy: Proxy;
  #load: Load;
  readonly #loads: Load[] = [];
  /** When it was not well, epoch milliseconds. */
  readonly #ill: { readonly from: number; readonly to: number }[] = [];

  constructor(proxy: Proxy) {
    this.proxy = proxy;
    this.#load = load(proxy, PER_SECOND);
    this.#loads.push(this.#load);
  }

  async stop(ms: number): Promise<void> {
    const from = Date.now();
    this.proxy.kill('SIGSTOP');
    await pass(ms);
    this.proxy.kill('SIGCONT');
    this.#ill.push({ from, to: Date.now() });
  }

  async kill(start: () => Promise<Proxy>): Promise<void> {
    const from = Date.now();
    this.proxy.kill('SIGKILL');
    await this.#load.end();
    this.proxy = await start();
    this.#ill.push({ from, to: Date.now() });
    this.#load = load(this.proxy, PER_SECOND);
    this.#loads.push(this.#load);
  }

  end(): Promise<void> {
    return this.#load.end();
  }

  /** Statuses of the requests that were sent to it and answered while it was well. */
  get answers(): readonly number[] {
    return this.#loads
      .flatMap(({ answers }) => answers)
      .filter(({ sentAt, endedAt }) => this.#ill.every(({ from, to }) => endedAt < from || sentAt > to))
      .map(({ status }) => status);
  }
}

type Fault = readonly [
  name: string,
  happen: (world: Three, places: readonly Place[], random: () => number) => Promise<void>,
];

const someOf = (places: readonly Place[], random: () => number): Place =>
  places[Math.floor(random() * places.length)] as Place;

/** Each is over when it resolves. */
const FAULTS: readonly Fault[] = [
  ['kill -9 of a replica', async ({ start }, places, random) => someOf(places, random).kill(start)],
  [
    'a replica is stopped for longer than the lease',
    async (_world, places, random) => someOf(places, random).stop(LEASE_MS * (1.2 + random())),
  ],
  [
    'kill -9 of Redis',
    async ({ redis }, _places, random) => {
      await redis.kill();
      await pass(500 + 2_000 * random());
      await redis.start();
    },
  ],
  [
    'Redis hangs',
    async ({ redis }, _places, random) => {
      redis.pause();
      await pass(500 + 1_500 * random());
      redis.resume();
    },
  ],
  [
    'the token endpoint is slower than the lease',
    async ({ simulator }, _places, random) => {
      await simulator.control('delay', { ms: Math.round(LEASE_MS * (1 + random())) });
      await pass(3_000);
      await simulator.control('delay', {});
    },
  ],
];

async function chaos(t: ExecutionContext): Promise<void> {
  t.timeout((SECONDS + 90) * 1_000);
  const seed = Number(process.env['OUTRIDER_CHAOS_SEED'] ?? 1);
  const random = randomFrom(seed);
  const world = await startThree(t, { lifetimeMs: LIFETIME_MS, renew: '{ cooldown: 1s }' });
  const places = world.proxies.map((proxy) => new Place(proxy));
  const happened: string[] = [];
  const end = Date.now() + SECONDS * 1_000;
  const due: Fault[] = [];
  while (Date.now() < end) {
    await pass(500 + 1_500 * random());
    // In any order, and none twice before each has been.
    if (due.length === 0) due.push(...FAULTS);
    const [[name, happen]] = due.splice(Math.floor(random() * due.length), 1) as [Fault];
    happened.push(name);
    await happen(world, places, random);
  }
  await pass(1_000);
  await Promise.all(places.map((place) => place.end()));
  t.log(`seed ${seed}: ${happened.join('; ')}`);
  const calls = await world.report();
  const answers = places.flatMap((place) => place.answers);
  t.log(`${answers.length} requests of healthy replicas`);
  t.is(tally(answers), `200: ${answers.length}`);
  t.true(answers.length > SECONDS * PER_SECOND);
  t.regex(calls, /refused 0/, 'no refresh token was used twice');
  await agreement(places.map(({ proxy }) => proxy));
}

redisTest(`whatever happens for ${SECONDS} s, every request of a healthy replica is answered`, chaos);
