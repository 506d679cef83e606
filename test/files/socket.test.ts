import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { plainYaml } from '../contract/given.ts';
import { parse, problems } from '../config/helpers.ts';

const UID = 1000;
/** Of a Debian system; its members may be asked to talk to the proxy. */
const GROUP = 'daemon';
const entry = /^daemon:[^:]*:(\d+):/m.exec(
  fs.existsSync('/etc/group') ? fs.readFileSync('/etc/group', 'utf8') : '',
)?.[1];
const asRoot = process.getuid?.() === 0 && entry !== undefined ? test : test.skip;

/** A directory that everybody may pass through, so that the socket's own mode decides. */
function openDirectory(t: ExecutionContext): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'outrider-socket-'));
  fs.chmodSync(dir, 0o755);
  t.teardown(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function listening(t: ExecutionContext, keys: string): Promise<string> {
  const socket = path.join(openDirectory(t), 'proxy.sock');
  const upstream = await startUpstream(t);
  await startOutrider(t, plainYaml(upstream.origin, '', `listen: { address: "unix:${socket}"${keys} }`));
  return socket;
}

/** Whether a process of another user, in that group, is answered. */
function isAnswered(socket: string, gid: string): Promise<boolean> {
  const curl = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '5'];
  const as = [`--reuid=${UID}`, `--regid=${gid}`, '--clear-groups'];
  return new Promise((resolve) => {
    execFile('setpriv', [...as, ...curl, '--unix-socket', socket, 'http://localhost/api/x'], (_, stdout) =>
      resolve(stdout === '200'),
    );
  });
}

test('a Unix socket is for its owner alone unless `listen.socket_mode` says otherwise', async (t) => {
  const modeOf = async (keys: string): Promise<number> => fs.statSync(await listening(t, keys)).mode & 0o777;
  t.is(await modeOf(''), 0o600);
  t.is(await modeOf(', socket_mode: "0660"'), 0o660);
  t.is(await modeOf(', socket_mode: 666'), 0o666);
});

for (const [how, group] of [
  ['name', GROUP],
  ['number', entry],
]) {
  asRoot(`case 36: a program of another user reaches the socket by its group, given by ${how}`, async (t) => {
    const gid = entry as string;
    const socket = await listening(t, `, socket_mode: "0660", socket_group: ${group}`);
    const { gid: found, mode } = fs.statSync(socket);
    t.deepEqual([String(found), mode & 0o777], [gid, 0o660]);
    t.true(await isAnswered(socket, gid));
    t.false(await isAnswered(socket, String(UID)), 'a stranger does not');
    const closed = await listening(t, `, socket_group: ${group}`);
    t.false(await isAnswered(closed, gid), 'the mode alone decides what the group may');
  });
}

test('a group that is not there is a clear error, and nothing listens', async (t) => {
  const socket = path.join(openDirectory(t), 'proxy.sock');
  const yaml = plainYaml(
    'http://127.0.0.1:1',
    '',
    `listen: { address: "unix:${socket}", socket_group: nobody-is-in-it }`,
  );
  await t.throwsAsync(startOutrider(t, yaml), { code: 'ENOGROUP', message: /there is no group "nobody-is-in-it"/ });
  t.false(fs.existsSync(socket));
});

for (const [value, code] of [
  ['socket_mode: "0888"', 'invalid_value'],
  ['socket_mode: rw', 'invalid_value'],
  ['socket_mode: "07777"', 'invalid_value'],
  ['socket_group: "a b"', 'invalid_value'],
] as const) {
  test(`\`${value}\` is no value of its key`, (t) => {
    t.regex(problems(parse(`listen: { address: "unix:/tmp/x.sock", ${value} }\n`)).join('\n'), new RegExp(code));
  });
}

test('the mode of a socket beside a TCP address means nothing, and `check` says so', (t) => {
  t.regex(problems(parse('listen: { socket_mode: "0660" }\n')).join('\n'), /unused_key/);
});
