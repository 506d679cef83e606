import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { run as runCommand, SIMULATED, startProxy } from './commands/run.ts';
import { startCollector } from './helpers/collector.ts';
import { findNode } from './helpers/nodes.ts';
import { httpCall } from './helpers/outrider.ts';
import { until } from './helpers/http1.ts';

const ROOT = join(import.meta.dirname, '..');
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Instruction {
  readonly word: string;
  readonly args: string;
}

/** The stages of the Dockerfile, each from its FROM on. */
function stages(): Instruction[][] {
  const found: Instruction[][] = [];
  const lines = text('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  for (const line of lines) {
    const match = /^([A-Z]+) +(.*)$/.exec(line.trim());
    if (!match) continue;
    const instruction = { word: match[1] as string, args: match[2] as string };
    if (instruction.word === 'FROM') found.push([]);
    found.at(-1)?.push(instruction);
  }
  return found;
}

const image = stages().at(-1) as Instruction[];
const argsOf = (word: string): string[] => image.filter((line) => line.word === word).map(({ args }) => args);
const exec = (args: string | undefined): unknown => JSON.parse((args ?? '').replace(/^.*?(?=\[)/, ''));

/** What .dockerignore lets into the build. */
const context = text('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

let dir: string;
/** The package as it is installed in an otherwise empty project. */
let installed: string;
let packed: { readonly filename: string; readonly files: readonly { readonly path: string }[] };

/** Runs a program to its end; what it said is in the error when it failed. */
function run(cwd: string, program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** What a command said on both its outputs. */
type Outrider = (...args: readonly string[]) => { readonly status: number | null; readonly said: string };

/** The command that `npm install -g` makes, with that Node first on the path. */
function installGlobally(major: number, node: string): Outrider {
  const prefix = join(dir, `global-${major}`);
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH']}` };
  const from = ['--offline', '--no-audit', '--prefix', prefix, join(dir, packed.filename)];
  const { status, stderr } = spawnSync('npm', ['install', '-g', ...from], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return (...args) => {
    const ended = spawnSync(join(prefix, 'bin/outrider'), args, { cwd: dir, env, encoding: 'utf8' });
    return { status: ended.status, said: ended.stdout + ended.stderr };
  };
}

// Built from nothing but what the image is built from, so that a missing file shows.
test.before((t) => {
  t.timeout(300_000);
  dir = mkdtempSync(join(tmpdir(), 'outrider-package-'));
  const checkout = join(dir, 'checkout');
  for (const entry of [...context, 'README.md', 'CHANGELOG.md']) {
    cpSync(join(ROOT, entry), join(checkout, entry), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  // It builds, too.
  [packed] = JSON.parse(run(checkout, 'npm', 'pack', '--silent', '--json', '--pack-destination', dir)) as [
    typeof packed,
  ];
  const project = join(dir, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  // Without a network: the package needs nothing but itself.
  run(project, 'npm', 'install', '--offline', '--no-audit', '--no-fund', join(dir, packed.filename));
  installed = join(project, 'node_modules/outrider');
});

test.after.always(() => rmSync(dir, { recursive: true, force: true }));

test('what is built is ASCII, which is read in half the time', (t) => {
  const files = globSync('dist/**/*.js', { cwd: installed, exclude: ['dist/page/**'] });
  t.true(files.length > 30);
  t.deepEqual(
    files.filter((file) => !/^\p{ASCII}*$/u.test(readFileSync(join(installed, file), 'latin1'))),
    [],
  );
});

test('the package holds what runs and its types, and nothing else', (t) => {
  const paths = packed.files.map(({ path }) => path);
  const allowed =
    /^(?:dist\/.+\.(?:js|cjs|d\.ts)|dist\/licenses\.txt|dist\/page\/.+\.(?:html|css|svg|LICENSE)|config\/.+\.(?:yaml|json|md|service|svg)|config\/completion\/outrider\.(?:bash|fish|zsh)|proxy\.config\.yaml|package\.json|README\.md|LICENSE)$/;
  t.deepEqual(
    paths.filter((path) => !allowed.test(path)),
    [],
  );
  const profiles = readdirSync(join(ROOT, 'config/profiles')).map((name) => `config/profiles/${name}`);
  const needed = [
    'dist/outrider.cjs',
    'dist/types/index.d.ts',
    'dist/page/index.html',
    'dist/page/main.js',
    'dist/page/preact.js',
    'proxy.config.yaml',
    'LICENSE',
    'README.md',
    ...profiles,
    'config/completion/outrider.bash',
  ];
  t.deepEqual(
    needed.filter((path) => !paths.includes(path)),
    [],
  );
});

test('the package is small, and brings no other with it', (t) => {
  t.deepEqual(
    readdirSync(join(installed, '..')).filter((name) => !name.startsWith('.')),
    ['outrider'],
  );
  const files = globSync('**', { cwd: installed, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  t.log(`${(bytes / 1024 ** 2).toFixed(1)} MiB installed`);
  t.true(bytes < 8 * 1024 ** 2);
});

test('the libraries that are built in have their licences told', (t) => {
  const told = readFileSync(join(installed, 'dist/licenses.txt'), 'utf8');
  // Those that the sources import, and some that come with these.
  const names = [
    '@opentelemetry/api',
    '@opentelemetry/core',
    '@opentelemetry/otlp-transformer',
    '@opentelemetry/resources',
    '@opentelemetry/sdk-trace',
    '@peculiar/x509',
    '@redis/client',
    'commander',
    'http-proxy',
    'node-cache',
    'prom-client',
    'winston',
    'yaml',
    'zod',
  ];
  for (const name of [...names, 'asn1js', 'eventemitter3', 'logform', 'tdigest', 'tslib']) {
    t.regex(told, new RegExp(`^Name: ${name}\n`, 'm'));
  }
  t.true((told.match(/^License Text:$/gm) ?? []).length > names.length);
});

test('the built command line checks the shipped config, with the shipped profiles', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/outrider.cjs', 'check'], {
    cwd: installed,
    encoding: 'utf8',
  });
  t.is(status, 0, stderr);
});

// Before the others: they wait for programs in such a way that nothing else in this process goes on.
test.serial('the package serves the page at its admin address, with all that it loads', async (t) => {
  const child = spawn(process.execPath, [join(installed, 'dist/outrider.cjs'), 'start'], {
    cwd: installed,
    env: { ...process.env, OUTRIDER_LISTEN: '127.0.0.1:0', OUTRIDER_ADMIN: '127.0.0.1:0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (said += chunk));
  const address = (): string | undefined => /^ +admin +(http\S+)/m.exec(said)?.[1];
  await until('the address', () => address() !== undefined, 40_000);
  const html = await (await fetch(`${address()}/`)).text();
  const files = [...html.matchAll(/"(\/page\/[^"]+)"/g)].map(([, path]) => path);
  t.true(files.length > 6, html);
  for (const path of files) {
    const answer = await fetch(`${address()}${path}`);
    t.is(answer.status, 200, path);
    t.true((await answer.text()).length > 0, path);
  }
});

test('the built command answers for its version and for health by itself, and hands on what it does not know', (t) => {
  const outrider = (...args: readonly string[]) =>
    spawnSync(process.execPath, [join(installed, 'dist/outrider.cjs'), ...args], { cwd: dir, encoding: 'utf8' });
  const version = outrider('--version');
  t.is(version.stdout, `${(JSON.parse(text('package.json')) as { version: string }).version}\n`);
  const health = outrider('health', '--admin', '127.0.0.1:9');
  t.is(health.status, 1);
  t.regex(health.stderr, /^error\[not_running\]: nothing answers on 127\.0\.0\.1:9: /);
  const config = join(dir, 'odd.yaml');
  writeFileSync(config, '{ "admin": { "address": "127.0.0.1:9" } }\n');
  t.regex(outrider('health', '--config', config).stderr, /^error\[not_running\]: nothing answers on 127\.0\.0\.1:9: /);
  t.is(outrider('health', '--what').status, 2);
  t.regex(outrider('health', '--help').stdout, /--wait <duration>/);
  t.regex(outrider('--help').stdout, /^Usage: outrider/);
});

test('what is asked often is answered by the launcher alone: no file of the rest is opened', (t) => {
  const alone = join(dir, 'alone');
  for (const name of ['package.json', 'proxy.config.yaml', 'dist/outrider.cjs', 'dist/launch.js'])
    cpSync(join(installed, name), join(alone, name));
  cpSync(join(installed, 'config/profiles'), join(alone, 'config/profiles'), { recursive: true });
  writeFileSync(join(alone, 'admin.yaml'), 'admin: { address: "127.0.0.1:9" }\n');
  const outrider = (...args: readonly string[]) =>
    spawnSync(process.execPath, [join(alone, 'dist/outrider.cjs'), ...args], { cwd: alone, encoding: 'utf8' });
  const answers: readonly (readonly [args: readonly string[], output: RegExp])[] = [
    [['--version'], /^\d+\.\d+\.\d+\n$/],
    [['health', '--admin', '127.0.0.1:9'], /^error\[not_running\]/],
    [['health', '--config', 'admin.yaml'], /^error\[not_running\]/],
    [['completion', '--words', '--', 'token', 'pho'], /^phonepe\n/],
    [['completion', '--words', '--', 'init', 'phonepe'], /^phonepe\n/],
  ];
  for (const [args, output] of answers) {
    const { stdout, stderr } = outrider(...args);
    t.regex(stdout + stderr, output, args.join(' '));
  }
  t.regex(outrider('check').stderr, /ERR_MODULE_NOT_FOUND/, 'positive control');
});

test('what is installed sends its spans to a collector, and opens the libraries for them only then', async (t) => {
  t.timeout(120_000);
  const collector = await startCollector(t);
  const traced = `${SIMULATED}tracing: { endpoint: "${collector.origin}" }\n`;
  const proxy = await startProxy(t, traced, [], { script: join(installed, 'dist/outrider.cjs') });
  t.is((await httpCall(proxy.origin, '/phonepe/checkout/v2/order/order-1/status')).status, 404);
  proxy.kill('SIGTERM');
  t.is(await proxy.exit, 0, proxy.stderr());
  t.deepEqual(collector.spans.map(({ kind, name }) => `${kind} ${name}`).toSorted(), [
    'client GET',
    'client renew',
    'internal wait for token',
    'server GET pay',
  ]);
  t.like(collector.posts[0]?.resource, { 'service.name': 'outrider' });

  const without = join(dir, 'without-tracing');
  cpSync(installed, without, { recursive: true });
  rmSync(join(without, 'dist/chunks/tracing.js'));
  const script = join(without, 'dist/outrider.cjs');
  const untraced = await startProxy(t, SIMULATED, [], { script });
  t.is((await httpCall(untraced.origin, '/phonepe/checkout/v2/order/order-1/status')).status, 404);
  const file = join(dir, 'traced.yaml');
  writeFileSync(file, traced);
  const { stderr } = await runCommand(t, ['start', '--config', file], { script });
  t.regex(stderr, /Cannot find module .*tracing\.js/, 'positive control');
});

/** A command of the package, in a directory of its own and with nothing of ours in its environment. */
function inPackage(...args: readonly string[]): {
  readonly cwd: string;
  readonly status: number | null;
  readonly said: string;
} {
  const cwd = mkdtempSync(join(dir, 'cwd-'));
  const env = { PATH: process.env['PATH'], HOME: cwd, NO_COLOR: '1' };
  const program = join(installed, 'dist/outrider.cjs');
  const ended = spawnSync(process.execPath, [program, ...args], { cwd, env, encoding: 'utf8', timeout: 60_000 });
  return { cwd, status: ended.status, said: ended.stdout + ended.stderr };
}

test('the commands that read what is shipped find it in the package', (t) => {
  t.timeout(180_000);
  const init = inPackage('init', 'phonepe');
  t.is(init.status, 0, init.said);
  t.true(existsSync(join(init.cwd, '.env.example')));
  const [, schema = ''] =
    /^# yaml-language-server: \$schema=(.*)$/m.exec(readFileSync(join(init.cwd, 'proxy.config.yaml'), 'utf8')) ?? [];
  t.is(schema, pathToFileURL(join(installed, 'config/proxy.schema.json')).href);
  const completion = inPackage('completion', 'bash');
  t.is(completion.status, 0, completion.said);
  t.regex(completion.said, /^complete .* outrider$/m);
  const explain = inPackage('check', '--explain', 'host_denied');
  t.is(explain.status, 0, explain.said);
  t.regex(explain.said, /host_denied/);
  t.regex(explain.said, /403/);
  const doctor = inPackage('doctor', '--offline', '--config', join(installed, 'proxy.config.yaml'));
  t.regex(doctor.said, / ok +config +\S+: \d+ routes, \d+ providers$/m);
  t.regex(doctor.said, /none was asked for anything \(--offline\)/);
  const demo = inPackage('demo');
  t.is(demo.status, 0, demo.said);
  t.regex(demo.said, /^200 of 200 answered · 1 token call · 0 callers saw the 401$/m);
});

test('nothing of the package writes into it: what writes the derived files is not in it', (t) => {
  const texts = globSync('dist/**/*.js', { cwd: installed }).map((file) => readFileSync(join(installed, file), 'utf8'));
  t.true(
    texts.some((each) => each.includes('proxy.schema.json')),
    'positive control',
  );
  t.false(texts.some((each) => each.includes('npm run reference') || each.includes('import.meta.main')));
});

const EXAMPLE = /^## Installed, and as a library$[^]*?^```js\n([^]*?)^```$/m.exec(text('README.md'))?.[1] ?? '';

/** The README's example, in a file of the project that has nothing but the package. */
function example(name: string): { readonly project: string; readonly status: number | null; readonly said: string } {
  const project = join(installed, '../..');
  writeFileSync(join(project, name), EXAMPLE);
  const { status, stdout, stderr } = spawnSync(process.execPath, [name], {
    cwd: project,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { project, status, said: stdout + stderr };
}

test("the README's example of the library runs in an empty project, in JavaScript", (t) => {
  const { status, said } = example('example.js');
  t.is(status, 0, said);
  t.regex(said, /^200 /m);
});

test("the README's example of the library runs in an empty project, in TypeScript, and its types are strict", (t) => {
  const { project, status, said } = example('example.ts');
  t.is(status, 0, said);
  const tsc = (file: string) =>
    spawnSync(
      process.execPath,
      [
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        '--noEmit',
        '--strict',
        '--exactOptionalPropertyTypes',
        '--module',
        'nodenext',
        '--target',
        'es2024',
        '--lib',
        'es2024,dom',
        '--types',
        '',
        file,
      ],
      { cwd: project, encoding: 'utf8' },
    );
  t.is(tsc('example.ts').stdout, '');
  writeFileSync(
    join(project, 'wrong.ts'),
    `import { createProxy } from 'outrider';
import { startSimulator } from 'outrider/simulator';
createProxy({ rotues: [] });
createProxy({ forward: { mode: 'all' } });
createProxy({ forward: { mode: '\${MODE}' } }).events.on('exchange', ({ status }) => status.length);
await startSimulator({ ports: 1 });
`,
  );
  t.deepEqual(
    [...tsc('wrong.ts').stdout.matchAll(/^wrong\.ts\((\d+),\d+\): error/gm)].map(([, line]) => line),
    ['3', '4', '5', '6'],
  );
});

/** Tests the command that `npm install -g` makes with the newest Node of a major version. */
function onNode(major: number, title: string, implementation: (t: ExecutionContext, outrider: Outrider) => void): void {
  const node = findNode(major);
  // In CI every one must be there.
  if ('missing' in node && !process.env['CI']) test.skip(`${title} (${node.missing})`, () => undefined);
  else test(title, (t) => implementation(t, installGlobally(major, 'program' in node ? node.program : node.missing)));
}

for (const major of [24, 26]) {
  onNode(major, `npm install -g makes a command that works on Node ${major}`, (t, outrider) => {
    const { said, status } = outrider('--version');
    t.is(status, 0, said);
    t.is(said, `${(JSON.parse(text('package.json')) as { version: string }).version}\n`);
    const config = join(dir, 'global.yaml');
    writeFileSync(config, 'routes: [{ match: { path: /a }, upstream: "http://127.0.0.1:9" }]\n');
    const check = outrider('check', '--config', config);
    t.is(check.status, 0, check.said);
  });
}

onNode(20, 'on an older Node the command says so in one sentence', (t, outrider) => {
  for (const args of [['--version'], ['start'], []]) {
    const { said, status } = outrider(...args);
    t.is(status, 1);
    t.regex(said, /^outrider needs Node 24\.12 or newer; \S+ is 20\.\d+\.\d+\.\n$/);
  }
});

test('the image is built in stages, and nothing of the build goes into it but dist', (t) => {
  const names = stages().map(([from]) => / AS (\w+)$/.exec(from?.args ?? '')?.[1]);
  t.true(names.length > 1);
  t.false(image.some(({ word, args }) => word === 'RUN' && args.includes('npm')));
  const copies = argsOf('COPY').filter((args) => args.startsWith('--from='));
  t.deepEqual(copies, ['--from=build /build/dist dist']);
  const build = (stages()[names.indexOf('build')] ?? []).filter(({ word }) => word === 'RUN').map(({ args }) => args);
  // What a dependency would run at its installation is not wanted.
  t.deepEqual(build, ['npm ci --ignore-scripts', 'npm run build']);
});

test('everything that the image copies exists, and .dockerignore lets it through', (t) => {
  t.true(text('.dockerignore').split('\n').includes('*'));
  for (const { word, args } of stages().flat()) {
    if (word !== 'COPY' || args.startsWith('--from=')) continue;
    for (const source of args.split(' ').slice(0, -1)) {
      t.true(existsSync(join(ROOT, source)), source);
      t.true(context.includes(source), source);
    }
  }
});

test('the image runs as a user who is not root', (t) => {
  t.regex(argsOf('USER').at(-1) ?? '', /^[1-9]\d*:[1-9]\d*$/);
});

test('the image stops by SIGTERM, which an init that reaps hands on to the proxy', (t) => {
  t.deepEqual(argsOf('STOPSIGNAL'), ['SIGTERM']);
  t.deepEqual(exec(argsOf('ENTRYPOINT')[0]), ['tini', '-s', '--', 'node', 'dist/outrider.cjs']);
  t.deepEqual(exec(argsOf('CMD')[0]), ['start']);
});

test('the image says what it is, and its version is that of the package', (t) => {
  const { version, license } = JSON.parse(text('package.json')) as { version: string; license: string };
  t.deepEqual(
    argsOf('ARG').filter((args) => args.startsWith('VERSION')),
    [`VERSION=${version}`],
  );
  t.true(argsOf('LABEL').join(' ').includes(`org.opencontainers.image.licenses="${license}"`));
  t.true(existsSync(join(ROOT, 'LICENSE')) && argsOf('COPY').some((args) => args.split(' ').includes('LICENSE')));
});

test('the image is asked for its health by a command of its own, without a shell', (t) => {
  t.deepEqual(exec(/CMD .*$/.exec(argsOf('HEALTHCHECK')[0] ?? '')?.[0]), ['node', 'dist/outrider.cjs', 'health']);
});

test('the image runs the Node that the project is developed with, pinned by its digest, unless another base is named', (t) => {
  const { devDependencies } = JSON.parse(text('package.json')) as { devDependencies: Record<string, string> };
  const [, version, variant] = /^ARG BASE=node:([\d.]+)-(\w+-slim)@sha256:[\da-f]{64}$/m.exec(text('Dockerfile')) ?? [];
  t.is(version, devDependencies['node']);
  t.truthy(variant);
  const bases = stages().map(([from]) => from?.args.split(' ')[0]);
  t.deepEqual([...new Set(bases)], ['${BASE}']);
});
