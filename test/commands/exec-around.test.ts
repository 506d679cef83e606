import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CLI, configFile, run } from './run.ts';

const yaml = (upstream: string): string =>
  `version: 1\nroutes: [{ name: a, match: { path: /a }, upstream: "${upstream}" }]\n`;
const TERMINAL = fileURLToPath(new URL('terminal.py', import.meta.url));
const needsPython = spawnSync('python3', ['--version']).status === 0 || process.env['CI'] ? test : test.skip;

needsPython('the terminal is that of the program: each key reaches it once, and it reads what is typed', (t) => {
  const { file } = configFile(t, yaml('http://localhost:9'));
  const script = `
    const count = {};
    for (const name of ['SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGTERM']) process.on(name, () => {
      count[name] = (count[name] ?? 0) + 1;
      console.log(name);
    });
    console.log('ready');
    process.stdin.once('data', (line) => {
      console.log('done', [...Object.values(count), process.stdout.columns, process.stdout.isTTY, line.toString().trim()].join());
      process.exit(9);
    });`;
  const args = [TERMINAL, process.execPath, CLI, 'exec', '--config', file, '--', process.execPath, '-e', script];
  const { stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8', timeout: 60_000 });
  t.is(stdout, '1,1,1,1,44,true,a line 9\n', stderr);
});

test('the egress proxy of the environment is for the proxy, and the proxy for the program', async (t) => {
  const egress = await startEgressProxy(t);
  const upstream = await startUpstream(t);
  const url = `http://api.provider.test:${upstream.port}`;
  const { file } = configFile(t, yaml(url));
  const corp = `http://me:pass@127.0.0.1:${egress.port}`;
  const env = { HTTP_PROXY: corp, https_proxy: corp, no_proxy: '', NO_PROXY: 'spared.test' };
  const script = `
    const own = process.env.OUTRIDER_URL;
    const all = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'].every((name) => process.env[name] === own);
    fetch('${url}/x').then(async (answer) => console.log(all, process.env.NO_PROXY, await answer.text()));`;
  const args = ['exec', '--config', file, '--intercept', '--', process.execPath, '-e', script];
  const result = await run(t, args, { env });
  t.is(result.stdout, 'true spared.test ok\n', result.stderr);
  t.deepEqual(egress.asked, [
    { line: `GET ${url}/x`, authorization: `Basic ${btoa('me:pass')}`, host: `api.provider.test:${upstream.port}` },
  ]);
});

test('a program that is called start, or is told to, is not taken for the command of that name', async (t) => {
  const { file } = configFile(t, yaml('http://localhost:9'));
  const script = 'console.log(process.argv.at(-1))';
  const args = ['--config', file, 'exec', '--', process.execPath, '-e', script, 'start'];
  t.is((await run(t, args)).stdout, 'start\n');
});
