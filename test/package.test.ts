import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
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
let packed: { readonly filename: string; readonly files: readonly { readonly path: string }[] };

/** Runs a program to its end; what it said is in the error when it failed. */
function run(cwd: string, program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

// Built from nothing but what the image is built from, so that a missing file shows.
test.before(() => {
  dir = mkdtempSync(join(tmpdir(), 'outrider-package-'));
  const checkout = join(dir, 'checkout');
  for (const entry of [...context, 'LICENSE', 'README.md', 'CHANGELOG.md']) {
    cpSync(join(ROOT, entry), join(checkout, entry), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  // It builds, too.
  [packed] = JSON.parse(run(checkout, 'npm', 'pack', '--silent', '--json', '--pack-destination', dir)) as [
    typeof packed,
  ];
  run(dir, 'tar', 'xzf', packed.filename);
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'package/node_modules'));
});

test.after.always(() => rmSync(dir, { recursive: true, force: true }));

test('the package holds what runs, and nothing else', (t) => {
  const paths = packed.files.map(({ path }) => path);
  const allowed =
    /^(?:dist\/.+\.js|dist\/page\/.+\.(?:html|css|svg|LICENSE)|config\/.+\.(?:yaml|json|md)|proxy\.config\.yaml|package\.json|README\.md|LICENSE)$/;
  t.deepEqual(
    paths.filter((path) => !allowed.test(path)),
    [],
  );
  const profiles = readdirSync(join(ROOT, 'config/profiles')).map((name) => `config/profiles/${name}`);
  const needed = [
    'dist/cli.js',
    'dist/page/index.html',
    'dist/page/main.js',
    'dist/page/preact.js',
    'proxy.config.yaml',
    'LICENSE',
    'README.md',
    ...profiles,
  ];
  t.deepEqual(
    needed.filter((path) => !paths.includes(path)),
    [],
  );
});

test('the built command line checks the shipped config, with the shipped profiles', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/cli.js', 'check'], {
    cwd: join(dir, 'package'),
    encoding: 'utf8',
  });
  t.is(status, 0, stderr);
});

test('the package serves the page at its admin address, with all that it loads', async (t) => {
  const child = spawn(process.execPath, ['dist/cli.js', 'start'], {
    cwd: join(dir, 'package'),
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

test('the command that the package installs can be run by a shell', (t) => {
  t.true(readFileSync(join(dir, 'package/dist/cli.js'), 'utf8').startsWith('#!/usr/bin/env node\n'));
});

test('the image is built in stages, and nothing of the build goes into it but dist', (t) => {
  const names = stages().map(([from]) => / AS (\w+)$/.exec(from?.args ?? '')?.[1]);
  t.true(names.length > 1);
  t.false(image.some(({ word, args }) => word === 'RUN' && args.includes('npm')));
  const copies = argsOf('COPY').filter((args) => args.startsWith('--from='));
  for (const copy of copies) {
    const [from = '', source = ''] = copy.slice('--from='.length).split(' ');
    const stage = stages()[names.indexOf(from)] ?? [];
    if (source.endsWith('node_modules'))
      t.true(
        stage.some(({ args }) => args.startsWith('npm ci --omit=dev')),
        copy,
      );
    else t.regex(source, /\/dist$/);
  }
  t.is(copies.length, 2);
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

test('the image stops by SIGTERM, which reaches the proxy itself', (t) => {
  t.deepEqual(argsOf('STOPSIGNAL'), ['SIGTERM']);
  t.deepEqual(exec(argsOf('ENTRYPOINT')[0]), ['node', 'dist/cli.js']);
  t.deepEqual(exec(argsOf('CMD')[0]), ['start']);
});

test('the image is asked for its health by a command of its own, without a shell', (t) => {
  t.deepEqual(exec(/CMD .*$/.exec(argsOf('HEALTHCHECK')[0] ?? '')?.[0]), ['node', 'dist/cli.js', 'health']);
});

test('the image runs the Node that the project is developed with', (t) => {
  const { devDependencies } = JSON.parse(text('package.json')) as { devDependencies: Record<string, string> };
  const major = devDependencies['node']?.split('.')[0];
  const bases = stages().map(([from]) => from?.args.split(' ')[0]);
  t.deepEqual([...new Set(bases)], [`node:${major}-slim`]);
});
