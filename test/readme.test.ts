import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Installed, or no test would run; started before the tests; and the tests are these. */
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
  text.replaceAll('/run/secrets', secrets).replaceAll('typo.yaml', join(dir, 'typo.yaml'));
const config = withFiles(ofKind('yaml')[0]?.text ?? '');

let proxy: ChildProcess;
let output = '';
/** What the README calls by its usual port, and the port that it has here. */
let ports: readonly (readonly [RegExp, string])[] = [];

async function startAsTold(): Promise<void> {
  Object.assign(env, { OUTRIDER_LISTEN: '127.0.0.1:0', OUTRIDER_ADMIN: '127.0.0.1:0', OUTRIDER_CONFIG: '' });
  // A group of its own, since npm starts the proxy through a shell.
  proxy = spawn('npm', ['start'], { cwd: ROOT, env: { ...process.env, ...env }, detached: true });
  for (const stream of [proxy.stdout, proxy.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const portOf = (name: string): string | undefined => new RegExp(`^  ${name} +http://(\\S+)`, 'm').exec(output)?.[1];
  await until('the banner', () => portOf('proxy') !== undefined && output.includes('Try it:'), 30_000);
  ports = [
    [/127\.0\.0\.1:8080/g, portOf('proxy') as string],
    [/127\.0\.0\.1:8081/g, portOf('admin') as string],
    [/127\.0\.0\.1:36067/g, portOf('simulator') as string],
  ];
  // `health` asks where the config says.
  env['OUTRIDER_ADMIN'] = portOf('admin') as string;
}

/** Runs one command line of the README, curl with these defaults; both its outputs, as a terminal shows them. */
function sh(command: string, curl: 'show' | 'fail'): { status: number | null; shown: string } {
  const line = ports.reduce((text, [told, real]) => text.replaceAll(told, real), withFiles(command));
  const { status, stdout } = spawnSync('bash', ['-c', `exec 2>&1; set -e; ${line}`], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env, NO_COLOR: '1', npm_config_loglevel: 'error', CURL_HOME: join(dir, curl) },
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
  for (const name of ['phonepe_client_secret', 'acme']) writeFileSync(join(secrets, name), 'secret-of-the-readme\n');
  writeFileSync(join(dir, 'typo.yaml'), config.replace('profile: phonepe', 'profile: phonpe'));
  for (const [name, defaults] of Object.entries({ show: 'silent\n', fail: 'silent\nfail\n' })) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, '.curlrc'), defaults);
  }
  await startAsTold();
});

test.after.always(async () => {
  const group = proxy?.pid;
  if (group !== undefined) {
    const closed = once(proxy, 'close');
    process.kill(-group, 'SIGINT');
    await closed;
  }
  rmSync(dir, { recursive: true, force: true });
});

test('every block of the README is of a kind that is run here', (t) => {
  t.deepEqual([...new Set(blocks.map(({ kind }) => kind))].toSorted(), ['console', 'http', 'js', 'sh', 'yaml']);
  // The example of the library is run from the package: test/package.test.ts.
  t.is(ofKind('js').length, 1);
  t.is(README.match(/^```\S+$/gm)?.length, blocks.length);
});

for (const { line, kind, text } of blocks.filter((block) => block.kind === 'sh')) {
  runs(`the commands at line ${line} of the README work${why}`, (t) => {
    const lines = text.trimEnd().split('\n');
    for (const script of lines.flatMap((each) => FIRST_RUN.exec(each)?.[1] ?? [])) t.truthy(scripts[script], script);
    const { status, shown } = sh(lines.filter((each) => !FIRST_RUN.test(each)).join(' && ') || ':', 'fail');
    t.is(status, 0, `${kind}: ${shown}`);
  });
}

test('the first screen of the README says how to start it and how to test it', (t) => {
  const screen = README.split('\n').slice(0, 40);
  const told = screen.flatMap((each) => FIRST_RUN.exec(each)?.[1] ?? []);
  t.deepEqual(told, ['start', 'test']);
  t.regex(output, /is running/);
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
