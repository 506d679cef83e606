import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { CredentialSource } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { NoticeRecord } from '../../src/core/events.ts';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

interface Watching {
  readonly directory: string;
  readonly clock: FakeClock;
  readonly credentials: CredentialSource;
  /** From the first change on. */
  readonly notices: NoticeRecord[];
  /** What was told before. */
  readonly atStart: readonly NoticeRecord[];
  readonly stop: () => void;
  readonly write: (name: string, text: string) => void;
  readonly values: () => Record<string, string>;
  readonly texts: () => string[];
}

/** Watches a provider with its salt key and salt index in files; `files` says where below the directory. */
async function watching(t: ExecutionContext, files = { key: 'key', index: 'index' }): Promise<Watching> {
  const directory = temporaryDirectory(t);
  const write = (name: string, text: string): void => fs.writeFileSync(path.join(directory, name), text);
  if (!files.key.includes('/')) {
    write(files.key, 'key-one\n');
    write(files.index, '1\n');
  } else {
    mount(directory, 'one', { key: 'key-one\n', index: '1\n' });
  }
  const clock = fakeClock();
  const notices: NoticeRecord[] = [];
  const text = `providers:
  p:
    profile: phonepe-x-verify
    environment: simulator
    credentials:
      merchant_id: M
      salt_key: \${file:${files.key}}
      salt_index: \${file:${files.index}}
`;
  const { config, diagnostics } = parseConfig(text, path.join(directory, 'proxy.config.yaml'), {
    env: {},
    clock,
    onNotice: (notice) => notices.push(notice),
  });
  const credentials = config?.providers.get('p')?.credentials;
  if (!config || !credentials) throw new Error(JSON.stringify(diagnostics));
  const stop = config.watchSecrets();
  t.teardown(stop);
  await clock.advance(2_000);
  const atStart = notices.splice(0);
  return {
    directory,
    clock,
    credentials,
    notices,
    atStart,
    stop,
    write,
    values: () => Object.fromEntries(credentials.current.values),
    texts: () => [...config.secretTexts()],
  };
}

/** As Kubernetes mounts a secret: files are links into `..data`, which is swapped as a whole. */
function mount(directory: string, version: string, files: Readonly<Record<string, string>>): void {
  const data = `..${version}`;
  fs.mkdirSync(path.join(directory, data));
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(directory, data, name), text);
  fs.symlinkSync(data, path.join(directory, '..data_tmp'));
  fs.renameSync(path.join(directory, '..data_tmp'), path.join(directory, '..data'));
}

const ONE = { merchant_id: 'M', salt_key: 'key-one', salt_index: '1' };
const TWO = { merchant_id: 'M', salt_key: 'key-two', salt_index: '2' };

test('a changed file is in use within two seconds', async (t) => {
  const { clock, credentials, write, values, notices } = await watching(t);
  t.is(credentials.current.version, 1);
  write('key', 'key-two');
  await clock.advance(2_000);
  t.deepEqual(values(), { ...ONE, salt_key: 'key-two' });
  t.is(credentials.current.version, 2);
  t.deepEqual(
    notices.map(({ level }) => level),
    ['info'],
  );
});

test('files that change within a second change together', async (t) => {
  const { clock, write, values, notices } = await watching(t);
  for (const gap of [0, 200, 600, 950]) {
    const before = values();
    const after = before['salt_index'] === '1' ? TWO : ONE;
    write('key', after.salt_key);
    for (let past = 0; past < gap; past += 50) {
      await clock.advance(50);
      t.deepEqual(values(), before, `gap ${gap}, after ${past}ms`);
    }
    write('index', after.salt_index);
    for (let past = 0; past < 3_000; past += 50) {
      await clock.advance(50);
      const now = values();
      t.true(
        now['salt_key'] === before['salt_key']
          ? now['salt_index'] === before['salt_index']
          : now['salt_index'] === after.salt_index,
      );
    }
    t.deepEqual(values(), after, `gap ${gap}`);
  }
  t.is(notices.length, 4);
});

test('the notice says which index is in use, never the salt', async (t) => {
  const { clock, write, notices } = await watching(t);
  write('key', 'key-two');
  write('index', '2');
  await clock.advance(2_000);
  t.like(notices[0], {
    level: 'info',
    fields: { provider: 'p', changed: ['salt_key', 'salt_index'], salt_index: '2' },
  });
  t.false(JSON.stringify(notices).includes('key-two'));
});

