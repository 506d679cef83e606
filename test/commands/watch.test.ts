import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { watchContents } from '../../src/commands/watch.ts';
import { within } from '../helpers/http1.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

interface Setting {
  readonly dir: string;
  readonly file: string;
  readonly next: () => Promise<void>;
  readonly count: () => number;
  readonly watch: () => void;
}

function setUp(t: ExecutionContext): Setting {
  const dir = temporaryDirectory(t);
  const file = join(dir, 'a.yaml');
  let count = 0;
  let changed = Promise.withResolvers<void>();
  return {
    dir,
    file,
    count: () => count,
    next: () => within(10_000, 'the change', changed.promise).then(() => void (changed = Promise.withResolvers())),
    watch: () =>
      t.teardown(
        watchContents(file, () => {
          count++;
          changed.resolve();
        }),
      ),
  };
}

test('a file written in place is seen, once', async (t) => {
  const { file, next, count, watch } = setUp(t);
  writeFileSync(file, 'one');
  watch();
  writeFileSync(file, 'tw');
  writeFileSync(file, 'two');
  await next();
  t.is(count(), 1);
});

test('a file replaced by another, as editors do, is seen each time', async (t) => {
  const { dir, file, next, count, watch } = setUp(t);
  writeFileSync(file, 'one');
  watch();
  for (const text of ['two', 'three']) {
    writeFileSync(join(dir, 'new'), text);
    renameSync(join(dir, 'new'), file);
    await next();
  }
  t.is(count(), 2);
});

test('a link that is turned, as Kubernetes does, is seen', async (t) => {
  const { dir, file, next, watch } = setUp(t);
  for (const version of ['1', '2']) {
    mkdirSync(join(dir, `..${version}`));
    writeFileSync(join(dir, `..${version}`, 'a.yaml'), version);
  }
  symlinkSync('..1', join(dir, '..data'));
  symlinkSync('..data/a.yaml', file);
  watch();
  symlinkSync('..2', join(dir, '..tmp'));
  renameSync(join(dir, '..tmp'), join(dir, '..data'));
  await next();
  t.pass();
});

test('a file that is gone for a moment is no change; what follows is', async (t) => {
  const { file, next, count, watch } = setUp(t);
  writeFileSync(file, 'one');
  watch();
  rmSync(file);
  writeFileSync(file, 'one');
  rmSync(file);
  writeFileSync(file, 'two');
  await next();
  t.is(count(), 1);
});
