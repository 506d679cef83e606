import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { createProxy, InvalidConfigError, loadConfig } from '../../src/index.ts';
import type { ConfigFile, ConfigInput, OutriderProxy } from '../../src/index.ts';
import { until } from '../helpers/http1.ts';
import { startUpstream } from '../helpers/upstream.ts';

const QUIET = { level: 'error', access: false } as const;

async function upstreamUrl(t: ExecutionContext): Promise<string> {
  const { origin } = await startUpstream(t, (arrival) => arrival.reply(200, { body: 'from the upstream' }));
  return origin;
}

const configOf = (upstream: string, more: ConfigFile = {}): ConfigFile => ({
  listen: { address: '127.0.0.1:0' },
  admin: { address: '127.0.0.1:0' },
  log: QUIET,
  timeouts: { lame_duck: '0ms' },
  routes: [{ name: 'a', match: { path: '/a' }, upstream }],
  ...more,
});

const yamlOf = (config: ConfigFile): string => `# JSON is YAML\n${JSON.stringify(config)}\n`;

function proxyOf(t: ExecutionContext, config: ConfigInput): OutriderProxy {
  const proxy = createProxy(config);
  t.teardown(() => proxy.stop());
  return proxy;
}

function fileOf(t: ExecutionContext, text: string): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'outrider-library-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true, force: true }));
  const file = path.join(dir, 'proxy.config.yaml');
  fs.writeFileSync(file, text);
  return file;
}

const body = async (url: string): Promise<string> => (await fetch(url)).text();

for (const [form, of] of [
  ['a path', (t, config) => fileOf(t, yamlOf(config))],
  ['YAML text', (_t, config) => yamlOf(config)],
  ['an object', (_t, config) => config],
  ['what loadConfig gave', (t, config) => loadConfig(fileOf(t, yamlOf(config)))],
] satisfies [string, (t: ExecutionContext, config: ConfigFile) => ConfigInput | Promise<ConfigInput>][]) {
  test(`a proxy is made of ${form}`, async (t) => {
    const proxy = proxyOf(t, await of(t, configOf(await upstreamUrl(t))));
    const { url, adminUrl } = await proxy.start();
    t.is(await body(`${url}/a`), 'from the upstream');
    t.is((await fetch(`${adminUrl}/readyz`)).status, 200);
  });
}

test('no admin address, no admin URL', async (t) => {
  const { adminUrl } = await proxyOf(t, configOf('http://127.0.0.1:9', { admin: false })).start();
  t.is(adminUrl, undefined);
});

test('start rejects with the diagnostics of a bad config, and a mended one starts', async (t) => {
  const file = fileOf(t, 'listen: { adress: 1 }\nroutes: [{ match: { path: a }, upstream: "http://a" }]\n');
  const proxy = proxyOf(t, file);
  const error = await t.throwsAsync(() => proxy.start(), { instanceOf: InvalidConfigError });
  t.is(error.code, 'invalid_config');
  t.deepEqual(
    error.diagnostics.map(({ code, path: at, line }) => [code, at, line]),
    [
      ['unknown_key', 'listen.adress', 1],
      ['invalid_value', 'routes[0].match.path', 2],
    ],
  );
  t.regex(error.message, /error\[unknown_key\]: .*\n --> .*proxy\.config\.yaml:1:11/);
  await t.throwsAsync(() => loadConfig(file), { instanceOf: InvalidConfigError });
  fs.writeFileSync(file, yamlOf(configOf(await upstreamUrl(t))));
  t.is(await body(`${(await proxy.start()).url}/a`), 'from the upstream');
});

test('a secret in a bad config shows nowhere in the error', async (t) => {
  const credentials = { client_id: 'me', client_secret: 'never-to-be-seen', client_version: 1 };
  const config = { providers: { p: { profile: 'phonepe', environment: 'nowhere', credentials } } };
  const error = await t.throwsAsync(() => proxyOf(t, config).start(), { instanceOf: InvalidConfigError });
  t.regex(error.message, /nowhere/);
  t.notRegex(JSON.stringify([error.message, error.stack, error.diagnostics]), /never-to-be-seen/);
});

test('what is no config at all is told', async (t) => {
  for (const input of [undefined, null, 7, [], () => undefined] as unknown as ConfigInput[]) {
    await t.throwsAsync(() => proxyOf(t, input).start(), { instanceOf: TypeError, message: /path, YAML text/ });
  }
  const circular: Record<string, unknown> = {};
  circular['routes'] = circular;
  await t.throwsAsync(() => proxyOf(t, circular).start(), { instanceOf: TypeError });
});

