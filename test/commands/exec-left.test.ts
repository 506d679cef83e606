import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { until } from '../helpers/http1.ts';
import { CLI, configFile, launch, run } from './run.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const YAML = 'version: 1\nroutes: [{ name: a, match: { path: /a }, upstream: "http://localhost:9" }]\n';
const WAIT = `console.log('pid ' + process.pid); setInterval(() => {}, 1000)`;

/** Processes whose command line has these words. */
function pidsOf(...words: readonly string[]): number[] {
  const lines = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return lines.map(Number).filter((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return words.every((word) => line.includes(word));
    } catch {
      return false;
    }
  });
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
  'what a run left that was killed with all that cleans up, the next one removes, and nothing else',
  async (t) => {
    const left = temporaryDirectory(t);
    const { file } = configFile(t, YAML);
    const args = ['exec', '--config', file, '--intercept', '--', process.execPath, '-e'];
    const env = { TMPDIR: left };
    const living = launch(t, [...args, WAIT], { env });
    await living.says(/pid (\d+)/);
    const [kept = ''] = readdirSync(left);
    const killed = launch(t, [...args, WAIT], { env });
    const program = Number((await killed.says(/pid (\d+)/))[1]);
    const lost = readdirSync(left).find((name) => name !== kept) ?? '';
    t.teardown(() => spawnSync('kill', ['-KILL', String(program)]));
    t.not(lost, '');
    await until('the warden', () => pidsOf('outrider-warden', lost).length > 0);
    for (const warden of pidsOf('outrider-warden', lost)) process.kill(warden, 'SIGKILL');
    killed.kill('SIGKILL');
    process.kill(program, 'SIGKILL');
    t.is(await killed.exit, 137);
    t.deepEqual(readdirSync(left).toSorted(), [kept, lost].toSorted());

    mkdirSync(join(left, 'outrider-exec-of-somebody'));
    t.is((await run(t, [...args, 'process.exit(3)'], { env })).code, 3);
    t.deepEqual(readdirSync(left).toSorted(), [kept, 'outrider-exec-of-somebody'].toSorted());
    living.kill('SIGTERM');
    await until('the end', () => readdirSync(left).length === 1, 10_000);
  },
);

for (const [what, command, code, said] of [
  ['below a file', '/etc/passwd/program', 126, /command_not_runnable.*ENOTDIR/],
  ['empty', '', 127, /command_not_found.*there is no program ''/],
] as const) {
  test(`a program's name that is ${what} gives ${code}`, (t) => {
    const { file } = configFile(t, YAML);
    const result = spawnSync(process.execPath, [CLI, 'exec', '--config', file, '--', command], { encoding: 'utf8' });
    t.is(result.status, code);
    t.regex(result.stderr, said);
  });
}
