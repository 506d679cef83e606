import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { requests, status } from '../../src/admin/schemas.ts';
import { httpCall } from '../helpers/outrider.ts';
import { configFile, launch, run, SIMULATED, startProxy } from './run.ts';

const TOKEN = 'admin-token-of-the-commands';
const ORDER = '/phonepe/checkout/v2/order/order-1/status';

/** A proxy whose admin address is a Unix socket, so that its config says where it is. */
async function given(t: ExecutionContext, more = '') {
  const { dir } = configFile(t, '');
  const admin = `admin: { address: "unix:${join(dir, 'admin.sock')}"${more} }`;
  const yaml = SIMULATED.replace(/^admin: .*$/m, admin);
  const proxy = await startProxy(t, yaml);
  return { ...proxy, yaml, admin: `unix:${join(dir, 'admin.sock')}` };
}

test.serial('status tells how a running proxy is, to people and to programs', async (t) => {
  const { origin, file } = await given(t);
  await httpCall(origin, ORDER);
  const told = await run(t, ['status', '--config', file]);
  t.is(told.code, 0, told.stderr);
  t.regex(told.stdout, /^outrider \S+ is ready, up \d+s$/m);
  t.regex(told.stdout, /^config +\S+proxy\.config\.yaml, loaded \d+s ago$/m);
  t.regex(told.stdout, /^phonepe +phonepe \(simulator\) +valid, .* left +1 +1$/m);
  t.regex(told.stdout, /^pay +phonepe +1 +0 +0$/m);
  const json = await run(t, ['status', '--json', '--config', file]);
  t.is(status.safeParse(JSON.parse(json.stdout)).error?.message, undefined);
});

test.serial('logs shows the last requests, the newest last, and goes on with what happens', async (t) => {
  const { origin, file } = await given(t);
  for (const path of [ORDER, '/plain/1', '/nowhere']) await httpCall(origin, path);
  const told = await run(t, ['logs', '--config', file]);
  t.is(told.code, 0, told.stderr);
  t.regex(
    told.stdout,
    /404  GET \/phonepe\/.*\n.*502  GET \/plain\/1 .*upstream_unreachable.*\n.*404  GET \/nowhere .*no route/,
  );
  const plain = await run(t, ['logs', '--route', 'plain', '--json', '--config', file]);
  const lines = plain.stdout.trimEnd().split('\n');
  t.is(lines.length, 1);
  const entry = JSON.parse(lines[0] as string) as object;
  t.is(requests.shape.requests.safeParse([entry]).error?.message, undefined);
  const odd = await run(t, ['logs', '--status', '4x', '--config', file]);
  t.is(odd.code, 1);
  t.regex(odd.stderr, /^error\[bad_request\]: `status` is a status, .*\n$/);
  const following = launch(t, ['logs', '--follow', '--status', '5xx', '--config', file]);
  await following.says(/GET \/plain\/1 /);
  await httpCall(origin, ORDER);
  await httpCall(origin, '/plain/2');
  await following.says(/GET \/plain\/2 /);
  t.notRegex(following.stdout(), /phonepe|nowhere/);
});

test.serial('reload says what is wrong with the file, or what it needs a restart for', async (t) => {
  const { file, yaml } = await given(t);
  writeFileSync(file, `${yaml}nonsense: 1\n`);
  const bad = await run(t, ['reload', '--config', file]);
  t.is(bad.code, 1);
  t.regex(
    bad.stderr,
    /^error\[unknown_key\]: .*\n +--> .*proxy\.config\.yaml:\d+:1 .*\n[^]*^error\[invalid_config\]: .*serves on$/m,
  );
  const asked = await run(t, ['status', '--config', file]);
  t.is(asked.code, 0, asked.stderr);
  t.regex(asked.stdout, /^reload failed \d+s ago: [^]*^error\[unknown_key\]/m);
  const json = await run(t, ['reload', '--json', '--config', file]);
  t.like(JSON.parse(json.stdout), { error: { code: 'invalid_config' }, diagnostics: [{ code: 'unknown_key' }] });
  writeFileSync(file, `${yaml}state_dir: /elsewhere\n`);
  const good = await run(t, ['reload', '--config', file]);
  t.is(good.code, 0, good.stderr);
  t.regex(good.stdout, /: reloaded$/m);
  t.regex(good.stderr, /`state_dir` takes effect after a restart/);
});

test.serial('the admin token comes from the config, else from the environment', async (t) => {
  const { file, admin } = await given(t, `, token: ${TOKEN}`);
  t.is((await run(t, ['status', '--config', file])).code, 0);
  const { dir } = configFile(t, '');
  const without = await run(t, ['status', '--admin', admin], { cwd: dir });
  t.is(without.code, 1);
  t.regex(without.stderr, /^error\[unauthenticated\]: .*\n {2}= help: .*OUTRIDER_ADMIN_TOKEN/m);
  const variable = await run(t, ['status', '--admin', admin], { cwd: dir, env: { OUTRIDER_ADMIN_TOKEN: TOKEN } });
  t.is(variable.code, 0, variable.stderr);
});

test.serial('where nothing answers, or something else does, that is said', async (t) => {
  const { origin, file } = await given(t);
  for (const command of ['status', 'logs', 'reload']) {
    const gone = await run(t, [command, '--admin', '127.0.0.1:1']);
    t.is(gone.code, 1);
    t.regex(gone.stderr, /^error\[not_running\]: nothing answers on 127\.0\.0\.1:1: /);
  }
  const other = await run(t, ['status', '--admin', origin]);
  t.regex(other.stderr, /^error\[not_running\]: what answers on .* is no admin API/);
  for (const address of ['ftp://x', 'http://x/path', 'a b', 'unix:'])
    t.regex((await run(t, ['status', '--admin', address])).stderr, /^error\[bad_address\]/, address);
  const { file: off } = configFile(t, 'admin: false\n');
  t.regex((await run(t, ['status', '--config', off])).stderr, /^error\[no_admin\]: the admin address is switched off/);
  t.is((await run(t, ['status', '--config', file])).code, 0);
});

test.serial('token tells of the token that a running proxy uses, and never shows that one', async (t) => {
  const { file, origin, admin } = await given(t);
  const first = await run(t, ['token', 'phonepe', '--config', file]);
  t.is(first.code, 0, first.stderr);
  t.true(first.stdout.includes(`the proxy that runs on ${admin}, generation 1`), first.stdout);
  t.regex(first.stdout, /^type +O-Bearer$/m);
  await httpCall(origin, ORDER);
  const again = await run(t, ['token', 'phonepe', '--json', '--config', file]);
  t.like(JSON.parse(again.stdout), { provider: 'phonepe', running_proxy: admin, generation: 1 });
  const renewed = await run(t, ['token', 'phonepe', '--renew', '--json', '--config', file]);
  t.like(JSON.parse(renewed.stdout), { generation: 2 });
  const shown = await run(t, ['token', 'phonepe', '--show', '--json', '--config', file]);
  t.false('running_proxy' in (JSON.parse(shown.stdout) as object));
  // Another file with the same admin address is another config.
  const { file: other } = configFile(t, SIMULATED.replace(/^admin: .*$/m, `admin: { address: "${admin}" }`));
  t.notRegex((await run(t, ['token', 'phonepe', '--config', other])).stdout, /that runs on/);
});
