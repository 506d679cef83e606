import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import test from 'ava';
import { openTrail, trailPath } from './given.ts';

test('calls that come while a sync runs share the next one', async (t) => {
  const path = trailPath(t);
  const { trail } = openTrail(path);
  const syncs: ((error: null) => void)[] = [];
  const real = fs.fdatasync;
  fs.fdatasync = ((_fd: number, done: (error: null) => void) => void syncs.push(done)) as typeof fs.fdatasync;
  syncBuiltinESMExports();
  try {
    const done: number[] = [];
    const add = (n: number): void => {
      trail.append('request', { n });
      void trail.durable().then(() => done.push(n));
    };
    const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    add(1);
    add(2);
    await settle();
    t.is(syncs.length, 1);
    add(3);
    add(4);
    await settle();
    t.is(syncs.length, 1, 'one at a time');
    t.deepEqual(done, []);
    syncs[0]?.(null);
    await settle();
    t.deepEqual(done, [1, 2]);
    t.is(syncs.length, 2);
    syncs[1]?.(null);
    await settle();
    t.deepEqual(done, [1, 2, 3, 4]);
    await trail.durable();
    t.is(syncs.length, 2, 'nothing was written since');
  } finally {
    fs.fdatasync = real;
    syncBuiltinESMExports();
  }
  await trail.close();
});
