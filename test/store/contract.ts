import { hash } from 'node:crypto';
import type { ExecutionContext, Implementation } from 'ava';
import { until } from '../helpers/http1.ts';
import { type FakeClock, fakeClock } from '../helpers/clock.ts';
import { type Lock, type LockAnswer, RETAINED_MS, type Store, type TokenRecord } from '../../src/store/store.ts';

/** The id of a callback. */
export const digest = (text: string): string => hash('sha256', text, 'base64url');

export const record = (clock: FakeClock, generation: number, lifetimeMs = 60_000): TokenRecord => ({
  generation,
  accessToken: `token-${generation}`,
  tokenType: 'Bearer',
  refreshToken: generation % 2 ? `refresh-${generation}` : undefined,
  issuedAtMs: clock.now(),
  expiresAtMs: clock.now() + lifetimeMs,
});

/** Two ways to the same records, of two processes where several can share them. */
export interface Pair {
  readonly ours: Store;
  readonly theirs: Store;
  /** By how much times may differ from what was stored. */
  readonly slackMs?: number;
}

export type Declare = (title: string, run: Implementation<[]>) => void;
type Body = (t: ExecutionContext, pair: Pair, clock: FakeClock) => Promise<void>;

export function lockOf(t: ExecutionContext, answer: LockAnswer): Lock {
  if (answer.state !== 'got') throw t.fail(`the lock is ${answer.state}`) as never;
  return answer.lock;
}