test('at the start a notice says which index is in use, never the salt', async (t) => {
  const { atStart } = await watching(t);
  t.deepEqual(atStart, [
    {
      level: 'info',
      message: 'credentials from files are in use',
      fields: { provider: 'p', salt_index: '1' },
    },
  ]);
});

test('a provider whose files hold nothing but secrets, or that has no files, says nothing at the start', async (t) => {
  const directory = temporaryDirectory(t);
  fs.writeFileSync(path.join(directory, 'token'), 'one');
  const clock = fakeClock();
  const notices: NoticeRecord[] = [];
  const { config } = parseConfig(
    `providers:
  a: { profile: bearer, credentials: { token: "\${file:token}" } }
  b: { profile: phonepe-x-verify, environment: simulator, credentials: { salt_index: "7" } }`,
    path.join(directory, 'proxy.config.yaml'),
    { env: {}, clock, onNotice: (notice) => notices.push(notice) },
  );
  t.teardown(config?.watchSecrets() ?? (() => t.fail()));
  await clock.advance(2_000);
  t.deepEqual(notices, []);
});

test('a snapshot that is held stays as it was', async (t) => {
  const { clock, credentials, write } = await watching(t);
  const held = credentials.current;
  write('key', 'key-two');
  write('index', '2');
  await clock.advance(2_000);
  t.deepEqual(Object.fromEntries(held.values), ONE);
  t.not(credentials.current, held);
});

test('while a file is missing or empty all old values stay, and the operator is told once', async (t) => {
  for (const harm of ['missing', 'empty'] as const) {
    const { directory, clock, write, values, notices } = await watching(t);
    if (harm === 'missing') fs.rmSync(path.join(directory, 'key'));
    else write('key', '\n');
    write('index', '2');
    await clock.advance(10_000);
    t.deepEqual(values(), ONE, harm);
    t.deepEqual(
      notices.map(({ level }) => level),
      ['warn'],
      harm,
    );
    write('key', 'key-two');
    await clock.advance(2_000);
    t.deepEqual(values(), TWO, harm);
    t.deepEqual(
      notices.map(({ level }) => level),
      ['warn', 'info'],
      harm,
    );
  }
});

test('while a file holds what no header can hold all old values stay, and the operator is told what to mend', async (t) => {
  const { clock, write, values, notices } = await watching(t);
  write('key', 'key-two');
  write('index', '2\n3');
  await clock.advance(10_000);
  t.deepEqual(values(), ONE);
  t.is(notices.length, 1);
  t.regex(notices[0]?.message ?? '', /"salt_index" goes into a header and holds a line break.*all old credentials/);
  write('key', 'key-two');
  write('index', '2');
  await clock.advance(2_000);
  t.deepEqual(values(), TWO);
});

test('line breaks at the end of a changed file are no part of its value', async (t) => {
  const { clock, write, values, notices } = await watching(t);
  write('key', 'key-two\r\n\n');
  write('index', '2\n\n\n');
  await clock.advance(2_000);
  t.deepEqual(values(), TWO);
  write('key', 'key-two\n');
  await clock.advance(2_000);
  t.is(notices.length, 1);
});

test('a file that is replaced, even by one of the same size and time, is noticed', async (t) => {
  const { directory, clock, values } = await watching(t);
  const file = path.join(directory, 'key');
  const { atime, mtime } = fs.statSync(file);
  fs.writeFileSync(`${file}.new`, 'key-two\n');
  fs.utimesSync(`${file}.new`, atime, mtime);
  fs.renameSync(`${file}.new`, file);
  await clock.advance(2_000);
  t.is(values()['salt_key'], 'key-two');
});

test('a directory of links that is swapped as Kubernetes does it is noticed', async (t) => {
  const { directory, clock, values } = await watching(t, { key: '..data/key', index: '..data/index' });
  mount(directory, 'two', { key: 'key-two\n', index: '2\n' });
  await clock.advance(2_000);
  t.deepEqual(values(), TWO);
});

test('a file that changed while the config was being loaded is noticed', async (t) => {
  const directory = temporaryDirectory(t);
  fs.writeFileSync(path.join(directory, 'token'), 'one');
  const clock = fakeClock();
  const { config } = parseConfig(
    'providers: { p: { profile: bearer, credentials: { token: "${file:token}" } } }',
    path.join(directory, 'proxy.config.yaml'),
    { env: {}, clock },
  );
  fs.writeFileSync(path.join(directory, 'token'), 'two');
  t.teardown(config?.watchSecrets() ?? (() => {}));
  await clock.advance(2_000);
  t.is(config?.providers.get('p')?.credentials.current.values.get('token'), 'two');
});

