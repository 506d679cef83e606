import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { freePort } from '../helpers/free-port.ts';
import { until } from '../helpers/http1.ts';
import { runProgram, testWith } from '../helpers/programs.ts';
import { ask } from '../helpers/raw.ts';
import { redisTest, startRedis } from '../helpers/redis.ts';
import { KIT, kitFile, problemsOf, renewsAndReplays, secretsIn, someSecrets, startKit, withSecrets } from './kit.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly profiles?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly deploy: { readonly replicas?: number };
}

const { services } = parse(kitFile('compose.yaml'), { merge: true }) as {
  services: Readonly<Record<string, Service>>;
};
const serviceOf = (name: string): Service => services[name] as Service;

/** The config that a service mounts, by its place in the kit. */
function configOf(name: string): string {
  const volume = serviceOf(name).volumes.find((each) => each.includes(':/etc/outrider/proxy.config.yaml:ro'));
  return kitFile(volume?.split(':')[0] ?? '');
}

/** A service's environment with the defaults of the file. */
const envOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(serviceOf(name).environment ?? {}).map(([key, value]) => [
      key,
      value.replace(/^\$\{\w+:-(.*)\}$/, '$1'),
    ]),
  );

testWith('docker-compose')('compose.yaml is good, with and without its profile', async (t) => {
  const file = join(KIT, 'compose.yaml');
  t.regex(await runProgram('docker-compose', ['--file', file, 'config', '--services']), /^outrider$/m);
  const all = await runProgram('docker-compose', ['--file', file, '--profile', 'replicas', 'config', '--services']);
  t.deepEqual(all.match(/^outrider.*$/gm)?.toSorted(), ['outrider', 'outrider-redis', 'outrider-replicas']);
});

test('compose.yaml: Redis and two replicas are a profile, and every file that is mounted is in the kit', (t) => {
  t.is(serviceOf('outrider').profiles, undefined);
  for (const name of ['outrider-replicas', 'outrider-redis']) t.deepEqual(serviceOf(name).profiles, ['replicas']);
  t.is(serviceOf('outrider-replicas').deploy.replicas, 2);
  t.deepEqual(serviceOf('outrider-replicas').depends_on, ['outrider-redis']);
  for (const source of Object.values(services).flatMap(({ volumes }) => volumes.map((each) => each.split(':')[0]))) {
    if (!source?.startsWith('./secrets') && source?.startsWith('.')) t.true(existsSync(join(KIT, source)), source);
  }
});

for (const name of ['outrider', 'outrider-replicas']) {
  test(`compose.yaml: the config of ${name} is good, and lets callers in by the name of the service`, async (t) => {
    const config = configOf(name);
    const env = envOf(name);
    t.deepEqual(await problemsOf(t, withSecrets(t, config, someSecrets(secretsIn(config))), env), []);
    t.deepEqual(env['OUTRIDER_ALLOWED_HOSTS']?.split(','), [name]);
  });
}

const OBSERVE = 'compose.observe.yaml';

interface Merged {
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
}

testWith('docker-compose')(
  `${OBSERVE}: Outrider tells its traces to Jaeger, and all is for this machine alone`,
  async (t) => {
    const files = ['compose.yaml', OBSERVE].flatMap((name) => ['--file', join(KIT, name)]);
    const merged = (
      parse(await runProgram('docker-compose', [...files, 'config'])) as { services: Record<string, Merged> }
    ).services;
    t.like(merged['outrider']?.environment, {
      OUTRIDER_ALLOWED_HOSTS: 'outrider',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318',
    });
    const ports = Object.values(merged).flatMap(({ ports: own = [] }) => own);
    t.true(ports.length >= 5);
    for (const port of ports) t.true(port.startsWith('127.0.0.1:'), port);
  },
);

