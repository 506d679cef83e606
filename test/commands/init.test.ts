import { generateKeyPairSync } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import anyTest, { type ExecutionContext } from 'ava';
import { schemaFor } from '../../src/commands/init.ts';
import { starterFiles } from '../../src/commands/init-files.ts';
import { loadConfig } from '../../src/config/load.ts';
import { builtInProfile } from '../../src/config/profile/profiles.ts';
import { builtInProfiles, JSON_SCHEMA_FILE } from '../../src/config/shipped.ts';
import { ask } from '../helpers/raw.ts';
import { CLI, configFile, launch, run } from './run.ts';
import { needs, typed } from './typed.ts';

const FILES = ['.env.example', 'proxy.config.yaml'];
const emptyDir = (t: ExecutionContext): string => {
  const { dir, file } = configFile(t, '');
  mkdirSync(join(dir, 'new'));
  writeFileSync(file, '');
  return join(dir, 'new');
};
const read = (dir: string, file: string): string => readFileSync(join(dir, file), 'utf8');
/** Every variable that a config reads, and whether there is a default for it. */
const variablesIn = (config: string): { name: string; isRequired: boolean }[] =>
  [...config.replaceAll(/(?:^|\s)#.*$/gm, '').matchAll(/\$\{(\w+)(:-)?/g)].map(([, name = '', mark]) => ({
    name,
    isRequired: mark === undefined,
  }));
const PEM = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' });
const valueOf = (name: string): string => {
  if (name.endsWith('_PRIVATE_KEY')) return PEM as string;
  return /_(?:API|URL)$/.test(name) ? 'https://api.test/v1' : 'some-value';
};