test('a file that is written again with the same text changes nothing', async (t) => {
  const { clock, credentials, write, notices } = await watching(t);
  write('key', 'key-one');
  await clock.advance(2_000);
  t.is(credentials.current.version, 1);
  t.deepEqual(notices, []);
});

test('after the watching has ended nothing changes any more', async (t) => {
  const { clock, credentials, write, stop } = await watching(t);
  stop();
  write('key', 'key-two');
  await clock.advance(5_000);
  t.is(credentials.current.version, 1);
});

test('the old secret is kept from the log as well as the new one', async (t) => {
  const { clock, write, texts } = await watching(t);
  write('key', 'key-two');
  await clock.advance(2_000);
  t.deepEqual(texts().toSorted(), ['key-one', 'key-two']);
});

/** Watches one provider whose credentials come from files of their names. */
async function watchingOf(t: ExecutionContext, profile: string, files: Readonly<Record<string, string>>, before = '') {
  const directory = temporaryDirectory(t);
  const write = (name: string, text: string): void => fs.writeFileSync(path.join(directory, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const credentials = Object.keys(files).map((name) => `${name}: "\${file:${name}}"`);
  const clock = fakeClock();
  const notices: NoticeRecord[] = [];
  const { config, diagnostics } = parseConfig(
    `${before}providers: { p: { profile: ${profile}, credentials: { ${credentials.join(', ')} } } }`,
    path.join(directory, 'proxy.config.yaml'),
    { env: {}, clock, onNotice: (notice) => notices.push(notice) },
  );
  t.deepEqual(
    diagnostics.filter(({ severity }) => severity === 'error'),
    [],
  );
  t.teardown(config?.watchSecrets() ?? (() => {}));
  await clock.advance(2_000);
  notices.splice(0);
  const values = (): object => Object.fromEntries(config?.providers.get('p')?.credentials.current.values ?? []);
  return { clock, write, notices, values };
}

test('a value that looks as if something slipped into it is taken, and the operator is told so once', async (t) => {
  const { clock, write, notices, values } = await watchingOf(t, 'bearer', { token: 'one-secret' });
  write('token', ' two-secret\n');
  await clock.advance(10_000);
  t.deepEqual(values(), { token: ' two-secret' });
  t.is(notices.length, 1);
  t.like(notices[0], { level: 'warn', fields: { provider: 'p', changed: ['token'], code: 'suspicious_secret' } });
  t.regex(notices[0]?.message ?? '', /in use; the credential "token" begins with white space$/);
  t.false(JSON.stringify(notices).includes('two-secret'));
  write('token', 'three');
  await clock.advance(2_000);
  t.like(notices[1], { level: 'info' });
  t.false('code' in (notices[1]?.fields ?? {}));
});

test('a value that a default makes a wrong one of is not taken', async (t) => {
  const own =
    'profiles: { own: { extends: basic, credentials: { id: {}, username: { default: "{{credentials.id}}" } } } }\n';
  const { clock, write, notices, values } = await watchingOf(t, 'own', { id: 'a', password: 'w' }, own);
  write('id', 'a:b');
  await clock.advance(10_000);
  t.deepEqual(values(), { id: 'a', password: 'w' });
  t.is(notices.length, 1);
  t.regex(notices[0]?.message ?? '', /"username" holds ":".*: all old credentials of the provider stay in use$/);
  write('id', 'c');
  await clock.advance(10_000);
  t.deepEqual(values(), { id: 'c', password: 'w' });
});

test('a file may become empty where the empty text is a value, and nowhere else', async (t) => {
  const { clock, write, notices, values } = await watchingOf(t, 'basic', { username: 'u', password: 'w' });
  write('password', '\n');
  await clock.advance(2_000);
  t.deepEqual(values(), { username: 'u', password: '' });
  write('password', 'x');
  await clock.advance(2_000);
  t.deepEqual(values(), { username: 'u', password: 'x' });
  write('username', '');
  await clock.advance(2_000);
  t.deepEqual(values(), { username: 'u', password: 'x' });
  t.deepEqual(
    notices.map(({ level }) => level),
    ['info', 'info', 'warn'],
  );
});

test('a file that comes to hold what the profile excludes is refused', async (t) => {
  const { clock, write, notices, values } = await watchingOf(t, 'basic', { username: 'u', password: 'w' });
  write('username', 'a:b');
  await clock.advance(2_000);
  t.deepEqual(values(), { username: 'u', password: 'w' });
  t.regex(notices[0]?.message ?? '', /"username" holds ":".*all old credentials/);
  t.false(JSON.stringify(notices).includes('a:b'));
});
