import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'ava';
import { loadConfig } from '../src/config/load.ts';
import { until } from './helpers/http1.ts';
import { startOutrider } from './helpers/outrider.ts';
import { ask } from './helpers/raw.ts';
import { startUpstream } from './helpers/upstream.ts';

const ROOT = join(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

interface Block {
  readonly line: number;
  readonly kind: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...README.matchAll(/^```(\S*)\n([^]*?)^```$/gm)].map(
  ({ index, 1: kind, 2: text }) => ({
    line: README.slice(0, index).split('\n').length,
    kind: kind as string,
    text: text as string,
  }),
);
const ofKind = (kind: string): Block[] => blocks.filter((block) => block.kind === kind);

/** Installed already, or no test would run. The proxy is started before the tests, and the tests are these. */
const FIRST_RUN = /^npm ci && npm (start|test)(?: +#.*)?$/;
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const env: Record<string, string> = {
  PHONEPE_CLIENT_ID: 'id-of-the-readme',
  PHONEPE_CLIENT_VERSION: '1',
};

const dir = mkdtempSync(join(tmpdir(), 'outrider-readme-'));
const secrets = join(dir, 'secrets');
/** With the files of the machine that the README speaks of in a directory of the test. */
const withFiles = (text: string): string =>
  text
    .replaceAll('/run/secrets', secrets)
    .replaceAll('typo.yaml', join(dir, 'typo.yaml'))
    .replaceAll('--dir shop', `--dir ${join(dir, 'shop')}`)
    .replaceAll('cd shop', `cd ${join(dir, 'shop')}`);
const config = withFiles(ofKind('yaml')[0]?.text ?? '');

/** The directory of the program `outrider`, which does what the README's alias does. */
const bin = join(dir, 'bin');
const ALIAS = /^alias outrider="(.+)"$/m;

interface Proxy {
  readonly child: ChildProcess;
  /** What it has printed. */
  readonly output: () => string;
  /** The address that its banner names. */
  readonly addressOf: (name: 'proxy' | 'admin' | 'simulator') => string | undefined;
}

/** All that have been started. */
const started: Proxy[] = [];
let proxy: Proxy;
/** What the README calls by its usual port, and the port that it has here. */
let ports: readonly (readonly [RegExp, string])[] = [];

const withPrograms = (): Record<string, string | undefined> => ({
  ...process.env,
  ...env,
  PATH: `${bin}${delimiter}${process.env['PATH']}`,
});

/** Starts a proxy by a command, and waits for its banner. */
async function startProxy(command: string, args: readonly string[], config: string): Promise<Proxy> {
  let output = '';
  const own = { OUTRIDER_LISTEN: '127.0.0.1:0', OUTRIDER_ADMIN: '127.0.0.1:0', OUTRIDER_CONFIG: config };
  // A group of its own, since npm starts the proxy through a shell.
  const child = spawn(command, args, { cwd: ROOT, env: { ...withPrograms(), ...own }, detached: true });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const addressOf: Proxy['addressOf'] = (name) => new RegExp(`^  ${name} +http://(\\S+)`, 'm').exec(output)?.[1];
  const result = { child, output: () => output, addressOf };
  started.push(result);
  await until('the banner', () => addressOf('proxy') !== undefined && output.includes('Try it:'), 30_000);
  return result;
}

/** Starts the proxy as the first screen says, and one more for the example of a forward proxy, with the key named there. */
async function startAsTold(): Promise<void> {
  proxy = await startProxy('npm', ['start'], '');
  const [, forward = ''] = /^With `(forward: [^`]+)` in the sample config/m.exec(README) ?? [];
  const file = join(dir, 'forwarding.yaml');
  writeFileSync(file, `${readFileSync(join(ROOT, 'proxy.config.yaml'), 'utf8')}\n${forward}\n`);
  const forwarding = await startProxy('outrider', ['start'], file);
  ports = [
    [/(?<=-x http:\/\/)127\.0\.0\.1:8080/g, forwarding.addressOf('proxy') as string],
    [/127\.0\.0\.1:8080/g, proxy.addressOf('proxy') as string],
    [/127\.0\.0\.1:8081/g, proxy.addressOf('admin') as string],
    [/127\.0\.0\.1:36067/g, proxy.addressOf('simulator') as string],
  ];
  // `health` asks where the config says.
  Object.assign(env, {
    OUTRIDER_LISTEN: '127.0.0.1:0',
    OUTRIDER_ADMIN: proxy.addressOf('admin') as string,
    OUTRIDER_CONFIG: '',
  });
}

/** The README's text with the addresses that things have here. */
const withPorts = (text: string): string =>
  ports.reduce((before, [told, real]) => before.replaceAll(told, real), withFiles(text));

/** Runs command lines of the README in one shell, curl with these defaults. Returns both outputs, as a terminal shows them. */
function sh(commands: string, curl: 'show' | 'fail'): { status: number | null; shown: string } {
  const { status, stdout } = spawnSync('bash', ['-c', `exec 2>&1; set -e; ${withPorts(commands)}`], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...withPrograms(), NO_COLOR: '1', npm_config_loglevel: 'error', CURL_HOME: join(dir, curl) },
  });
  return { status, shown: stdout };
}

/** What the README shows, `…` standing for any text, as a pattern. */
const pattern = (shown: string): RegExp =>
  new RegExp(
    `^${withFiles(shown)
      .trimEnd()
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join('[^]*?')}\\s*$`,
  );

const isMissing = (program: string): boolean => spawnSync(program, ['--version']).error !== undefined;
const missing = ['bash', 'curl'].filter(isMissing);
/** In CI every program must be there. */
const runs = missing.length === 0 || process.env['CI'] ? test.serial : test.serial.skip;
const why = missing.length === 0 ? '' : ` (wants ${missing.join(' and ')})`;

test.before(async () => {
  mkdirSync(secrets);
  writeFileSync(join(secrets, 'phonepe_client_secret'), 'secret-of-the-readme\n');
  writeFileSync(join(dir, 'typo.yaml'), config.replace('profile: phonepe', 'profile: phonpe'));
  for (const [name, defaults] of Object.entries({ show: 'silent\n', fail: 'silent\nfail\n' })) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, '.curlrc'), defaults);
  }
  mkdirSync(bin);
  const [, program = ''] = ALIAS.exec(README) ?? [];
  const { stdout } = spawnSync('sh', ['-c', `printf %s "${program}"`], { cwd: ROOT, encoding: 'utf8' });
  writeFileSync(join(bin, 'outrider'), `#!/bin/sh\nexec ${stdout} "$@"\n`, { mode: 0o755 });
  await startAsTold();
});

