import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { within } from '../helpers/http1.ts';
import { isolated, UNDER } from './first-process.ts';
import { CLI, configFile, launch, run } from './run.ts';

const YAML = 'version: 1\nroutes: [{ name: a, match: { path: /a }, upstream: "http://localhost:9" }]\n';

const words = (file: string, script: string): string[] => [
  'exec',
  '--intercept',
  '--config',
  file,
  '--',
  process.execPath,
  '--input-type=module',
  '-e',
  script,
];

/** Leaves orphans behind, and tells how many there were, and which of them are still there after they have ended. */
const LEAVE = `
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
const { stdout } = spawnSync('sh', ['-c', 'for i in 1 2 3 4 5; do (sleep 0.1 >/dev/null & echo $!); done'], { encoding: 'utf8' });
const orphans = stdout.trim().split('\\n');
const remain = () => orphans.filter((pid) => existsSync('/proc/' + pid));
const endMs = Date.now() + 10_000;
while (remain().length > 0 && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
console.log(process.ppid > 1, orphans.length, remain().length);
process.exit(7);`;

isolated('as the first process of a container, exec reaps what its program leaves behind', async (t) => {
  const { file } = configFile(t, YAML);
  const { code, stdout, stderr } = await run(t, words(file, LEAVE), { under: UNDER ?? [] });
  t.is(stdout, 'true 5 0\n', stderr);
  t.is(code, 7);
  t.is(stderr, '');
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const) {
  isolated(`there too ${signal} is passed on, once, and the program decides what it means`, async (t) => {
    const { file } = configFile(t, YAML);
    const script = `
      let heard = 0;
      process.on('${signal}', () => {
        heard++;
        setTimeout(() => { console.log('heard', heard); process.exit(42); }, 300);
      });
      process.kill(1, '${signal}');
      setInterval(() => {}, 1000);`;
    const running = launch(t, words(file, script), { under: UNDER ?? [] });
    t.is(await within(30_000, 'the end', running.exit), 42, running.stderr());
    t.is(running.stdout(), 'heard 1\n');
  });

  isolated(`there too a program that ${signal} ends gives 128 and its number`, async (t) => {
    const { file } = configFile(t, YAML);
    const script = `process.kill(process.pid, '${signal}'); setInterval(() => {}, 1000);`;
    const { code } = await run(t, words(file, script), { under: UNDER ?? [] });
    t.is(code, 128 + constants.signals[signal]);
  });
}

isolated('there too stdin is that of the program, and a program that is not there gives 127', async (t) => {
  const { file } = configFile(t, YAML);
  const [command = '', ...args] = UNDER ?? [];
  const cat = [...args, process.execPath, CLI, 'exec', '--config', file, '--', 'cat'];
  t.is(spawnSync(command, cat, { input: 'through', encoding: 'utf8', timeout: 30_000 }).stdout, 'through');
  t.is((await run(t, ['exec', '--config', file, '--', '/nonexistent'], { under: UNDER ?? [] })).code, 127);
});
