import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { within } from '../helpers/http1.ts';
import { configFile, launch, run, SIMULATED, startProxy } from './run.ts';

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const needsCurl = hasCurl || process.env['CI'] ? test.serial : test.serial.skip;

/** An upstream that holds every request until the test ends. */
async function startSilent(t: ExecutionContext): Promise<{ origin: string; asked: Promise<unknown> }> {
  const server = createServer();
  const asked = once(server, 'request');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => (server.closeAllConnections(), server.close()));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const plain = (upstream: string, more = ''): string =>
  `version: 1\nlisten: { address: "127.0.0.1:0" }\nadmin: false\nlog: { format: json }\n${more}\nroutes: [{ name: a, match: { path: /a }, upstream: "${upstream}" }]\n`;

const WITH_HEADERS = SIMULATED.replace(
  '\nroutes:',
  '\n  user: { profile: phonepe-user, environment: simulator }\nroutes:',
).concat(`  - { name: user, match: { path: /user }, provider: user }
  - { name: guarded, match: { path: /g, headers: { authorization: Basic c2VjcmV0 } }, provider: null, upstream: "http://127.0.0.1:9" }
`);

needsCurl('the banner has one curl line for each route, and that of a simulated route works', async (t) => {
  const proxy = await startProxy(t, WITH_HEADERS);
  const lines = proxy.stdout().match(/(?<=^ *)curl .*$/gm) ?? [];
  t.is(lines.length, 4, proxy.stdout());
  t.regex(proxy.stdout(), /^ *admin +http:\/\/127\.0\.0\.1:\d+/m);
  t.regex(proxy.stdout(), /^ *simulator +http:\/\/127\.0\.0\.1:\d+$/m);
  t.regex(proxy.stdout(), /^ *control +curl -X POST http:\/\/127\.0\.0\.1:\d+\/_control\/revoke$/m);
  const [pay, plain, user, guarded] = lines;
  for (const line of [pay, user]) {
    const { status, stdout } = spawnSync('sh', ['-c', `${line} -sS -w '%{http_code}' -o /dev/null`], {
      encoding: 'utf8',
    });
    t.is(status, 0);
    t.is(stdout, '200', line);
  }
  t.true(plain?.includes('/plain'));
  t.true(guarded?.endsWith("-H 'authorization: …'"), guarded);
});

test.serial('SIGTERM drains and ends with 0; the access log is whole', async (t) => {
  const proxy = await startProxy(t);
  t.is((await fetch(`${proxy.origin}/nowhere`)).status, 404);
  proxy.kill('SIGTERM');
  t.is(await within(15_000, 'the end', proxy.exit), 0);
  const line = proxy
    .stderr()
    .split('\n')
    .find((text) => text.includes('"path":"/nowhere"'));
  t.like(JSON.parse(line ?? '{}'), { status: 404, code: 'route_not_found', route: null });
});

test.serial('SIGINT waits for requests under way; a second one ends at once', async (t) => {
  const upstream = await startSilent(t);
  const proxy = await startProxy(t, plain(upstream.origin));
  const answer = fetch(`${proxy.origin}/a`).catch(() => undefined);
  await upstream.asked;
  proxy.kill('SIGINT');
  // It listens no more, and still waits.
  await within(
    10_000,
    'the listener to close',
    (async () => {
      while (
        await fetch(`${proxy.origin}/b`).then(
          () => true,
          () => false,
        )
      );
    })(),
  );
  // Two within 50 ms are one key press, passed on by npm.
  await new Promise((resolve) => setTimeout(resolve, 100));
  proxy.kill('SIGINT');
  t.is(await within(5_000, 'the end', proxy.exit), 130);
  await answer;
});