/** What every {@link Store} must keep; `open` gives two ways to the same empty place. */
export function storeContract(
  declare: Declare,
  name: string,
  open: (t: ExecutionContext, clock: FakeClock) => Promise<Pair>,
): void {
  const withStores = (title: string, body: Body): void =>
    declare(`${name}: ${title}`, async (t) => {
      const clock = fakeClock();
      const pair = await open(t, clock);
      t.teardown(async () => {
        await pair.ours.close();
        await pair.theirs.close();
      });
      await body(t, pair, clock);
    });

  const isSame = (
    t: ExecutionContext,
    { slackMs = 0 }: Pair,
    found: TokenRecord | undefined,
    wanted: TokenRecord,
  ): void => {
    const { issuedAtMs = 0, expiresAtMs = 0, ...rest } = found ?? {};
    t.deepEqual({ ...rest, issuedAtMs: wanted.issuedAtMs, expiresAtMs: wanted.expiresAtMs }, wanted);
    t.true(Math.abs(issuedAtMs - wanted.issuedAtMs) <= slackMs, String(issuedAtMs - wanted.issuedAtMs));
    t.true(Math.abs(expiresAtMs - wanted.expiresAtMs) <= slackMs, String(expiresAtMs - wanted.expiresAtMs));
  };

  withStores('a key that was never set is empty', async (t, { ours }) => {
    t.is(await ours.get('phonepe'), undefined);
  });

  withStores('a record comes back as it was stored, to whoever asks', async (t, pair, clock) => {
    const { ours, theirs } = pair;
    const first = record(clock, 1);
    t.true(await ours.compareAndSet('phonepe', 0, first));
    isSame(t, pair, await ours.get('phonepe'), first);
    isSame(t, pair, await theirs.get('phonepe'), first);
    const second = record(clock, 2);
    t.true(await theirs.compareAndSet('phonepe', 1, second));
    isSame(t, pair, await ours.get('phonepe'), second);
  });

  withStores('keys are apart, those of subjects too', async (t, { ours }, clock) => {
    await ours.compareAndSet('pincode@0/a', 0, record(clock, 1));
    await ours.compareAndSet('pincode@0/b', 0, record(clock, 7));
    t.is((await ours.get('pincode@0/a'))?.generation, 1);
    t.is((await ours.get('pincode@0/b'))?.generation, 7);
    t.is(await ours.get('pincode@0'), undefined);
    t.is(await ours.get('pincode@0/'), undefined);
  });

  withStores('a late writer can not undo a newer record', async (t, { ours, theirs }, clock) => {
    await ours.compareAndSet('phonepe', 0, record(clock, 1));
    await theirs.compareAndSet('phonepe', 1, record(clock, 2));
    t.false(await ours.compareAndSet('phonepe', 1, record(clock, 2)));
    t.false(await ours.compareAndSet('phonepe', 0, record(clock, 1)));
    t.is((await ours.get('phonepe'))?.generation, 2);
  });

  withStores('of many that write at once exactly one does', async (t, { ours, theirs }, clock) => {
    for (let generation = 1; generation <= 10; generation++) {
      const stores = [ours, theirs, ours, theirs, ours, theirs];
      // oxlint-disable-next-line no-await-in-loop
      const done = await Promise.all(
        stores.map(async (store, i) =>
          store.compareAndSet('phonepe', generation - 1, { ...record(clock, generation), accessToken: `by-${i}` }),
        ),
      );
      t.is(done.filter(Boolean).length, 1);
      // oxlint-disable-next-line no-await-in-loop
      const kept = await theirs.get('phonepe');
      t.is(kept?.accessToken, `by-${done.indexOf(true)}`);
    }
  });

  withStores('a generation can be written again, with a later expiry', async (t, pair, clock) => {
    const { ours } = pair;
    await ours.compareAndSet('phonepe', 0, record(clock, 1, 1_000));
    t.true(await ours.compareAndSet('phonepe', 1, record(clock, 1, 9_000)));
    isSame(t, pair, await ours.get('phonepe'), record(clock, 1, 9_000));
  });

  withStores('a record that has expired stays for a while, and its generation counts', async (t, pair, clock) => {
    const { ours } = pair;
    const first = record(clock, 1, 10_000);
    await ours.compareAndSet('phonepe', 0, first);
    await clock.advance(10_000 + RETAINED_MS - 1_000);
    isSame(t, pair, await ours.get('phonepe'), first);
    t.false(await ours.compareAndSet('phonepe', 0, record(clock, 1)));
    t.true(await ours.compareAndSet('phonepe', 1, record(clock, 2)));
    t.is((await ours.get('phonepe'))?.generation, 2);
  });

  for (const lifetimeMs of [0, -5_000]) {
    withStores(`a lifetime of ${lifetimeMs} is not for ever`, async (t, { ours }, clock) => {
      await ours.compareAndSet('phonepe', 0, record(clock, 1));
      t.true(await ours.compareAndSet('phonepe', 1, record(clock, 2, lifetimeMs)));
      const found = await ours.get('phonepe');
      t.true(found !== undefined && found.expiresAtMs <= clock.now() && found.generation === 2);
    });
  }

  withStores('a lifetime of a million years is kept', async (t, { ours }, clock) => {
    t.true(await ours.compareAndSet('phonepe', 0, record(clock, 1, 3e15)));
    t.is((await ours.get('phonepe'))?.generation, 1);
  });

  withStores('a deleted record is gone, and its place free', async (t, { ours, theirs }, clock) => {
    await ours.compareAndSet('phonepe', 0, record(clock, 4));
    await theirs.delete('phonepe');
    await ours.delete('never set');
    t.is(await ours.get('phonepe'), undefined);
    t.true(await ours.compareAndSet('phonepe', 0, record(clock, 1)));
  });

  withStores(
    'names of object properties, of files and of patterns are keys like any other',
    async (t, { ours }, clock) => {
      for (const key of ['__proto__', 'constructor', 'toString', '..', 'a/../b', 'a*', 'A', 'a', 'ü %2F']) {
        // oxlint-disable-next-line no-await-in-loop
        t.is(await ours.get(key), undefined);
        // oxlint-disable-next-line no-await-in-loop
        t.true(await ours.compareAndSet(key, 0, record(clock, 3)));
        // oxlint-disable-next-line no-await-in-loop
        t.is((await ours.get(key))?.generation, 3);
      }
    },
  );

  withStores('a refresh token is handed out once for each time it was written', async (t, pair, clock) => {
    const { ours, theirs } = pair;
    t.false(await ours.redeem('phonepe', 0));
    t.false(await ours.redeem('phonepe', 1));
    await ours.compareAndSet('phonepe', 0, record(clock, 1));
    t.false(await ours.redeem('phonepe', 2));
    t.false(await ours.redeem('other', 1));
    const asked = await Promise.all([ours, theirs, ours, theirs].map(async (store) => store.redeem('phonepe', 1)));
    t.is(asked.filter(Boolean).length, 1);
    t.false(await theirs.redeem('phonepe', 1));
    isSame(t, pair, await theirs.get('phonepe'), record(clock, 1));
    await ours.compareAndSet('phonepe', 1, record(clock, 1, 90_000));
    t.true(await theirs.redeem('phonepe', 1));
    t.false(await ours.redeem('phonepe', 1));
    await ours.compareAndSet('phonepe', 1, record(clock, 2));
    t.false(await ours.redeem('phonepe', 1));
    t.true(await ours.redeem('phonepe', 2));
  });

  withStores('the refresh token of an expired record is handed out, too', async (t, { ours }, clock) => {
    await ours.compareAndSet('phonepe', 0, record(clock, 1, 1_000));
    await clock.advance(60_000);
    t.true(await ours.redeem('phonepe', 1));
  });

  withStores(
    'one has the lock, the others learn that, and each gets the newest record with it',
    async (t, pair, clock) => {
      const { ours, theirs } = pair;
      t.like(await ours.lock('empty'), { state: 'got', record: undefined });
      await ours.compareAndSet('phonepe', 0, record(clock, 1));
      const answers = await Promise.all([ours, theirs, ours, theirs].map(async (store) => store.lock('phonepe')));
      t.deepEqual(
        answers.map(({ state }) => state).toSorted((a, b) => (a < b ? -1 : 1)),
        ['got', 'taken', 'taken', 'taken'],
      );
      for (const answer of answers) t.is(answer.state === 'down' ? 0 : answer.record?.generation, 1);
      t.is((await theirs.lock('other')).state, 'got');
      t.is((await theirs.lock('empty')).state, 'taken');
    },
  );

  withStores('a released lock is free, and can not be released a second time', async (t, { ours, theirs }) => {
    const first = lockOf(t, await ours.lock('phonepe'));
    t.true(first.isHeld);
    await first.release();
    const second = lockOf(t, await theirs.lock('phonepe'));
    await first.release();
    t.is((await ours.lock('phonepe')).state, 'taken');
    await second.release();
    t.is((await ours.lock('phonepe')).state, 'got');
  });

  withStores('who watches a key hears of it, and of no other', async (t, { ours, theirs }, clock) => {
    const heard: string[] = [];
    ours.watch('phonepe', (news) => heard.push(`ours ${news}`));
    const stop = theirs.watch('phonepe', (news) => heard.push(`theirs ${news}`));
    ours.watch('other', () => heard.push('other'));
    await theirs.compareAndSet('phonepe', 0, record(clock, 1));
    await until('both have heard', () => heard.includes('ours changed') && heard.includes('theirs changed'));
    stop();
    heard.length = 0;
    await ours.compareAndSet('phonepe', 1, record(clock, 2));
    await until('one has heard', () => heard.includes('ours changed'));
    t.false(heard.includes('theirs changed') || heard.includes('other'));
  });

  withStores('a callback is seen as often as it was marked, by whoever asks', async (t, { ours, theirs }) => {
    t.is(await ours.timesSeen('payu', digest('a')), 0);
    await ours.markSeen('payu', digest('a'), 60_000);
    t.is(await theirs.timesSeen('payu', digest('a')), 1);
    await theirs.markSeen('payu', digest('a'), 60_000);
    t.is(await ours.timesSeen('payu', digest('a')), 2);
    t.is(await ours.timesSeen('payu', digest('b')), 0);
    t.is(await ours.timesSeen('phonepe', digest('a')), 0);
  });

  withStores('of marks that are made at once none is lost', async (t, { ours, theirs }) => {
    const stores = [ours, theirs, ours, theirs, ours, theirs];
    await Promise.all(stores.map(async (store) => store.markSeen('payu', digest('a'), 60_000)));
    t.is(await ours.timesSeen('payu', digest('a')), stores.length);
  });

  withStores('marks and tokens are apart', async (t, { ours }, clock) => {
    await ours.markSeen('phonepe', digest('a'), 60_000);
    t.is(await ours.get('phonepe'), undefined);
    t.true(await ours.compareAndSet('phonepe', 0, record(clock, 1)));
    t.is(await ours.timesSeen('phonepe', digest('a')), 1);
  });
}
