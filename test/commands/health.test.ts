import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { configFile, launch, run, startProxy } from './run.ts';

const yaml = (admin: string): string =>
  `version: 1\nlisten: { address: "127.0.0.1:0" }\nadmin: ${admin}\nlog: { format: json }\nroutes: [{ name: a, match: { path: /a }, upstream: "http://127.0.0.1:9" }]\n`;

test.serial('a running proxy is healthy, over a Unix socket too', async (t) => {
  const { dir } = configFile(t, '');
  const proxy = await startProxy(t, yaml(`{ address: "unix:${join(dir, 'admin.sock')}" }`));
  const { code, stdout, stderr } = await run(t, ['health', '--config', proxy.file]);
  t.is(code, 0, stderr);
  t.regex(stdout, /^\[\+\] .*\nok\n$/s);
  const json = await run(t, ['health', '--json', '--config', proxy.file]);
  t.like(JSON.parse(json.stdout), { ready: true });
});

/** What answers every request like this, on any free port. */
async function answering(t: ExecutionContext, status: number, body: string, host = '127.0.0.1') {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  t.teardown(close);
  server.listen(0, host);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close };
}

const READY = '[+] listener\nok\n';

test.serial('what is wrong elsewhere in the config does not matter', async (t) => {
  const { port } = await answering(t, 200, READY);
  const { file } = configFile(
    t,
    `${yaml(`{ address: "127.0.0.1:${port}" }`)}rotues: [\nproviders: { p: { profile: nope, credentials: { a: "\${file:/gone}" } } }\n`,
  );
  const { code, stdout, stderr } = await run(t, ['health', '--config', file]);
  t.is(code, 0, stderr);
  t.is(stdout, READY);
});

test.serial('the admin address may be said, in any of its forms, and then no config is read', async (t) => {
  const { port } = await answering(t, 200, READY, '0.0.0.0');
  const nowhere = { OUTRIDER_CONFIG: '/nowhere.yaml' };
  for (const admin of [
    `127.0.0.1:${port}`,
    `http://localhost:${port}`,
    `HTTP://127.0.0.1:${port}/`,
    `0.0.0.0:${port}`,
  ]) {
    const { code, stderr } = await run(t, ['health', '--admin', admin], { env: nowhere });
    t.is(code, 0, stderr);
  }
  const { code, stderr } = await run(t, ['health'], { env: { ...nowhere, OUTRIDER_ADMIN: `http://0.0.0.0:${port}` } });
  t.is(code, 0, stderr);
  const other = await run(t, ['health', '--admin', `127.0.0.1:${port}`], { env: { OUTRIDER_ADMIN: '127.0.0.1:9' } });
  t.is(other.code, 0, other.stderr);
});

const onIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1')
  ? test.serial
  : test.serial.skip;

onIpv6('every address of IPv6 is asked on its loopback (needs ::1)', async (t) => {
  const { port } = await answering(t, 200, READY, '::1');
  for (const admin of [`[::]:${port}`, `[0:0::0]:${port}`, `http://[::]:${port}`]) {
    const { code, stderr } = await run(t, ['health', '--admin', admin]);
    t.is(code, 0, stderr);
  }
});

test.serial('an address that is none is told, and is no other exit code than 1', async (t) => {
  for (const args of [
    ['--admin', 'nowhere'],
    ['--admin', 'https://127.0.0.1:8081'],
    ['--admin', 'http://127.0.0.1:8081/readyz'],
    ['--admin', '127.0.0.1:99999'],
    ['--admin', '127.0.0.1:0'],
    ['--admin', '127.0.0.1:9', '--wait', 'long'],
  ]) {
    const { code, stderr } = await run(t, ['health', ...args]);
    t.is(code, 1);
    t.regex(stderr, /^error\[(?:bad_address|bad_duration|no_admin)\]: .*\n {2}= help: .*\n$/);
  }
  const { code, stderr } = await run(t, ['health'], { cwd: configFile(t, '').dir, env: { OUTRIDER_ADMIN: 'nowhere' } });
  t.is(code, 1);
  t.regex(stderr, /`OUTRIDER_ADMIN` is not an address/);
});

test.serial('what is no admin address is told apart from one that is not ready', async (t) => {
  const { port } = await answering(t, 404, '{}');
  const { code, stderr } = await run(t, ['health', '--admin', `127.0.0.1:${port}`]);
  t.is(code, 1);
  t.regex(stderr, /no admin address of Outrider \(status 404\)/);
});

test.serial('--wait asks until the proxy is ready', async (t) => {
  const { dir } = configFile(t, '');
  const socket = join(dir, 'admin.sock');
  let asked = 0;
  const server = createServer((_request, response) => response.writeHead(++asked < 3 ? 503 : 200).end(READY));
  t.teardown(() => void server.close());
  const waiting = launch(t, ['health', '--admin', `unix:${socket}`, '--wait', '30s']);
  server.listen(socket);
  t.is(await waiting.exit, 0, waiting.stderr());
  t.is(asked, 3);
});

test.serial('--wait gives up when its time is over', async (t) => {
  const { port } = await answering(t, 503, '[-] listener\nnot ready\n');
  const { code, stderr } = await run(t, ['health', '--admin', `127.0.0.1:${port}`, '--wait', '300ms']);
  t.is(code, 1);
  t.regex(stderr, /^error\[not_ready\]: the proxy on \S+ is not ready after 300ms\n/);
});

test.serial('one that is not ready, and one that is not there, are not', async (t) => {
  const { port, close } = await answering(t, 503, '[-] listening: draining\nnot ready\n');
  const { file } = configFile(t, yaml(`{ address: "127.0.0.1:${port}" }`));
  const draining = await run(t, ['health', '--config', file]);
  t.is(draining.code, 1);
  t.regex(draining.stdout, /\[-\] listening: draining/);
  const json = await run(t, ['health', '--json', '--config', file]);
  t.is(json.code, 1);
  t.like(JSON.parse(json.stdout), {
    ready: false,
    checks: ['[-] listening: draining'],
    error: { code: 'not_ready', detail: `the proxy on 127.0.0.1:${port} is not ready` },
  });
  close();
  const gone = await run(t, ['health', '--json', '--config', file]);
  t.is(gone.code, 1);
  const { error, ...facts } = JSON.parse(gone.stdout) as { error: { code: string; detail: string } };
  t.deepEqual(facts, { ready: false, admin: `127.0.0.1:${port}`, checks: [] });
  t.is(error.code, 'not_running');
  t.regex(error.detail, /^nothing answers on 127\.0\.0\.1:\d+/);
  t.regex(gone.stderr, /^error\[not_running\]: nothing answers on 127\.0\.0\.1:\d+/m);
});

test.serial('an admin address that cannot be known is an error with a remedy', async (t) => {
  for (const admin of ['false', '{ address: "127.0.0.1:0" }']) {
    const { code, stdout, stderr } = await run(t, ['health', '--json', '--config', configFile(t, yaml(admin)).file]);
    t.is(code, 1);
    t.like(JSON.parse(stdout), { error: { code: 'no_admin' } });
    t.regex(stderr, /^error\[no_admin\]: .*\n {2}= help: /m);
  }
});
