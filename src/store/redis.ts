import { createClient } from '@redis/client';
import type { StoreConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Backing, BackingEvents } from './backing.ts';
import { EXTEND, FREE, MARK, READ, REDEEM, SEEN, WRITE } from './redis-scripts.ts';
import { type Codec, tombstone } from './seal.ts';
import { MAX_SEEN, RETAINED_MS, type TokenRecord } from './store.ts';

type RedisOptions = Extract<StoreConfig, { kind: 'redis' }>;

const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_PAUSE_MS = 1_000;
const LARGEST_DRIFT_MS = 1_000;
/** 100 years: longer than any token lives, and valid in Redis. */
const MAX_TTL_MS = 100 * 365 * 86_400_000;

const connect = (options: RedisOptions) => {
  const url = new URL(options.url.reveal());
  if (options.username !== undefined) url.username = encodeURIComponent(options.username);
  if (options.password !== undefined) url.password = encodeURIComponent(options.password.reveal());
  return createClient({
    url: url.href,
    // With RESP 3, news arrives on the same connection as answers.
    RESP: 3,
    // A command that can't be sent at once is refused, not queued.
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries) =>
        Math.min(25 * 2 ** Math.min(retries, 10), LONGEST_PAUSE_MS) * (1 - Math.random() / 5),
    },
  });
};
type Client = ReturnType<typeof connect>;

/**
 * A {@link Backing} in Redis 6 or newer, or Valkey. A record is a hash: `g` is its generation, `d` the record as text, `r` the
 * run of Redis that took it, and `u` is set once its refresh token is redeemed. Times in `d` are by the clock of Redis, so that
 * the clocks of the machines that share it needn't agree.
 */
export class RedisBacking implements Backing {
  readonly kind = 'redis';
  readonly #options: RedisOptions;
  readonly #clock: Clock;
  readonly #codec: Codec;
  #events: BackingEvents | undefined;
  #client: Client | undefined;
  /**
   * `ms` is Redis's time minus our monotonic time. `leadMs` is our wall clock minus our monotonic clock when `ms` was measured.
   */
  #offset = { ms: 0, leadMs: 0 };

  constructor(options: RedisOptions, clock: Clock, codec: Codec) {
    this.#options = options;
    this.#clock = clock;
    this.#codec = codec;
  }