test('loadConfig tells what is in a file, and shows no credentials', async (t) => {
  const credentials = { client_id: 'me', client_secret: 'never-to-be-seen', client_version: '1' };
  const file = fileOf(
    t,
    yamlOf({
      providers: { p: { profile: 'phonepe', environment: 'sandbox', credentials } },
      routes: [{ provider: 'p', match: { path: '/p' } }],
    }),
  );
  const config = await loadConfig(file);
  t.is(config.file, file);
  t.deepEqual(config.warnings, []);
  t.deepEqual(config.providers, [{ name: 'p', profile: 'phonepe', environment: 'sandbox' }]);
  t.like(config.routes[0], { name: 'p', path: '/p', provider: 'p' });
  t.notRegex(JSON.stringify(config), /never-to-be-seen/);
});

test('a reload takes the next request elsewhere; a bad one changes nothing', async (t) => {
  const config = configOf(await upstreamUrl(t));
  const proxy = proxyOf(t, config);
  await t.throwsAsync(() => proxy.reload(config), { message: /not running/ });
  const { url } = await proxy.start();
  await t.throwsAsync(() => proxy.reload({ ...config, listen: { address: 'nowhere' } }), {
    instanceOf: InvalidConfigError,
  });
  t.is(await body(`${url}/a`), 'from the upstream');
  const { origin } = await startUpstream(t, (arrival) => arrival.reply(200, { body: 'from another one' }));
  await proxy.reload(configOf(origin));
  t.is(await body(`${url}/a`), 'from another one');
});

test('events tell of each request', async (t) => {
  const proxy = proxyOf(t, configOf(await upstreamUrl(t)));
  const seen: number[] = [];
  proxy.events.on('exchange', ({ status }) => seen.push(status));
  const { url } = await proxy.start();
  await body(`${url}/a`);
  await until('the exchange is told', () => seen.length === 1);
  t.deepEqual(seen, [200]);
});

test('warnings of a config are told by events', async (t) => {
  const proxy = proxyOf(t, configOf('http://127.0.0.1:9', { routes: [] }));
  const told: string[] = [];
  proxy.events.on('notice', ({ message }) => told.push(message));
  await proxy.start();
  t.regex(told.join('\n'), /warning\[no_routes\]/);
});

test('stop lets requests end, and what was stopped starts again', async (t) => {
  const release = Promise.withResolvers<void>();
  const { origin } = await startUpstream(t, async (arrival) => {
    await release.promise;
    await arrival.reply(200, { body: 'late' });
  });
  const proxy = proxyOf(t, configOf(origin));
  const started = Promise.withResolvers<void>();
  proxy.events.once('started', started.resolve);
  const { url } = await proxy.start();
  const answer = body(`${url}/a`);
  await started.promise;
  const stopped = proxy.stop();
  release.resolve();
  t.is(await answer, 'late');
  await stopped;
  await t.throwsAsync(() => fetch(url));
  t.is(await body(`${(await proxy.start()).url}/a`), 'late');
});

test('start twice is start once', async (t) => {
  const proxy = proxyOf(t, configOf('http://127.0.0.1:9'));
  const [first, second] = await Promise.all([proxy.start(), proxy.start()]);
  t.deepEqual(first, second);
});

const LIBRARY = new URL('../../src/index.ts', import.meta.url).href;

/** What a program says on stdout that has \`createProxy\`, \`config\` and \`hooks\`, what the process waits for; it has to end by itself. */
function say(program: string): unknown {
  const text = `
    const hooks = () => process.eventNames().filter((name) => /^SIG|^uncaught|^unhandled|^beforeExit/.test(String(name)));
    const { createProxy } = await import(${JSON.stringify(LIBRARY)});
    const config = ${JSON.stringify(configOf('http://127.0.0.1:9', { log: { access: false, level: 'error' } }))};
    ${program}`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (child.status !== 0) throw new Error(`exit ${child.status}, ${child.signal}: ${child.stderr}`);
  return JSON.parse(child.stdout);
}

test('an import opens and hooks nothing, a proxy hooks no signal, and after stop the process ends', (t) => {
  t.deepEqual(
    say(`
      const said = [hooks(), process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')];
      const proxy = createProxy(config);
      await proxy.start();
      said.push(hooks());
      await proxy.stop();
      console.log(JSON.stringify(said));`),
    [[], [], []],
  );
});

test('a listener that throws is an uncaught exception, and the request is answered all the same', (t) => {
  t.deepEqual(
    say(`
      const uncaught = [];
      process.on('uncaughtException', (error) => uncaught.push(error.message));
      const proxy = createProxy(config);
      for (const event of ['started', 'exchange']) proxy.events.on(event, () => { throw new Error(event); });
      const { url } = await proxy.start();
      const { status } = await fetch(url + '/a');
      await proxy.stop();
      console.log(JSON.stringify({ status, uncaught }));`),
    { status: 502, uncaught: ['started', 'exchange'] },
  );
});
