import fs from 'node:fs';
import test from 'ava';
import { boundedStart } from '../../src/commands/bounded-heap.ts';
import { plainYaml } from '../contract/given.ts';
import { withDefaults } from '../helpers/outrider.ts';
import { startProxy } from './run.ts';

const YAML = withDefaults(plainYaml('http://127.0.0.1:9'));
const OPTION = '--max-semi-space-size=16';
const onLinux = fs.existsSync('/proc/self/cmdline') ? test : test.skip;
const parts = (pid: number | undefined, file: string): string[] =>
  fs.readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');

onLinux('start bounds the heap, in the process that was started (needs /proc)', async (t) => {
  const child = await startProxy(t, YAML);
  t.true(parts(child.pid, 'cmdline').includes(OPTION));
  t.true(parts(child.pid, 'environ').includes('MALLOC_ARENA_MAX=1'));
});

onLinux('who has chosen another bound keeps it (needs /proc)', async (t) => {
  const child = await startProxy(t, YAML, [], {
    env: { NODE_OPTIONS: '--max-semi-space-size=64', MALLOC_ARENA_MAX: '2' },
  });
  t.false(parts(child.pid, 'cmdline').includes(OPTION));
  t.true(parts(child.pid, 'environ').includes('MALLOC_ARENA_MAX=2'));
});

const given = {
  execPath: '/node',
  execArgv: ['--enable-source-maps'],
  argv: ['/node', '/cli.ts', 'start', '--watch'],
  env: { HOME: '/home/me' },
};

test('the program starts anew with all that it was given', (t) => {
  t.deepEqual(boundedStart(given), {
    args: ['/node', OPTION, '--enable-source-maps', '/cli.ts', 'start', '--watch'],
    env: { HOME: '/home/me', MALLOC_ARENA_MAX: '1' },
  });
});

test('and only once', (t) => {
  const next = boundedStart(given);
  t.is(boundedStart({ ...given, execArgv: next?.args.slice(1, 3) ?? [] }), undefined);
  t.is(boundedStart({ ...given, execArgv: ['--max_semi_space_size=8'] }), undefined);
  t.is(boundedStart({ ...given, env: { NODE_OPTIONS: '--max-semi-space-size=8' } }), undefined);
});
