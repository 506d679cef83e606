import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { check, type CheckOptions } from '../../src/commands/check.ts';
import { findConfigFile } from '../../src/config/find-file.ts';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

function directory(t: ExecutionContext): string {
  const made = temporaryDirectory(t);
  return made;
}

const SOUND = 'routes: [{ match: { path: /p }, upstream: "http://127.0.0.1:1" }]\n';

test('a file that can not be read is a diagnostic', (t) => {
  const cwd = directory(t);
  const codeOf = (file: string): string[] => loadConfig(file, { env: {} }).diagnostics.map(({ code }) => code);
  t.deepEqual(codeOf(path.join(cwd, 'nowhere.yaml')), ['missing_config']);
  t.deepEqual(codeOf(cwd), ['unreadable_file']);
  const file = path.join(cwd, 'a.yaml');
  fs.writeFileSync(file, new Uint8Array([0x61, 0x3a, 0xff]));
  t.deepEqual(codeOf(file), ['unreadable_file']);
  fs.writeFileSync(file, Buffer.alloc(9 * 1024 * 1024, '#'));
  t.deepEqual(codeOf(file), ['unreadable_file']);
});

test('the file is the flag, else the environment, else the directory, else the machine', (t) => {
  const cwd = directory(t);
  const here = path.join(cwd, 'proxy.config.yaml');
  t.is(
    findConfigFile(undefined, {}, cwd),
    fs.existsSync('/etc/outrider/proxy.config.yaml') ? '/etc/outrider/proxy.config.yaml' : undefined,
  );
  fs.writeFileSync(here, SOUND);
  t.is(findConfigFile(undefined, {}, cwd), here);
  t.is(findConfigFile(undefined, { OUTRIDER_CONFIG: '' }, cwd), here);
  t.is(findConfigFile(undefined, { OUTRIDER_CONFIG: 'env.yaml' }, cwd), path.join(cwd, 'env.yaml'));
  t.is(findConfigFile('flag.yaml', { OUTRIDER_CONFIG: 'env.yaml' }, cwd), path.join(cwd, 'flag.yaml'));
});

test('paths in the file start where it lies', (t) => {
  const cwd = directory(t);
  const file = path.join(cwd, 'proxy.config.yaml');
  fs.writeFileSync(
    file,
    `listen: { address: "unix:run/o.sock" }\nstate_dir: state\nreplay: { dir: ./spool }\n${SOUND}`,
  );
  const { config, diagnostics } = loadConfig(file, { env: {} });
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.listen.address, { path: path.join(cwd, 'run/o.sock') });
  t.is(config?.stateDir, path.join(cwd, 'state'));
  t.is(config?.replay.dir, path.join(cwd, 'spool'));
});

test('ten thousand routes are compared without comparing each with each', (t) => {
  t.timeout(30_000);
  const cwd = directory(t);
  const file = path.join(cwd, 'proxy.config.yaml');
  const routes = Array.from(
    { length: 10_000 },
    (_, i) =>
      `  - match: { path: /p, headers: { x-tenant: t${i} } }\n    name: r${i}\n    upstream: http://127.0.0.1:1\n`,
  );
  fs.writeFileSync(
    file,
    `routes:\n${routes.join('')}  - { name: last, match: { path: /p, headers: { x-tenant: t77 } }, upstream: "http://127.0.0.1:1" }\n`,
  );
  const { diagnostics } = loadConfig(file, { env: {} });
  t.deepEqual(
    diagnostics.map(({ code, line, message }) => [code, line, message]),
    [['duplicate_route', 30_002, 'the route "last" can\'t be told apart from "r77"']],
  );
});

type Outcome = { code: number; out: string; err: string };

async function run(cwd: string, options: Partial<CheckOptions> = {}): Promise<Outcome> {
  let out = '';
  let err = '';
  const code = await check({
    json: false,
    env: {},
    cwd,
    color: false,
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
    ...options,
  });
  return { code, out, err };
}

test('check says in one line what a good file holds', async (t) => {
  const cwd = directory(t);
  fs.writeFileSync(path.join(cwd, 'proxy.config.yaml'), SOUND);
  t.deepEqual(await run(cwd), { code: 0, out: 'proxy.config.yaml: OK, 1 route, 0 providers\n', err: '' });
  t.deepEqual(await run(cwd, { json: true }), { code: 0, out: '[]\n', err: '' });
  t.like(await run(process.cwd()), { code: 0, out: 'proxy.config.yaml: OK, 10 routes, 10 providers\n' });
});

test('check tells every problem and fails', async (t) => {
  const cwd = directory(t);
  fs.writeFileSync(path.join(cwd, 'bad.yaml'), `listen: { adress: 1 }\nversion: 7\n${SOUND}`);
  const { code, out, err } = await run(cwd, { config: 'bad.yaml' });
  t.is(code, 1);
  t.is(out, '');
  t.regex(err, /^error\[unknown_key\]: .*\n --> bad\.yaml:1:11 {2}\(listen\.adress\)\n/);
  t.regex(err, /\n\nerror\[invalid_value\]: /);
  t.regex(err, /\nbad\.yaml: 2 errors\n`outrider check --explain unknown_key` tells more\n$/);
  const json = await run(cwd, { config: 'bad.yaml', json: true });
  t.like(json, { code: 1, err: '' });
  t.like(JSON.parse(json.out), {
    0: {
      severity: 'error',
      code: 'unknown_key',
      file: 'bad.yaml',
      line: 1,
      column: 11,
      length: 6,
      path: 'listen.adress',
    },
    1: { code: 'invalid_value', path: 'version' },
    length: 2,
  });
});

test('check shows warnings of a good file', async (t) => {
  const cwd = directory(t);
  fs.writeFileSync(path.join(cwd, 'proxy.config.yaml'), 'version: 1\n');
  const { code, out, err } = await run(cwd);
  t.is(code, 0);
  t.is(out, 'proxy.config.yaml: OK, 0 routes, 0 providers\n');
  t.regex(err, /^warning\[no_routes\]/);
});

test('check without a file says where it looked', async (t) => {
  const cwd = directory(t);
  const named = await run(cwd, { config: 'nowhere.yaml' });
  t.like(named, { code: 1, out: '' });
  t.regex(named.err, /^error\[missing_config\].*\n --> nowhere\.yaml\n/);
  if (fs.existsSync('/etc/outrider/proxy.config.yaml')) return;
  const { code, err } = await run(cwd);
  t.is(code, 1);
  t.regex(err, /^error\[missing_config\].*\/etc\/outrider\/proxy\.config\.yaml/s);
});