  /** Host and port, as the URL has them. */
  get address(): string {
    return new URL(this.#options.url.reveal()).host;
  }

  async open(events: BackingEvents): Promise<void> {
    this.#events = events;
    this.#connect();
  }

  async read(key: string): Promise<TokenRecord | undefined> {
    const [generation, text] = (await this.#eval(READ, key, [])) as [string | null, string | null];
    if (generation === null || text === null) return undefined;
    const record = this.#codec.read(key, text);
    // The scripts compare the generation `g`, which is not sealed. So it must match the one inside the sealed text.
    if (record?.generation !== Number(generation)) return tombstone(Number(generation));
    return shifted(record, -(await this.#shiftMs()));
  }

  async write(key: string, expected: number, next: TokenRecord): Promise<boolean> {
    const ttlMs = Math.ceil(next.expiresAtMs - this.#clock.now()) + RETAINED_MS;
    return this.#ask(WRITE, key, [
      String(expected),
      String(next.generation),
      this.#codec.write(key, shifted(next, await this.#shiftMs())),
      String(Math.min(ttlMs, MAX_TTL_MS)),
      this.#channel,
      key,
    ]);
  }

  redeem(key: string, generation: number): Promise<boolean> {
    return this.#ask(REDEEM, key, [String(generation)]);
  }

  async timesSeen(list: string, id: string): Promise<number> {
    return Number(await this.#connected.eval(SEEN, { keys: this.#seenKeys(list), arguments: [id] }));
  }

  async markSeen(list: string, id: string, windowMs: number): Promise<void> {
    await this.#connected.eval(MARK, {
      keys: this.#seenKeys(list),
      arguments: [id, String(windowMs), String(MAX_SEEN)],
    });
  }

  async remove(key: string): Promise<void> {
    await this.#connected.del(this.#key(key));
  }

  async take(key: string, holder: string, leaseMs: number): Promise<boolean> {
    const expiration = { type: 'PX', value: leaseMs } as const;
    return (await this.#connected.set(this.#lockKey(key), holder, { condition: 'NX', expiration })) !== null;
  }

  async extend(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return (
      (await this.#connected.eval(EXTEND, { keys: [this.#lockKey(key)], arguments: [holder, String(leaseMs)] })) === 1
    );
  }

  async free(key: string, holder: string): Promise<void> {
    await this.#connected.eval(FREE, { keys: [this.#lockKey(key)], arguments: [holder] });
  }

  async probe(): Promise<void> {
    const client = this.#connected;
    await this.#askTime();
    // A Redis that can't be written to is of no use.
    await client.set(`${this.#options.prefix}probe`, '1', { expiration: { type: 'PX', value: 1 } });
    if (!client.isPubSubActive) await client.subscribe(this.#channel, (key) => this.#events?.changed(key));
  }

  reset(): void {
    this.#client?.destroy();
    this.#connect();
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    const timer = this.#clock.after(LONGEST_PAUSE_MS / 4, () => client?.isOpen && client.destroy());
    if (client?.isReady) await client.close().catch(() => undefined);
    else client?.destroy();
    timer.cancel();
  }

  #connect(): void {
    const client = connect(this.#options);
    this.#client = client;
    const ifCurrent = (tell: () => void) => (): void => {
      if (this.#client === client) tell();
    };
    client.on('error', (error: unknown) => ifCurrent(() => this.#events?.lost(error))());
    client.on(
      'ready',
      ifCurrent(() => this.#events?.found()),
    );
    // The client keeps trying to connect. The promise rejects when the client is destroyed.
    client.connect().catch(() => undefined);
  }

  get #connected(): Client {
    if (!this.#client?.isReady) throw Object.assign(new Error('not connected'), { code: 'ENOTCONN' });
    return this.#client;
  }

  get #channel(): string {
    return `${this.#options.prefix}changed`;
  }

  #key(key: string): string {
    return `${this.#options.prefix}token:${key}`;
  }

  #seenKeys(list: string): string[] {
    return ['until', 'count'].map((what) => `${this.#options.prefix}seen:${list}:${what}`);
  }

  #lockKey(key: string): string {
    return `${this.#options.prefix}lock:${key}`;
  }

  /** The milliseconds to add to a time of our wall clock to get Redis's time. */
  async #shiftMs(): Promise<number> {
    // The two clocks have drifted apart: the wall clock was set, or the machine slept, which the monotonic clock doesn't count.
    if (Math.abs(this.#leadMs() - this.#offset.leadMs) > LARGEST_DRIFT_MS) await this.#askTime();
    return Math.round(this.#offset.ms - this.#leadMs());
  }

  #leadMs(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  async #askTime(): Promise<void> {
    const askedAt = this.#clock.monotonic();
    const [seconds, micros] = await this.#connected.sendCommand<[string, string]>(['TIME']);
    this.#offset = { ms: Number(seconds) * 1000 + Number(micros) / 1000 - askedAt, leadMs: this.#leadMs() };
  }

  async #eval(script: string, key: string, args: string[]): Promise<unknown> {
    return this.#connected.eval(script, { keys: [this.#key(key)], arguments: args });
  }

  async #ask(script: string, key: string, args: string[]): Promise<boolean> {
    return (await this.#eval(script, key, args)) === 1;
  }
}

const shifted = (record: TokenRecord, ms: number): TokenRecord => ({
  ...record,
  issuedAtMs: record.issuedAtMs + ms,
  expiresAtMs: record.expiresAtMs + ms,
});
