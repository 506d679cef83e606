import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { compileCacheDir } from '../../src/commands/compile-cache.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const { uid } = userInfo();

const home = (t: ExecutionContext): string => {
  const dir = temporaryDirectory(t);
  return dir;
};

test('compiled code lies in a directory of the user alone', (t) => {
  const homedir = home(t);
  const dir = compileCacheDir({ homedir, uid });
  t.is(dir, join(homedir, '.cache', 'outrider'));
  t.is(statSync(dir as string).mode & 0o777, 0o700);
  t.is(compileCacheDir({ homedir, uid }), dir);
});

test('a directory that others can write to, that is not ours, or that is a link is not trusted', (t) => {
  const homedir = home(t);
  const dir = compileCacheDir({ homedir, uid }) as string;
  t.is(compileCacheDir({ homedir, uid: uid + 1 }), undefined);
  chmodSync(dir, 0o770);
  t.is(compileCacheDir({ homedir, uid }), undefined);

  const other = home(t);
  mkdirSync(join(other, '.cache'));
  symlinkSync(dir, join(other, '.cache', 'outrider'));
  chmodSync(dir, 0o700);
  t.is(compileCacheDir({ homedir: other, uid }), undefined);
});
