import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { until, within } from '../helpers/http1.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CLI, configFile, launch, run } from './run.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const yaml = (upstream = 'http://localhost:9', more = ''): string => `
version: 1
routes:
  - { name: my-pay.v2, match: { path: /pay }, upstream: "${upstream}" }
  - { name: root, match: { path: /, methods: [GET] }, upstream: "${upstream}/root" }
${more}`;

const SHOW = `process.stdout.write(JSON.stringify(process.env))`;

/** A temporary directory of the test's own, so that what is left behind is seen. */
function temporary(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  return dir;
}

const args = (file: string, ...rest: readonly string[]): string[] => ['exec', '--config', file, ...rest];

test.serial('a program gets the base URLs, and what it says is all that is said', async (t) => {
  const upstream = await startUpstream(t);
  const { file } = configFile(t, yaml(upstream.origin));
  const script = `const r = await fetch(process.env.OUTRIDER_URL_MY_PAY_V2 + '/x'); console.log(r.status, await r.text()); console.error('own words'); console.log(process.env.OUTRIDER_URL_ROOT === process.env.OUTRIDER_URL, Object.keys(process.env).filter((k) => /proxy|ca_|cert/i.test(k)).join());process.exitCode = 7`;
  const { code, stdout, stderr } = await run(
    t,
    args(file, '--', process.execPath, '--input-type=module', '-e', script),
  );
  t.is(code, 7);
  t.is(stdout, '200 ok\ntrue \n');
  t.is(stderr, 'own words\n');
  t.is(upstream.requests[0]?.target, '/x');
});

test.serial('a proxy of the environment that would swallow what the program sends to us is warned of', async (t) => {
  const { file } = configFile(t, yaml());
  const stderrWith = async (env: Record<string, string>, ...more: string[]): Promise<string> =>
    (await run(t, args(file, ...more, '--', process.execPath, '-e', '0'), { env })).stderr;
  const http_proxy = 'http://user:password@127.0.0.1:9';
  t.regex(
    await stderrWith({ http_proxy }),
    /^warning: http_proxy is set.*\n {2}= help: set NO_PROXY=127\.0\.0\.1.*\n$/,
  );
  t.notRegex(await stderrWith({ http_proxy }), /password/);
  for (const NO_PROXY of ['*', 'a.test, 127.0.0.1', '127.0.0.0/8'])
    t.is(await stderrWith({ http_proxy, NO_PROXY }), '');
  t.is(await stderrWith({ http_proxy }, '--intercept'), '');
});

test.serial(
  'with --intercept the program comes to the proxy for every URL, and trusts a CA made for it alone',
  async (t) => {
    const left = temporary(t);
    const { dir, file } = configFile(t, yaml());
    const env = {
      TMPDIR: left,
      NO_PROXY: 'keep.test, localhost,.host,LOCALHOST:9,*',
      XDG_STATE_HOME: dir,
      CURL_CA_BUNDLE: CLI,
      PHP_INI_SCAN_DIR: '/own',
    };
    const script = `const fs = require('node:fs'); const e = process.env; ${SHOW}; process.stdout.write('\\n' + fs.readFileSync(e.SSL_CERT_FILE, 'utf8'))`;
    const { code, stdout } = await run(t, args(file, '--intercept', '--', process.execPath, '-e', script), { env });
    t.is(code, 0);
    const [first = '', ...bundle] = stdout.split('\n');
    const seen = JSON.parse(first) as Record<string, string>;
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'])
      t.is(seen[name], seen['OUTRIDER_URL']);
    t.is(seen['NO_PROXY'], 'keep.test,.host');
    t.is(seen['no_proxy'], 'keep.test,.host');
    t.is(seen['NODE_USE_ENV_PROXY'], '1');
    const files = [
      'SSL_CERT_FILE',
      'CURL_CA_BUNDLE',
      'REQUESTS_CA_BUNDLE',
      'NODE_EXTRA_CA_CERTS',
      'GIT_SSL_CAINFO',
      'AWS_CA_BUNDLE',
      'DENO_CERT',
    ].map((name) => seen[name]);
    t.is(new Set(files).size, 1);
    t.is(seen['PHP_INI_SCAN_DIR'], `/own:${dirname(files[0] ?? '')}`);
    t.true(bundle.join('\n').includes('#!/usr/bin/env node'), 'the bundle that was named before is part of it');
    t.true((bundle.join('\n').match(/BEGIN CERTIFICATE/g)?.length ?? 0) > 1);
    t.deepEqual(readdirSync(left), [], 'nothing is left behind');
    t.false(existsSync(join(dir, 'outrider')), 'the CA was in memory alone');
  },
);

