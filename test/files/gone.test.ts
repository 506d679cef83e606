import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { run } from '../commands/run.ts';
import { freshDirectory, shell } from './place.ts';

const onUnix = process.platform === 'win32' ? test.skip : test;

onUnix('a working directory that has been removed ends the start with what to do', async (t) => {
  const dir = freshDirectory(t);
  const gone = path.join(dir, 'gone');
  fs.mkdirSync(gone);
  const { code, stderr } = await run(t, ['start', '--config', path.join(dir, 'none.yaml')], {
    under: shell('cd "$1"\nrmdir "$1"', gone),
  });
  t.is(code, 1);
  t.regex(stderr, /^error\[no_working_directory\]: .+\n {2}= help: .+\n$/);
});
