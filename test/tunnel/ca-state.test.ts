import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { caFiles, ensureCa, loadCa } from '../../src/tunnel/state.ts';
import { CLI, configFile } from '../commands/run.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const nowMs = Date.now();
const HOSTS = new Set(['a.test']);
const STATE = fileURLToPath(new URL('../../src/tunnel/state.ts', import.meta.url));

/** A state directory with this mode, and with something else in it where `other` says so; not there without a mode. */
function directory(t: ExecutionContext, mode?: number, other?: string): string {
  const parent = temporaryDirectory(t);
  const dir = path.join(parent, 'state');
  if (mode !== undefined) fs.mkdirSync(dir);
  if (other !== undefined) fs.writeFileSync(path.join(dir, other), 'other');
  if (mode !== undefined) fs.chmodSync(dir, mode);
  return dir;
}

const modeOf = (file: string): number => fs.statSync(file).mode & 0o7777;

for (const umask of ['0777', '0000']) {
  test(`under umask ${umask} the modes are the same`, async (t) => {
    const dir = directory(t);
    const script = `import { ensureCa } from ${JSON.stringify(STATE)};
      process.umask(0o${umask});
      await ensureCa(${JSON.stringify(dir)}, new Set(['a.test']), ${nowMs});`;
    const made = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    t.is(made.status, 0, made.stderr);
    t.is(modeOf(dir), 0o700);
    t.is(modeOf(caFiles(dir).key), 0o600);
    t.false((await ensureCa(dir, HOSTS, nowMs)).isNew);
  });
}

test('a directory that is there is closed when it is ours alone, and else left as it is', async (t) => {
  for (const [mode, other, after] of [
    [0o755, undefined, 0o700],
    [0o777, undefined, 0o700],
    [0o755, 'ca.pem', 0o700],
    [0o755, 'something-else', 0o755],
  ] as const) {
    const dir = directory(t, mode, other);
    t.true((await ensureCa(dir, HOSTS, nowMs)).isNew);
    t.is(modeOf(dir), after);
    t.is(modeOf(caFiles(dir).key), 0o600);
  }
});

test('where others can replace the CA there is none', async (t) => {
  const shared = directory(t, 0o1777, 'something-else');
  const error = await t.throwsAsync(ensureCa(shared, HOSTS, nowMs));
  t.like(error, { code: 'unsafe_state_dir', message: `others can replace what is in ${shared} (mode 1777)` });
  t.deepEqual(fs.readdirSync(shared), ['something-else']);
  t.is(modeOf(shared), 0o1777);

  const opened = directory(t);
  await ensureCa(opened, HOSTS, nowMs);
  fs.chmodSync(opened, 0o770);
  await t.throwsAsync(ensureCa(opened, HOSTS, nowMs), { code: 'unsafe_state_dir' });
  await t.throwsAsync(loadCa(opened), { code: 'unsafe_state_dir' });
});

test('a key that is not that of the certificate makes a new CA, not certificates that nobody accepts', async (t) => {
  for (const spoil of [
    (mine: string, theirs: string) => fs.copyFileSync(caFiles(theirs).key, caFiles(mine).key),
    (mine: string) => fs.writeFileSync(caFiles(mine).key, ''),
    (mine: string) => fs.writeFileSync(caFiles(mine).key, fs.readFileSync(caFiles(mine).certificate)),
  ]) {
    const [mine, theirs] = [directory(t), directory(t)];
    const first = await ensureCa(mine, HOSTS, nowMs);
    const other = await ensureCa(theirs, HOSTS, nowMs);
    const key = other.ca.key.export({ type: 'pkcs8', format: 'pem' }) as string;
    fs.writeFileSync(caFiles(theirs).key, key + first.ca.certificate);
    spoil(mine, theirs);
    t.is(await loadCa(mine), undefined);
    t.true((await ensureCa(mine, HOSTS, nowMs)).isNew);
    const again = await ensureCa(mine, HOSTS, nowMs);
    t.false(again.isNew);
    t.is(fs.readFileSync(caFiles(mine).certificate, 'utf8'), again.ca.certificate);
  }
});

test('a certificate that is missing, or another, is put there again; a key in a file of its own is read', async (t) => {
  const dir = directory(t);
  const { ca } = await ensureCa(dir, HOSTS, nowMs);
  const files = caFiles(dir);
  for (const spoil of [() => fs.rmSync(files.certificate), () => fs.writeFileSync(files.certificate, 'another')]) {
    spoil();
    t.is((await ensureCa(dir, HOSTS, nowMs)).ca.certificate, ca.certificate);
    t.is(fs.readFileSync(files.certificate, 'utf8'), ca.certificate);
  }
  fs.writeFileSync(files.key, ca.key.export({ type: 'pkcs8', format: 'pem' }) as string);
  t.false((await ensureCa(dir, HOSTS, nowMs)).isNew);
});

test('of several who make a CA at the same time all have the same', async (t) => {
  const dir = directory(t);
  const all = await Promise.all(Array.from({ length: 5 }, () => ensureCa(dir, HOSTS, nowMs)));
  t.is(all.filter(({ isNew }) => isNew).length, 1);
  t.is(new Set(all.map(({ ca }) => ca.certificate)).size, 1);
  t.is((await loadCa(dir))?.certificate, all[0]?.ca.certificate);
  t.deepEqual(fs.readdirSync(dir).toSorted(), ['ca-key.pem', 'ca.pem']);
});

test('a link in place of the key is replaced, and what it points to is not touched', async (t) => {
  for (const isThere of [true, false]) {
    const dir = directory(t, 0o700);
    const target = path.join(path.dirname(dir), 'target');
    if (isThere) fs.writeFileSync(target, 'precious', { mode: 0o600 });
    fs.symlinkSync(target, caFiles(dir).key);
    t.true((await ensureCa(dir, HOSTS, nowMs)).isNew);
    t.true(fs.lstatSync(caFiles(dir).key).isFile());
    t.is(fs.existsSync(target) ? fs.readFileSync(target, 'utf8') : undefined, isThere ? 'precious' : undefined);
  }
});

test('a state directory that will not do ends the start with what to do', (t) => {
  for (const [dir, code] of [
    [directory(t, 0o777, 'something-else'), 'unsafe_state_dir'],
    ['/dev/null/state', 'unusable_state_dir'],
  ] as const) {
    const yaml = `version: 1\nadmin: false\nlisten: { address: "127.0.0.1:0" }\nstate_dir: ${dir}
forward: { mode: intercept }\nroutes: [{ name: a, upstream: "https://a.test" }]\n`;
    const { file } = configFile(t, yaml);
    const result = spawnSync(process.execPath, [CLI, 'start', '--config', file], { encoding: 'utf8', timeout: 30_000 });
    t.is(result.status, 1);
    t.regex(result.stderr, new RegExp(`^error\\[${code}\\]: .*${dir}.*\\n  = help: .*state_dir`, 'm'));
  }
});