for (const [how, args] of [
  ['SIGHUP', []],
  ['--watch', ['--watch']],
] as const) {
  test.serial(`${how} reloads a good file, and refuses a bad one while the old one serves on`, async (t) => {
    const first = await startSilent(t);
    const proxy = await startProxy(t, plain(first.origin), args);
    const change = (yaml: string): void => {
      writeFileSync(proxy.file, yaml);
      if (how === 'SIGHUP') proxy.kill('SIGHUP');
    };
    change(plain(first.origin).replace('name: a', 'nonsense: a'));
    await proxy.says(/"level":"error".*the one before it serves on/);
    t.regex(proxy.stderr(), /config error\[\w+\]/);
    t.notRegex(proxy.stderr(), /^\s+at /m);
    const answer = fetch(`${proxy.origin}/a`).catch(() => undefined);
    await first.asked;

    change(plain(first.origin).replace('path: /a', 'path: /new'));
    await proxy.says(/the config was reloaded/);
    t.is((await fetch(`${proxy.origin}/a`)).status, 404);
    proxy.kill('SIGKILL');
    await answer;
  });
}

test.serial('an address in use is an error with a remedy', async (t) => {
  const other = createSocket().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  const { file } = configFile(t, plain('http://127.0.0.1:9').replace('127.0.0.1:0', `127.0.0.1:${port}`));
  const { code, stdout, stderr } = await run(t, ['start', '--config', file]);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(
    stderr,
    new RegExp(
      `^error\\[address_in_use\\]: 127\\.0\\.0\\.1:${port} is in use already\\n {2}= help: .*listen\\.address`,
      'm',
    ),
  );
  t.notRegex(stderr, /^\s+at /m);
});

test.serial('a taken admin address is told apart from a taken listener', async (t) => {
  const other = createSocket().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  const yaml = plain('http://127.0.0.1:9').replace('admin: false', `admin: { address: "127.0.0.1:${port}" }`);
  const { code, stderr } = await run(t, ['start', '--config', configFile(t, yaml).file]);
  t.is(code, 1);
  t.regex(stderr, /address_in_use.*\n.*admin\.address/);
});

test.serial('a group of the socket that is not there is an error of its own', async (t) => {
  const yaml = plain('http://127.0.0.1:9').replace(
    '"127.0.0.1:0"',
    '"unix:/tmp/outrider-nobody.sock", socket_group: nobody-is-in-it',
  );
  const { code, stderr } = await run(t, ['start', '--config', configFile(t, yaml).file]);
  t.is(code, 1);
  t.regex(stderr, /^error\[unknown_group\]: there is no group "nobody-is-in-it" .*\n.*listen\.socket_group/m);
});

test.serial('a socket in a directory that does not exist is an error with a remedy', async (t) => {
  const yaml = plain('http://127.0.0.1:9').replace('127.0.0.1:0', 'unix:/nonexistent/outrider.sock');
  const { code, stderr } = await run(t, ['start', '--config', configFile(t, yaml).file]);
  t.is(code, 1);
  t.regex(stderr, /^error\[address_\w+\]: .*\/nonexistent\/outrider\.sock\n {2}= help: /m);
});

test.serial('an exception that nobody caught is logged without secrets and stack, and ends with 1', async (t) => {
  const bomb = 'process.on("SIGUSR2", () => { throw new Error("boom hunter-two-hunter"); })';
  const { file } = configFile(
    t,
    SIMULATED.replace(
      'environment: simulator',
      'environment: simulator, credentials: { client_secret: hunter-two-hunter }',
    ),
  );
  const proxy = launch(t, ['start', '--config', file], {
    node: ['--import', `data:text/javascript,${encodeURIComponent(bomb)}`],
  });
  await proxy.says(/Try it/);
  proxy.kill('SIGUSR2');
  t.is(await within(20_000, 'the end', proxy.exit), 1);
  const line = proxy
    .stderr()
    .split('\n')
    .find((text) => text.includes('boom'));
  t.like(JSON.parse(line ?? '{}'), { level: 'error', error: { message: 'boom [redacted]' } });
  t.notRegex(proxy.stderr(), /hunter-two-hunter|^\s+at /m);
});
