import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { Authorized } from '../src/auth/authorizer.ts';
import { parseConfig } from '../src/config/load.ts';
import { createEvents } from '../src/core/events.ts';
import { compileConfig } from '../src/compile.ts';
import { createMemoryStore } from '../src/store/memory.ts';
import { fakeClock } from './helpers/clock.ts';
import { temporaryDirectory } from './helpers/directory.ts';

const DEPS = {
  pseudonym: 'outrider-test',
  clock: fakeClock(),
  store: createMemoryStore(fakeClock()),
  events: createEvents(),
  http: () => Promise.reject(new Error('no network in this test')),
  endpointsOf: ({ endpoints }: { endpoints: Readonly<Record<string, string>> }) => endpoints,
};

test('an API key alone goes out as a user name with an empty password', (t) => {
  for (const password of ['""', '"${NO:-}"']) {
    const text = `
providers: { p: { profile: basic, credentials: { username: key, password: ${password} } } }
routes: [{ match: { path: /p }, provider: p, upstream: "http://h" }]`;
    const { config, diagnostics } = parseConfig(text, 'proxy.config.yaml', { env: {} });
    if (!config) throw new Error(JSON.stringify(diagnostics));
    const request = { method: 'GET', target: '/x', headers: [], body: null };
    const authorized = compileConfig(config, DEPS).routes[0]?.authorizer?.authorize(request) as Authorized | undefined;
    t.deepEqual(authorized?.headers, ['authorization', `Basic ${Buffer.from('key:').toString('base64')}`]);
  }
});

test('a compiled config goes on with the credentials that the one before it holds at that moment', async (t) => {
  const directory = temporaryDirectory(t);
  const write = (index: string): void => fs.writeFileSync(path.join(directory, 'index'), index);
  const clock = fakeClock();
  const load = () => {
    const text = `
providers:
  p: { profile: phonepe-x-verify, environment: sandbox, credentials: { merchant_id: M, salt_key: s, salt_index: "\${file:index}" } }
routes: [{ match: { path: /p }, provider: p }]`;
    const { config, diagnostics } = parseConfig(text, path.join(directory, 'proxy.config.yaml'), { env: {}, clock });
    if (!config) throw new Error(JSON.stringify(diagnostics));
    return config;
  };
  const deps = {
    pseudonym: 'outrider-test',
    store: createMemoryStore(clock),
    clock,
    events: createEvents(),
    http: () => Promise.reject(new Error('no network in this test')),
    endpointsOf: ({ endpoints }: { endpoints: Readonly<Record<string, string>> }) => endpoints,
  };
  const indexOf = ({ routes: [route] }: ReturnType<typeof compileConfig>): string | undefined => {
    const request = { method: 'GET', target: '/x', headers: [], body: null };
    const authorized = route?.authorizer?.authorize(request) as Authorized | undefined;
    return authorized?.headers.at(-1)?.split('###')[1];
  };

  write('1');
  const config = load();
  t.teardown(config.watchSecrets());
  const before = compileConfig(config, deps);
  await clock.advance(2_000);
  // What is loaded first, and comes into use last, has read an older file.
  const next = load();
  write('2');
  await clock.advance(2_000);
  t.is(indexOf(before), '2');
  t.is(indexOf(compileConfig(next, deps, before)), '2');
  write('3');
  t.is(indexOf(compileConfig(load(), deps, before)), '2');
});
