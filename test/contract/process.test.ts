import net from 'node:net';
import test from 'ava';
import { gate, until, within } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';
import { startCli } from './cli.ts';
import { plainYaml } from './given.ts';
import fs from 'node:fs';
import path from 'node:path';
import { temporaryDirectory } from '../helpers/directory.ts';

test('rule 17: NODE_EXTRA_CA_CERTS adds a root, for upstream calls', async (t) => {
  const dir = temporaryDirectory(t);
  fs.writeFileSync(path.join(dir, 'root.pem'), CERTIFICATE);
  const upstream = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const { origin } = await startCli(t, plainYaml(upstream.origin), { NODE_EXTRA_CA_CERTS: path.join(dir, 'root.pem') });
  const answer = await httpCall(origin, '/api/x');
  t.is(answer.status, 200, answer.text);
  t.is(upstream.requests.length, 1);
});

test('rule 17: NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch the verification off', async (t) => {
  const upstream = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const { origin } = await startCli(t, plainYaml(upstream.origin), { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  const answer = await httpCall(origin, '/api/x');
  assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
  t.is(upstream.requests.length, 0);
});

test('rule 32: SIGTERM lets a request under way finish, then exits 0', async (t) => {
  const held = gate();
  const upstream = await startUpstream(t, async (arrival) => {
    await held.opened;
    await arrival.reply(200, { body: 'finished' });
  });
  const { origin, child, exited, port } = await startCli(t, plainYaml(upstream.origin));
  const call = httpCall(origin, '/api/x');
  await upstream.request(1);
  child.kill('SIGTERM');
  await refused(port);
  held.open();
  t.is((await call).text, 'finished');
  t.is(await within(5_000, 'exit', exited), 0);
});

test('rule 32: what is left after `drain` is aborted, exit 0', async (t) => {
  const upstream = await startUpstream(t, () => {});
  const { child, exited, port } = await startCli(
    t,
    plainYaml(upstream.origin, '', 'timeouts: { lame_duck: 100ms, drain: 500ms }'),
  );
  const client = await rawClient(t, port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const arrival = await upstream.request(1);
  const started = Date.now();
  child.kill('SIGTERM');
  await client.closed();
  await arrival.closed;
  t.is(await within(5_000, 'exit', exited), 0);
  const took = Date.now() - started;
  t.true(took >= 500 && took < 4_000, `${took} ms`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`rule 32: an idle process exits 0 on ${signal}`, async (t) => {
    const { child, exited, port } = await startCli(t, plainYaml('http://127.0.0.1:9'));
    const idle = await rawClient(t, port);
    const started = Date.now();
    child.kill(signal);
    t.is(await within(8_000, 'exit', exited), 0);
    t.is(await idle.closed(), 'end');
    if (signal === 'SIGINT') t.true(Date.now() - started < 950, 'lame_duck is skipped');
    else t.true(Date.now() - started >= 950);
  });
}

test('rule 32: a second SIGINT ends at once', async (t) => {
  const upstream = await startUpstream(t, () => {});
  const { child, exited, port } = await startCli(t, plainYaml(upstream.origin));
  const client = await rawClient(t, port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await upstream.request(1);
  child.kill('SIGINT');
  await refused(port);
  // Two at once are one Ctrl-C that came by two ways.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const started = Date.now();
  child.kill('SIGINT');
  await within(3_000, 'exit', exited);
  t.true(Date.now() - started < 2_000);
});

test('reload: SIGHUP swaps in a good file, and a bad one leaves the old one serving', async (t) => {
  const upstream = await startUpstream(t, (arrival) => arrival.reply(200, { body: arrival.target }));
  const { origin, child, output, write } = await startCli(t, plainYaml(`${upstream.origin}/one`));
  t.is((await httpCall(origin, '/api/x')).text, '/one/x');
  write(plainYaml(`${upstream.origin}/two`, 'nonsense: 1'));
  child.kill('SIGHUP');
  await until('the problem to be logged', () => output().includes('nonsense'));
  t.is((await httpCall(origin, '/api/x')).text, '/one/x');
  write(plainYaml(`${upstream.origin}/three`));
  child.kill('SIGHUP');
  for (let i = 0; i < 200 && (await httpCall(origin, '/api/x')).text !== '/three/x'; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.is((await httpCall(origin, '/api/x')).text, '/three/x');
});

/** Resolves when the port takes no connection any more. */
async function refused(port: number): Promise<void> {
  const end = Date.now() + 5_000;
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = net.connect({ port, host: '127.0.0.1' }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (!isOpen) return;
    if (Date.now() > end) throw new Error('the port is still open');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