for (const profile of builtInProfiles()) {
  anyTest(`the config written for ${profile} lacks just the variables that are unset`, (t) => {
    const dir = emptyDir(t);
    const { config, env, variables } = starterFiles([builtInProfile(profile)], schemaFor(dir));
    const file = join(dir, 'proxy.config.yaml');
    writeFileSync(file, config);
    const required = variablesIn(config).flatMap(({ name, isRequired }) => (isRequired ? [name] : []));
    t.true(required.length > 0);
    t.deepEqual(
      variables.flatMap(({ name, isRequired }) => (isRequired ? [name] : [])),
      required,
    );
    const unset = loadConfig(file, { env: {} });
    t.deepEqual(
      unset.diagnostics.map(({ code, message }) => [code, message]),
      required.map((name) => ['unset_variable', `the environment variable ${name} is not set`]),
    );
    const given = Object.fromEntries(required.map((name) => [name, valueOf(name)]));
    const set = loadConfig(file, { env: given });
    t.deepEqual(set.diagnostics, []);
    t.is(set.config?.providers.get(profile)?.profileName, profile);
    t.not(set.config?.providers.get(profile)?.environment, 'simulator');
    for (const environment of Object.keys(builtInProfile(profile).declared.environments)) {
      const all = Object.fromEntries(variablesIn(config).map(({ name }) => [name, valueOf(name)]));
      const { OUTRIDER_LISTEN, OUTRIDER_ADMIN, ...own } = all;
      t.truthy(OUTRIDER_LISTEN && OUTRIDER_ADMIN);
      const chosen = { ...own, [`${profile.toUpperCase().replaceAll('-', '_')}_ENV`]: environment };
      // An API of one's own is beside the simulator's, which is worth a warning.
      const { diagnostics } = loadConfig(file, { env: chosen });
      t.deepEqual(
        diagnostics.filter(({ severity }) => severity === 'error'),
        [],
        environment,
      );
    }
    const listed = [...env.matchAll(/^#?(\w+)=/gm)].map(([, name = '']) => name);
    t.deepEqual(
      listed.toSorted(),
      variablesIn(config)
        .map(({ name }) => name)
        .toSorted(),
    );
  });
}

const { test, why } = needs('bash');

test(`all built-in profiles stand in one config, and a shell reads the variables${why}`, async (t) => {
  const dir = emptyDir(t);
  const made = await run(t, ['init', ...builtInProfiles()], { cwd: dir });
  t.is(made.code, 0, made.stderr);
  t.deepEqual(readdirSync(dir).toSorted(), FILES);
  const config = read(dir, FILES[1] as string);
  const env = read(dir, FILES[0] as string).replaceAll(/^(\w+)=$/gm, (_, name: string) => `${name}='${valueOf(name)}'`);
  writeFileSync(join(dir, '.env'), env);
  const shell = spawnSync('bash', ['-c', 'set -a; . ./.env; exec "$0" "$@"', process.execPath, CLI, 'check'], {
    cwd: dir,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  t.is(shell.stderr, '');
  t.regex(shell.stdout, new RegExp(`^proxy.config.yaml: OK, (\\d+) routes, \\1 providers`));
  t.is(config.match(/^ {2}- provider: /gm)?.length, builtInProfiles().length);
});

anyTest.serial('from an empty directory to an answer: init, two variables, start', async (t) => {
  const dir = emptyDir(t);
  const before = await run(t, ['start'], { cwd: dir });
  t.is(before.code, 1);
  t.regex(before.stderr, /^error\[no_config\]: .*\n.*`outrider init`/);
  const { code, stdout } = await run(t, ['init', 'phonepe'], { cwd: dir });
  t.is(code, 0);
  t.deepEqual(stdout.match(/export \w+/g), ['export PHONEPE_CLIENT_ID', 'export PHONEPE_CLIENT_SECRET']);
  const env = {
    PHONEPE_CLIENT_ID: 'id-of-a-test',
    PHONEPE_CLIENT_SECRET: 'secret-of-a-test',
    OUTRIDER_LISTEN: '127.0.0.1:0',
    OUTRIDER_ADMIN: '127.0.0.1:0',
  };
  const real = await run(t, ['explain', 'GET', '/phonepe/x'], { cwd: dir, env });
  t.regex(real.stdout, /^upstream +GET https:\/\/api-preprod\.phonepe\.com\/apis\/pg-sandbox\/x$/m);
  const proxy = launch(t, ['start'], { cwd: dir, env: { ...env, PHONEPE_ENV: 'simulator' } });
  const [, port] = await proxy.says(/^ *proxy +http:\/\/127\.0\.0\.1:(\d+)$/m);
  const body = '{"merchantOrderId":"order-1","amount":1000,"paymentFlow":{"type":"PG_CHECKOUT"}}';
  const head = `POST /phonepe/checkout/v2/pay HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  t.is((await ask(t, Number(port), head + body)).status, 200);
});

for (const there of FILES) {
  anyTest.serial(`where ${there} is there already nothing is written, unless by force`, async (t) => {
    const dir = emptyDir(t);
    if (there === '.env.example') symlinkSync('/nowhere', join(dir, there));
    else writeFileSync(join(dir, there), 'mine');
    const refused = await run(t, ['init', 'bearer'], { cwd: dir });
    t.is(refused.code, 1);
    t.is(refused.stdout, '');
    t.regex(refused.stderr, new RegExp(`^error\\[file_exists\\]: ${there} is there already`));
    t.deepEqual(readdirSync(dir), [there]);
    t.is((await run(t, ['init', 'bearer', '--force'], { cwd: dir })).code, 0);
    t.deepEqual(readdirSync(dir).toSorted(), FILES);
    t.regex(read(dir, there), /BEARER_TOKEN/);
    t.false(existsSync('/nowhere'));
  });
}

anyTest.serial('--dir is made, and the way there is told', async (t) => {
  const dir = emptyDir(t);
  const { code, stdout } = await run(t, ['init', 'bearer', '--dir', 'a b/c'], { cwd: dir });
  t.is(code, 0);
  t.deepEqual(readdirSync(join(dir, 'a b/c')).toSorted(), FILES);
  t.regex(stdout, /`cd 'a b\/c'`/);
  const file = await run(t, ['init', 'bearer', '--dir', 'a b/c/proxy.config.yaml/d'], { cwd: dir });
  t.is(file.code, 1);
  t.regex(file.stderr, /^error\[unwritable\]: .*ENOTDIR\n/);
});

anyTest.serial('an unknown profile gets a suggestion, and none at all, without a terminal, a list', async (t) => {
  const dir = emptyDir(t);
  const unknown = await run(t, ['init', 'phonpe'], { cwd: dir });
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /^error\[unknown_profile\]: .*\n.*did you mean "phonepe"\?/);
  const none = await run(t, ['init'], { cwd: dir });
  t.is(none.code, 2);
  t.regex(none.stderr, /^error\[no_profile\]: .*\n.*`outrider init PROFILE`: aws, basic, bearer, /);
  t.deepEqual(readdirSync(dir), []);
});

const terminal = needs('python3');
terminal.test(`on a terminal it asks, until the answer is right${terminal.why}`, async (t) => {
  const dir = emptyDir(t);
  const steps = [
    ['between them:', 'phonpe\n'],
    ['did you mean "phonepe"', ''],
    ['between them:', '2, phonepe\n'],
  ] as const;
  const { code, said } = await typed(steps, [process.execPath, CLI, 'init'], { cwd: dir });
  t.is(code, 0, said);
  t.regex(said, /^ +2 +basic +Basic authentication\r$/m);
  t.deepEqual(read(dir, 'proxy.config.yaml').match(/- provider: .*/g), ['- provider: basic', '- provider: phonepe']);
});

terminal.test(`whoever ends the input has chosen nothing${terminal.why}`, async (t) => {
  const dir = emptyDir(t);
  const { code, said } = await typed([['between them:', '\x04']], [process.execPath, CLI, 'init'], { cwd: dir });
  t.is(code, 2, said);
  t.deepEqual(readdirSync(dir), []);
});

/** The file that the first line of a config leads an editor to. */
function schemaOf(config: string, dir: string): string {
  const [, schema = ''] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(config) ?? [];
  return schema.startsWith('file:') ? fileURLToPath(schema) : join(dir, schema);
}

anyTest('the schema line resolves, relative where it stays right when the project moves', (t) => {
  const dir = emptyDir(t);
  const { config } = starterFiles([builtInProfile('bearer')], schemaFor(dir));
  t.is(schemaOf(config, dir), JSON_SCHEMA_FILE);
  const installed = '/home/me/shop/node_modules/outrider/config/proxy.schema.json';
  t.is(schemaFor('/home/me/shop', installed, '/home/me/shop'), './node_modules/outrider/config/proxy.schema.json');
  t.is(
    schemaFor('/home/me/shop/deploy', installed, '/home/me/shop'),
    '../node_modules/outrider/config/proxy.schema.json',
  );
  t.is(schemaFor('/srv', installed, '/home/me/shop'), `file://${installed}`);
  t.is(schemaFor('/s/x', '/s/a b/s.json', '/s'), 'file:///s/a%20b/s.json');
});
