import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Config } from '../../src/config/config.ts';
import { carryCredentials } from '../../src/config/credentials.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { NoticeRecord } from '../../src/core/events.ts';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

/** A config directory with a pair of files in it. */
interface Place {
  readonly clock: FakeClock;
  readonly notices: NoticeRecord[];
  readonly write: (key: string | undefined, index: string | undefined) => void;
  /** Loads the config, its provider `p` with these lines instead of the usual ones. */
  readonly load: (parts?: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>) => Config;
}

const CREDENTIALS = '{ merchant_id: "${ID:-M}", salt_key: "${file:key}", salt_index: "${file:index}" }';

function place(t: ExecutionContext): Place {
  const directory = temporaryDirectory(t);
  const clock = fakeClock();
  const notices: NoticeRecord[] = [];
  const write: Place['write'] = (key, index) => {
    if (key !== undefined) fs.writeFileSync(path.join(directory, 'key'), key);
    if (index !== undefined) fs.writeFileSync(path.join(directory, 'index'), index);
  };
  write('key-one', '1');
  fs.writeFileSync(path.join(directory, 'other'), '2');
  return {
    clock,
    notices,
    write,
    load(parts = {}, env = {}) {
      const lines = { profile: 'phonepe-x-verify', environment: 'sandbox', credentials: CREDENTIALS, ...parts };
      const text = Object.entries(lines).map(([key, value]) => `    ${key}: ${value}\n`);
      const { config, diagnostics } = parseConfig(
        `providers:\n  p:\n${text.join('')}`,
        path.join(directory, 'proxy.config.yaml'),
        { env, clock, onNotice: (notice) => notices.push(notice) },
      );
      if (!config) throw new Error(JSON.stringify(diagnostics));
      return config;
    },
  };
}

const pair = (config: Config): string | undefined => {
  const values = config.providers.get('p')?.credentials.current.values;
  return `${values?.get('salt_key')} ${values?.get('salt_index')}`;
};

/** As a reload does it; the watching of `before` has ended. */
function goOn(t: ExecutionContext, before: Config, after: Config): Config {
  carryCredentials(before.providers, after.providers);
  t.teardown(after.watchSecrets());
  return after;
}

test('a config that is loaded between two writes goes on with the old pair, then takes the new one whole', async (t) => {
  const { clock, notices, write, load } = place(t);
  const before = load();
  write('key-two', undefined);
  const after = goOn(t, before, load());
  t.is(pair(after), 'key-one 1');
  await clock.advance(1_000);
  t.is(pair(after), 'key-one 1');
  write(undefined, '2');
  for (let past = 0; past < 1_000; past += 50) {
    await clock.advance(50);
    t.is(pair(after), 'key-one 1');
  }
  await clock.advance(1_000);
  t.is(pair(after), 'key-two 2');
  t.deepEqual(
    notices.map(({ fields }) => fields),
    [{ provider: 'p', changed: ['salt_key', 'salt_index'], salt_index: '2' }],
  );
});

test('files that changed whole before the config was loaded again are taken within two seconds', async (t) => {
  const { clock, write, load } = place(t);
  const before = load();
  write('key-two', '2');
  const after = goOn(t, before, load());
  t.is(pair(after), 'key-one 1');
  await clock.advance(2_000);
  t.is(pair(after), 'key-two 2');
});

test('what was read half-way is kept from the log, and so are the old and the new secret', async (t) => {
  const { clock, write, load } = place(t);
  const before = load();
  write('key-half', undefined);
  const after = goOn(t, before, load());
  t.deepEqual([...after.secretTexts()].toSorted(), ['key-half', 'key-one']);
  write('key-two', '2');
  await clock.advance(3_000);
  t.true(['key-one', 'key-two'].every((secret) => [...after.secretTexts()].includes(secret)));
});

test('reloads one after the other, between two writes, go on with the old pair', async (t) => {
  const { clock, write, load } = place(t);
  let config = load();
  write('key-two', undefined);
  for (let i = 0; i < 3; i++) {
    config = goOn(t, config, load());
    await clock.advance(500);
    t.is(pair(config), 'key-one 1');
  }
  write(undefined, '2');
  config = goOn(t, config, load());
  t.is(pair(config), 'key-one 1');
  await clock.advance(2_000);
  t.is(pair(config), 'key-two 2');
});

test('two configs that take turns go on with each other’s pair', (t) => {
  const { write, load } = place(t);
  const [one, two] = [load(), load()];
  write('key-two', undefined);
  for (const [before, after] of [
    [one, two],
    [two, one],
    [one, one],
    [one, two],
  ] as const) {
    t.is(pair(goOn(t, before, after)), 'key-one 1');
  }
});

test('the same snapshot goes on, so that nothing is rendered anew', (t) => {
  const { load } = place(t);
  const before = load();
  const after = goOn(t, before, load());
  t.is(after.providers.get('p')?.credentials.current, before.providers.get('p')?.credentials.current);
});

for (const [what, parts, env] of [
  ['another credential', { credentials: CREDENTIALS.replace('${ID:-M}', 'N') }, {}],
  ['another variable', {}, { ID: 'N' }],
  ['another file', { credentials: CREDENTIALS.replace('file:index', 'file:other') }, {}],
  ['an index of its own', { credentials: CREDENTIALS.replace('${file:index}', '2') }, {}],
  ['another environment', { environment: 'production' }, {}],
  ['another endpoint', { endpoints: '{ api: "https://other.example" }' }, {}],
] as const) {
  test(`a provider with ${what} takes what its files hold when the config is loaded`, (t) => {
    const { write, load } = place(t);
    const before = load();
    write('key-two', '2');
    t.is(pair(goOn(t, before, load(parts, env))), 'key-two 2');
  });
}

test('what only an older config had is no reason to stay: a new provider takes its files', (t) => {
  const { notices, write, load } = place(t);
  write('key-two', '2');
  const after = load();
  carryCredentials(new Map(), after.providers);
  t.is(pair(after), 'key-two 2');
  t.teardown(after.watchSecrets());
  t.like(notices, [{ fields: { provider: 'p', salt_index: '2' } }]);
});
