import type { TestFn } from 'ava';
import { type FakeClock, fakeClock } from '../helpers/clock.ts';
import type { TokenRecord, TokenStore } from '../../src/store/store.ts';

export const record = (clock: FakeClock, generation: number, lifetimeMs = 60_000): TokenRecord => ({
  generation,
  accessToken: `token-${generation}`,
  tokenType: 'Bearer',
  refreshToken: generation % 2 ? `refresh-${generation}` : undefined,
  issuedAtMs: clock.now(),
  expiresAtMs: clock.now() + lifetimeMs,
});

/** What every {@link TokenStore} must keep; `create` gives an empty one. */
export function storeContract(
  test: TestFn,
  name: string,
  create: (clock: FakeClock) => TokenStore | Promise<TokenStore>,
): void {
  const withStore = (
    title: string,
    body: (t: import('ava').ExecutionContext, store: TokenStore, clock: FakeClock) => Promise<void>,
  ): void =>
    test(`${name}: ${title}`, async (t) => {
      const clock = fakeClock();
      const store = await create(clock);
      t.teardown(() => store.close());
      await body(t, store, clock);
    });

  withStore('a key that was never set is empty', async (t, store) => {
    t.is(await store.get('phonepe'), undefined);
  });

  withStore('a record comes back as it was stored', async (t, store, clock) => {
    const first = record(clock, 1);
    t.true(await store.compareAndSet('phonepe', 0, first));
    t.deepEqual(await store.get('phonepe'), first);
    const second = record(clock, 2);
    t.true(await store.compareAndSet('phonepe', 1, second));
    t.deepEqual(await store.get('phonepe'), second);
  });

  withStore('keys are apart', async (t, store, clock) => {
    await store.compareAndSet('pincode/a', 0, record(clock, 1));
    await store.compareAndSet('pincode/b', 0, record(clock, 7));
    t.is((await store.get('pincode/a'))?.generation, 1);
    t.is((await store.get('pincode/b'))?.generation, 7);
    t.is(await store.get('pincode'), undefined);
  });

  withStore('a late writer can not undo a newer record', async (t, store, clock) => {
    await store.compareAndSet('phonepe', 0, record(clock, 1));
    await store.compareAndSet('phonepe', 1, record(clock, 2));
    t.false(await store.compareAndSet('phonepe', 1, record(clock, 2)));
    t.false(await store.compareAndSet('phonepe', 0, record(clock, 1)));
    t.is((await store.get('phonepe'))?.generation, 2);
  });

  withStore('a generation can be written again, with a later expiry', async (t, store, clock) => {
    await store.compareAndSet('phonepe', 0, record(clock, 1, 1_000));
    t.true(await store.compareAndSet('phonepe', 1, record(clock, 1, 9_000)));
    await clock.advance(5_000);
    t.is((await store.get('phonepe'))?.generation, 1);
  });

  withStore('a record is gone from the moment it expires', async (t, store, clock) => {
    await store.compareAndSet('phonepe', 0, record(clock, 1, 10_000));
    await clock.advance(9_999);
    t.is((await store.get('phonepe'))?.generation, 1);
    await clock.advance(1);
    t.is(await store.get('phonepe'), undefined);
    t.false(await store.compareAndSet('phonepe', 1, record(clock, 2)), 'an expired record counts as none');
    t.true(await store.compareAndSet('phonepe', 0, record(clock, 2)));
    t.is((await store.get('phonepe'))?.generation, 2);
  });

  for (const lifetimeMs of [0, -5_000]) {
    withStore(`a lifetime of ${lifetimeMs} is not for ever`, async (t, store, clock) => {
      await store.compareAndSet('phonepe', 0, record(clock, 1));
      t.true(await store.compareAndSet('phonepe', 1, record(clock, 2, lifetimeMs)));
      t.is(await store.get('phonepe'), undefined);
      await clock.advance(-lifetimeMs);
      t.is(await store.get('phonepe'), undefined);
    });
  }

  withStore('a lifetime of a million years is kept', async (t, store, clock) => {
    t.true(await store.compareAndSet('phonepe', 0, record(clock, 1, 3e16)));
    t.is((await store.get('phonepe'))?.generation, 1);
  });

  withStore('a deleted record is gone, and its place free', async (t, store, clock) => {
    await store.compareAndSet('phonepe', 0, record(clock, 4));
    await store.delete('phonepe');
    await store.delete('never set');
    t.is(await store.get('phonepe'), undefined);
    t.true(await store.compareAndSet('phonepe', 0, record(clock, 1)));
  });

  withStore('names of object properties are keys like any other', async (t, store, clock) => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      // oxlint-disable-next-line no-await-in-loop
      t.is(await store.get(key), undefined);
      // oxlint-disable-next-line no-await-in-loop
      t.true(await store.compareAndSet(key, 0, record(clock, 3)));
      // oxlint-disable-next-line no-await-in-loop
      t.is((await store.get(key))?.generation, 3);
    }
  });
}