test.serial('stdin is that of the program', async (t) => {
  const { file } = configFile(t, yaml());
  const { stdout, status } = spawnSync(process.execPath, [CLI, ...args(file, '--', 'cat')], {
    input: 'through and through',
    encoding: 'utf8',
    timeout: 20_000,
  });
  t.is(stdout, 'through and through');
  t.is(status, 0);
});

for (const [what, command, code, word] of [
  ['a program that is not there', ['/nonexistent/program'], 127, 'command_not_found'],
  ['a program that can not be run', [tmpdir()], 126, 'command_not_runnable'],
  ['a program that a signal ends', ['sh', '-c', 'kill -KILL $$'], 137, ''],
] as const) {
  test.serial(`${what} gives ${code}`, async (t) => {
    const { file } = configFile(t, yaml());
    const result = await run(t, args(file, '--', ...command));
    t.is(result.code, code);
    t.is(result.stdout, '');
    t.true(result.stderr.includes(word), result.stderr);
    t.notRegex(result.stderr, /^\s+at /m);
  });
}

test.serial('our own failures are 125: a bad config, one exec within another', async (t) => {
  const bad = await run(t, args(configFile(t, 'nonsense: 1\n').file, '--', 'true'));
  t.is(bad.code, 125);
  t.regex(bad.stderr, /^error\[unknown_key\]/m);
  const { file } = configFile(t, yaml());
  const nested = await run(t, args(file, '--', process.execPath, CLI, ...args(file, '--', 'echo', 'never')));
  t.is(nested.code, 125);
  t.is(nested.stdout, '');
  t.regex(nested.stderr, /^error\[nested_exec\].*\n {2}= help: /m);
  t.is((await run(t, args(file))).code, 2);
});

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
  test.serial(`${signal} is passed on, and the program decides what it means`, async (t) => {
    const left = temporary(t);
    const { file } = configFile(t, yaml());
    const script = `process.on('${signal}', () => { console.log('heard'); process.exit(42); }); console.log('ready'); setInterval(() => {}, 1000)`;
    const running = launch(t, args(file, '--intercept', '--', process.execPath, '-e', script), {
      env: { TMPDIR: left },
    });
    await running.says(/ready/);
    running.kill(signal);
    t.is(await within(10_000, 'the end', running.exit), 42);
    t.is(running.stdout(), 'ready\nheard\n');
    t.deepEqual(readdirSync(left), []);
  });
}

test.serial('killed outright, neither the program nor a file stays', async (t) => {
  const left = temporary(t);
  const { file } = configFile(t, yaml());
  const script = `console.log('pid ' + process.pid); setInterval(() => {}, 1000)`;
  const running = launch(t, args(file, '--intercept', '--', process.execPath, '-e', script), { env: { TMPDIR: left } });
  const pid = Number((await running.says(/pid (\d+)/))[1]);
  t.is(readdirSync(left).length, 1);
  running.kill('SIGKILL');
  await until('the directory to go', () => readdirSync(left).length === 0);
  await until('the program to end', () => {
    try {
      return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return true;
    }
  });
  t.pass();
});

test.serial('where access tokens are asked for, the program has one', async (t) => {
  const upstream = await startUpstream(t);
  const { file } = configFile(
    t,
    yaml(upstream.origin, 'listen: { address: "127.0.0.1:0", access_tokens: ["sesame@sesame/1"] }'),
  );
  const script = `fetch(process.env.OUTRIDER_URL_MY_PAY_V2, { headers: { 'x-outrider-token': process.env.OUTRIDER_TOKEN } }).then((r) => console.log(r.status, new URL(process.env.HTTP_PROXY).password))`;
  const { stdout } = await run(t, args(file, '--intercept', '--', process.execPath, '-e', script));
  t.is(stdout, `200 ${encodeURIComponent('sesame@sesame/1')}\n`);
});
