import { statSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { createAdmin } from '../../src/admin/server.ts';
import { text } from '../../src/admin/answer.ts';
import type { AdminOptions, Check } from '../../src/admin/server.ts';
import { OutriderError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function get(origin: string, path: string, options: http.RequestOptions = {}): Promise<Answer> {
  const where = origin.startsWith('unix:')
    ? { socketPath: origin.slice(5) }
    : { host: '127.0.0.1', port: new URL(origin).port };
  return new Promise((resolve, reject) => {
    const request = http.request({ ...where, path, agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on('error', reject).end();
  });
}

const options: AdminOptions = {
  address: { host: '127.0.0.1', port: 0 },
  token: undefined,
  needsToken: () => false,
  guard: () => undefined,
  metrics: { contentType: 'text/plain; version=0.0.4', render: () => Promise.resolve('up 1\n') },
  readiness: () => [{ name: 'listening', ok: true }],
  pages: new Map([['/api/thing', { GET: () => text(200, 'thing\n') }]]),
};

async function start(t: ExecutionContext, changes: Partial<AdminOptions> = {}): Promise<string> {
  const admin = createAdmin({ ...options, ...changes });
  t.teardown(() => admin.close());
  return admin.listen();
}

const tmp = (t: ExecutionContext): string => {
  const dir = temporaryDirectory(t);
  return dir;
};

test('a live process says so', async (t) => {
  const origin = await start(t);
  const answer = await get(origin, '/livez');
  t.is(answer.status, 200);
  t.is(answer.body, 'ok\n');
  t.is(answer.headers['cache-control'], 'no-store');
});

test('readiness follows its checks, and lists them when asked', async (t) => {
  let checks: Check[] = [
    { name: 'config', ok: true },
    { name: 'listening', ok: true },
  ];
  const origin = await start(t, { readiness: () => checks });
  t.like(await get(origin, '/readyz'), { status: 200, body: 'ok\n' });
  t.like(await get(origin, '/readyz?verbose'), { status: 200, body: '[+] config\n[+] listening\nok\n' });
  checks = [
    { name: 'config', ok: true },
    { name: 'listening', ok: false, detail: 'draining' },
  ];
  t.like(await get(origin, '/readyz'), { status: 503, body: 'not ready\n' });
  t.like(await get(origin, '/readyz?verbose'), {
    status: 503,
    body: '[+] config\n[-] listening: draining\nnot ready\n',
  });
});

test('metrics are served with their content type', async (t) => {
  const answer = await get(await start(t), '/metrics');
  t.is(answer.body, 'up 1\n');
  t.is(answer.headers['content-type'], 'text/plain; version=0.0.4');
});

test('HEAD is answered like GET, without the body', async (t) => {
  t.like(await get(await start(t), '/livez', { method: 'HEAD' }), { status: 200, body: '' });
});

test('other methods are refused with what is allowed', async (t) => {
  const origin = await start(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
    const answer = await get(origin, '/metrics', { method });
    t.is(answer.status, 405, method);
    t.is(answer.headers.allow, 'GET, HEAD');
    t.like(JSON.parse(answer.body), { code: 'method_not_allowed', status: 405 });
  }
});

test('an unknown page is a problem in the usual shape, with the id that the caller gave', async (t) => {
  const origin = await start(t);
  const answer = await get(origin, '/nothing', { headers: { 'X-Request-Id': 'my-id' } });
  t.is(answer.headers['content-type'], 'application/problem+json');
  t.like(JSON.parse(answer.body), { status: 404, code: 'not_found', request_id: 'my-id', outcome: 'not_sent' });
  const odd = await get(origin, '/nothing', { headers: { 'X-Request-Id': 'a b' } });
  t.regex((JSON.parse(odd.body) as { request_id: string }).request_id, /^[\w-]{1,64}$/);
});

test('the guard comes first, for every page', async (t) => {
  const origin = await start(t, {
    guard: (request) =>
      request.headers.host?.startsWith('evil') ? new OutriderError('host_denied', { detail: 'no' }) : undefined,
  });
  for (const path of ['/livez', '/metrics', '/nothing']) {
    const answer = await get(origin, path, { headers: { host: 'evil.test' } });
    t.is(answer.status, 403);
    t.like(JSON.parse(answer.body), { code: 'host_denied' });
  }
  t.is((await get(origin, '/livez')).status, 200);
});

test('with a token set, all below /api needs it, also what is not there; health and metrics never do', async (t) => {
  const origin = await start(t, { token: new Secret('let-me-in'), needsToken: () => true });
  for (const path of ['/livez', '/readyz', '/metrics']) t.is((await get(origin, path)).status, 200);
  for (const authorization of [undefined, 'Bearer wrong', 'Basic let-me-in', 'Bearer ', 'Bearer']) {
    const given = authorization === undefined ? {} : { headers: { authorization } };
    t.is((await get(origin, '/api/nothing', given)).status, 401);
    const answer = await get(origin, '/api/thing', given);
    t.is(answer.status, 401);
    t.like(JSON.parse(answer.body), { code: 'unauthenticated' });
    t.is(answer.headers['www-authenticate'], 'Bearer realm="outrider-admin"');
  }
  t.is((await get(origin, '/api/thing', { headers: { authorization: 'Bearer let-me-in' } })).status, 200);
  t.is((await get(origin, '/')).status, 404);
});

test('a page that fails is an internal error whose cause goes to the log, not to the caller', async (t) => {
  const told: unknown[] = [];
  const origin = await start(t, {
    metrics: { contentType: '', render: () => Promise.reject(new Error('hush')) },
    onFailure: (error) => told.push(error.cause),
  });
  const answer = await get(origin, '/metrics');
  t.is(answer.status, 500);
  t.notRegex(answer.body, /hush/);
  t.like(told, [{ message: 'hush' }]);
});

test('a Unix socket is for its owner alone', async (t) => {
  const path = join(tmp(t), 'admin.sock');
  const mask = process.umask();
  const origin = await start(t, { address: { path } });
  t.is(origin, `unix:${path}`);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.is(process.umask(), mask);
  t.is((await get(origin, '/livez')).status, 200);
});

test('a socket that a killed process left behind is taken over; one in use is not', async (t) => {
  const path = join(tmp(t), 'admin.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  t.true(statSync(path).isSocket());
  const origin = await start(t, { address: { path } });
  t.is((await get(origin, '/livez')).status, 200);
  await t.throwsAsync(createAdmin({ ...options, address: { path } }).listen(), { code: 'EADDRINUSE' });
});

test('an address in use rejects with the system error', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as { port: number };
  await t.throwsAsync(createAdmin({ ...options, address: { host: '127.0.0.1', port } }).listen(), {
    code: 'EADDRINUSE',
  });
});

test('closing ends open connections too', async (t) => {
  // An address of its own: at 127.0.0.1 another test may have the port by then.
  const host = '127.0.0.9';
  const admin = createAdmin({ ...options, address: { host, port: 0 } });
  const origin = await admin.listen();
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  await get(origin, '/livez', { agent, host });
  await admin.close();
  await t.throwsAsync(get(origin, '/livez', { host }), { code: 'ECONNREFUSED' });
});