test.after.always(async () => {
  for (const { child } of started) {
    if (child.pid === undefined || child.exitCode !== null) continue;
    const closed = once(child, 'close');
    process.kill(-child.pid, 'SIGINT');
    await closed;
  }
  rmSync(dir, { recursive: true, force: true });
});

test('every block of the README is of a kind that is run here', (t) => {
  t.deepEqual([...new Set(blocks.map(({ kind }) => kind))].toSorted(), ['console', 'diff', 'http', 'js', 'sh', 'yaml']);
  // The example of the library is run from the package: test/package.test.ts.
  t.is(ofKind('js').length, 1);
  t.is(README.match(/^```\S+$/gm)?.length, blocks.length);
});

for (const { line, kind, text } of blocks.filter((block) => block.kind === 'sh')) {
  runs(`the commands at line ${line} of the README work${why}`, (t) => {
    const lines = text.trimEnd().split('\n');
    for (const script of lines.flatMap((each) => FIRST_RUN.exec(each)?.[1] ?? [])) t.truthy(scripts[script], script);
    const { status, shown } = sh(lines.filter((each) => !FIRST_RUN.test(each)).join('\n') || ':', 'fail');
    t.is(status, 0, `${kind}: ${shown}`);
  });
}

test('the first screen of the README says how to start it, how to test it, and what to look at', (t) => {
  const screen = README.split('\n').slice(0, 25);
  const told = screen.flatMap((each) => FIRST_RUN.exec(each)?.[1] ?? []);
  t.deepEqual(told, ['start', 'test']);
  t.regex(proxy.output(), /is running/);
  t.true(screen.some((each) => /^npx node src\/cli\.ts demo\b/.test(each)));
});

for (const { line, text } of ofKind('console')) {
  runs(`the README shows at line ${line} what the commands there print${why}`, (t) => {
    for (const part of text.split(/^\$ /m).slice(1)) {
      const [command = '', ...told] = part.split('\n');
      t.regex(sh(command, 'show').shown, pattern(told.join('\n')), command);
    }
  });
}

for (const { line, text } of ofKind('yaml')) {
  test(`the config at line ${line} of the README is valid`, (t) => {
    const file = join(dir, `line-${line}.yaml`);
    writeFileSync(file, withFiles(text));
    t.deepEqual(loadConfig(file, { env }).diagnostics, []);
  });
}

test('the request before becomes the request after, byte for byte', async (t) => {
  const [before, after] = ofKind('http').map(({ text }) => text.trimEnd().replaceAll('\n', '\r\n')) as [string, string];
  const provider = await startUpstream(t, async (arrival) => {
    await arrival.body();
    const token = { access_token: 'eyJhbGciOiJIUzI1NiJ9.e30.signature', token_type: 'O-Bearer', expires_in: 3600 };
    await arrival.reply(200, { headers: ['content-type', 'application/json'], body: JSON.stringify(token) });
  });
  const here = `{ token: "${provider.origin}/token", api: "${provider.origin}/apis/pg" }`;
  const yaml = config.replace('environment: production', `environment: production\n    endpoints: ${here}`);
  const outrider = await startOutrider(t, yaml, { env });
  const answer = await ask(t, outrider.port, before);
  t.is(answer.status, 200);
  const call = await provider.request(2);
  const body = await call.body();
  const arrived = call.head.replace(provider.authority, 'api.phonepe.com') + body.bytes.toString();
  t.regex(arrived, pattern(after));
});

/** The program on one side of a diff. */
const sideOf = (diff: string, mark: '-' | '+'): string =>
  diff
    .split('\n')
    .flatMap((line) => (line.startsWith(mark) || line.startsWith(' ') ? [line.slice(1)] : []))
    .join('\n');

for (const { line, text } of ofKind('diff')) {
  test(`the application at line ${line} of the README gets the same answer before and after`, (t) => {
    const provider = `http://${proxy.addressOf('simulator')}/phonepe/apis/pg-sandbox`;
    // The simulator takes the credentials of the config that it was started with, and its own where there is none.
    const before = { ...env, PHONEPE_CLIENT_SECRET: 'test' };
    const answers = (
      [
        ['-', 'before', before],
        ['+', 'after', {}],
      ] as const
    ).map(([mark, name, credentials]) => {
      const application = withPorts(sideOf(text, mark))
        .replaceAll('https://api.phonepe.com/apis/identity-manager', provider)
        .replaceAll('https://api.phonepe.com/apis/pg', provider);
      const order = { merchantOrderId: name, amount: 1000, paymentFlow: { type: 'PG_CHECKOUT' } };
      const shown = 'console.log(answer.status, (await answer.json()).state);';
      const script = `${application}\nconst answer = await pay(${JSON.stringify(order)});\n${shown}`;
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
        encoding: 'utf8',
        env: { ...process.env, ...credentials },
      });
      return stdout || stderr;
    });
    t.deepEqual(answers, ['200 PENDING\n', '200 PENDING\n']);
  });
}