test(`${OBSERVE}: every file that is mounted is in the kit, and is what its reader looks for`, (t) => {
  const { services: own } = parse(kitFile(OBSERVE), { merge: true }) as { services: Record<string, Merged> };
  const mounts = new Map(
    Object.values(own)
      .flatMap(({ volumes = [] }) => volumes)
      .map((each) => [each.split(':')[1], each.split(':')[0]] as const),
  );
  for (const source of mounts.values()) t.true(existsSync(join(KIT, source ?? '')), source);
  const read = (place: string): unknown => parse(kitFile(mounts.get(place) ?? place));
  const { rule_files: rules, scrape_configs: jobs } = read('/etc/prometheus/prometheus.yml') as {
    readonly rule_files: readonly string[];
    readonly scrape_configs: readonly { readonly static_configs: readonly { readonly targets: readonly string[] }[] }[];
  };
  for (const place of rules) t.true(mounts.has(place), place);
  t.deepEqual(
    jobs.flatMap(({ static_configs: all }) => all.flatMap(({ targets }) => targets)),
    ['outrider:8081'],
  );
  const { providers } = read('/etc/grafana/provisioning/dashboards/outrider.yaml') as {
    readonly providers: readonly { readonly options: { readonly path: string } }[];
  };
  for (const { options } of providers) t.true(mounts.has(`${options.path}/outrider.json`), options.path);
  const { datasources } = read('/etc/grafana/provisioning/datasources/outrider.yaml') as {
    readonly datasources: readonly { readonly url: string }[];
  };
  for (const { url } of datasources) t.true(Object.hasOwn(own, new URL(url).hostname), url);
});

test('compose.yaml: Prometheus gets the metrics by the name of the service, without a token', async (t) => {
  const config = configOf('outrider');
  const running = await startKit(t, withSecrets(t, config, someSecrets(secretsIn(config))), envOf('outrider'));
  const admin = /^ *admin +(http\S+)/m.exec(running.stdout())?.[1] ?? '';
  const scraped = async (host: string): Promise<number> =>
    (await ask(t, Number(new URL(admin).port), `GET /metrics HTTP/1.1\r\nHost: ${host}:8081\r\n\r\n`)).status;
  t.is(await scraped('outrider'), 200);
  t.is(await scraped('elsewhere'), 403, 'positive control');
});

test('compose.yaml: outrider renews and replays, and is ready', async (t) => {
  const config = configOf('outrider');
  const values = someSecrets(secretsIn(config));
  const running = await startKit(t, withSecrets(t, config, values), envOf('outrider'));
  await renewsAndReplays(t, running, ['X-Outrider-Token', values['access_token'] as string]);
});

redisTest('compose.yaml: a replica renews and replays, and keeps what it has in Redis', async (t) => {
  const config = configOf('outrider-replicas');
  const values = someSecrets(secretsIn(config));
  const redis = await startRedis(t, ['--requirepass', values['redis_password'] as string]);
  const yaml = withSecrets(t, config, values);
  const running = await startKit(t, yaml, envOf('outrider-replicas'), `127.0.0.1:${redis.port}`);
  const metrics = await renewsAndReplays(t, running, ['X-Outrider-Token', values['access_token'] as string]);
  t.regex(metrics, /^outrider_store_up\{kind="redis"\} 1$/m);
});

/** The script that starts Redis in the kit; Compose has a dollar twice for one. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'compose.yaml': serviceOf('outrider-redis').command?.[0]?.replaceAll('$$', '$') ?? '',
  'kubernetes/shared':
    parseAllDocuments(kitFile('kubernetes/shared/redis.yaml'))
      .map((document) => document.getIn(['spec', 'template', 'spec', 'containers', 0, 'args', 0]))
      .find((script) => typeof script === 'string') ?? '',
};

/** Runs a script of the kit with a password in the file that it reads. */
async function startScript(t: ExecutionContext, script: string, password: string) {
  const port = await freePort();
  const here = withSecrets(t, script, { redis_password: password }).replace(
    'port 6379',
    `port ${port}\nbind 127.0.0.1`,
  );
  const child = spawn('sh', ['-c', here], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { port, child, output: () => output };
}

for (const [where, script] of Object.entries(SCRIPTS)) {
  redisTest(`${where}: Redis asks for the password of its file, and does not start without one`, async (t) => {
    const password = 'a-password-of-the-kit';
    const { port, child, output } = await startScript(t, script, password);
    await until('Redis', () => output().includes('Ready to accept connections'), 10_000);
    const ask = (...words: readonly string[]): Promise<string> =>
      runProgram('redis-cli', ['-p', String(port), ...words], { REDISCLI_AUTH: '' });
    t.regex(await ask('ping'), /NOAUTH/);
    t.regex(await ask('--no-auth-warning', '-a', password, 'ping'), /PONG/);
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;

    const refused = await startScript(t, script, '');
    t.not((await once(refused.child, 'close'))[0], 0);
    t.regex(refused.output(), /redis_password is empty/);
  });
}
