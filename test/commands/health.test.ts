import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { configFile, run, startProxy } from './run.ts';

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

test.serial('one that is not ready, and one that is not there, are not', async (t) => {
  const server = createServer((_request, response) =>
    response.writeHead(503).end('[-] listening: draining\nnot ready\n'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
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
  server.close();
  server.closeAllConnections();
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
