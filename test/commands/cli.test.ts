import { readFileSync } from 'node:fs';
import test from 'ava';
import { configFile, run } from './run.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

test.serial('help and version go to stdout and are no failure', async (t) => {
  t.deepEqual(await run(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await run(t, ['--help']);
  t.like(help, { code: 0, stderr: '' });
  for (const name of ['start', 'check', 'explain', 'token', 'doctor', 'simulate', 'health'])
    t.regex(help.stdout, new RegExp(`^  ${name}\\b`, 'm'));
  t.regex((await run(t, ['explain', '--help'])).stdout, /-H, --header/);
});

for (const args of [
  [],
  ['explain', 'GET'],
  ['explain', 'GE T', '/'],
  ['explain', 'get', '/'],
  ['explain', 'GET', '/', '-H', 'a: b\nc: d'],
  ['explain', 'GET', '/', '/'],
  ['explain', 'curl', 'http://127.0.0.1:8080/', '-d', 'x'],
  ['completion', 'csh'],
  ['token'],
  ['simulate', '--port', '65536'],
  ['check', '--config'],
  ['start', '--config'],
  ['start', 'now'],
]) {
  test.serial(`wrong usage is exit code 2 with help on stderr: ${JSON.stringify(args)}`, async (t) => {
    const { code, stdout, stderr } = await run(t, args);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, /^Usage: outrider/m);
    t.notRegex(stderr, /^\s+at /m);
  });
}

for (const [args, code, suggested] of [
  [['strat'], 'unknown_command', 'did you mean "start"? Known commands: audit, '],
  [['--config', 'x', 'chekc', '--json'], 'unknown_command', 'did you mean "check"? Known commands: audit, '],
  [['ca', 'shwo'], 'unknown_command', 'did you mean "show"? Known commands: export, '],
  [['qqqqqqqq'], 'unknown_command', 'Known commands: audit, '],
  [['--verison'], 'unknown_option', 'did you mean "--version"? Known options: --config, '],
  [['start', '--wacth'], 'unknown_option', 'did you mean "--watch"? Known options: --config, '],
  [['--watch', 'start'], 'unknown_option', ''],
  [['ca', 'show', '--jsno'], 'unknown_option', 'did you mean "--json"? Known options: --config, '],
  [['token', '-q'], 'unknown_option', 'did you mean "-h"? Known options: --config, '],
] as const) {
  test.serial(`what isn't there gets a suggestion, not the whole help: ${args.join(' ')}`, async (t) => {
    const { code: exit, stdout, stderr } = await run(t, args);
    t.is(exit, 2);
    t.is(stdout, '');
    t.true(stderr.startsWith(`error[${code}]: there is no `), stderr);
    t.true(stderr.includes(`\n  = help: ${suggested}`), stderr);
    t.is(stderr.split('\n').length, 3);
  });
}

for (const args of [['start'], ['check'], ['explain', 'GET', '/'], ['token', 'x']]) {
  test.serial(`a config with errors is exit code 1, the problems on stderr: ${args[0]}`, async (t) => {
    const { file } = configFile(t, 'version: 1\nnonsense: true\nroutes: 7\n');
    const { code, stdout, stderr } = await run(t, [...args, '--config', file]);
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, /^error\[\w+\]: .*nonsense/m);
    t.regex(stderr, /proxy\.config\.yaml:2:1/);
    t.notRegex(stderr, /^\s+at /m);
  });
}

for (const args of [['start'], ['check']]) {
  test.serial(`no config file is exit code 1 with a remedy: ${args[0]}`, async (t) => {
    const { dir } = configFile(t, '');
    const { code, stdout, stderr } = await run(t, [...args, '--config', `${dir}/missing.yaml`]);
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, /^error\[\w+\]: /m);
    t.notRegex(stderr, /^\s+at /m);
  });
}

test.serial(
  'the config is named before the command, behind it, by the environment, or found where one stands',
  async (t) => {
    const { dir, file } = configFile(
      t,
      'version: 1\nroutes: [{ name: here, match: { path: /a }, upstream: "http://a.test" }]\n',
    );
    const args = ['explain', 'GET', '/a'];
    for (const [call, options] of [
      [['--config', file, ...args], {}],
      [[...args, '--config', file], {}],
      [args, { env: { OUTRIDER_CONFIG: file } }],
      [args, { cwd: dir }],
    ] as const) {
      const { code, stdout } = await run(t, call, options);
      t.is(code, 0);
      t.regex(stdout, /^route +here$/m);
    }
  },
);

test.serial('colours are never written where nobody asked for them', async (t) => {
  const { file } = configFile(t, 'version: 1\nnonsense: true\n');
  const { stderr } = await run(t, ['start', '--config', file], { env: { NO_COLOR: '' } });
  // eslint-disable-next-line no-control-regex
  t.notRegex(stderr, /\x1b/);
});
