import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { CERTIFICATE } from '../contract/certificate.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { CLIENTS, has } from './commands.ts';
import { checksOf, DOORS, STRANGER, type Session } from './doors.ts';
import { startEgressProxy, type EgressProxy } from './egress-proxy.ts';
import { makeRepositories, startProvider, type Provider } from './provider.ts';
import { playExec, playIntercepted, playStarted, type Played } from './sessions.ts';
import { faults, table, type Results } from './verdict.ts';
import { CLIENTS_PAGE, clientsPage, writtenTable } from '../reference/clients-page.ts';
import { IS_SLOW } from '../helpers/slow.ts';

/** Too large to be had for a test. */
const TOOLCHAINS: ReadonlySet<string> = new Set(['javac']);
/** They take long, or are much like another. */
const SELDOM: ReadonlySet<string> = new Set(['Go net/http', 'Java HttpClient', 'axios 1.13', 'Python http.client']);

const isTried = (name: string): boolean => IS_SLOW || !SELDOM.has(name);
const installed = new Map(CLIENTS.map(({ name, needs }) => [name, isTried(name) && has(needs)]));
let played: Readonly<Record<Session, Played>>;
let provider: Provider;
let egress: EgressProxy;

const undo: (() => unknown)[] = [];
/** A hook has no teardown of its own. */
const hook = { teardown: (step: () => unknown) => void undo.push(step) } as unknown as ExecutionContext;
test.after.always(async () => {
  for (const step of undo.toReversed()) await step();
});

function build(dir: string): void {
  const programs = join(import.meta.dirname, 'programs');
  const commands: Readonly<Record<string, readonly string[]>> = {
    'Go net/http': ['go', 'build', '-o', join(dir, 'client'), join(programs, 'client.go')],
    'Java HttpClient': [
      'javac',
      '-J-XX:TieredStopAtLevel=1',
      '-J-XX:+UseSerialGC',
      '-d',
      dir,
      join(programs, 'Client.java'),
    ],
  };
  for (const [name, [command = '', ...args]] of Object.entries(commands)) {
    if (!installed.get(name)) continue;
    const { status, stderr } = spawnSync(command, args, { cwd: dir, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
  }
}

test.before(async (t) => {
  t.timeout(240_000);
  const dir = mkdtempSync(join(tmpdir(), 'outrider-clients-'));
  hook.teardown(() => rmSync(dir, { recursive: true, force: true }));
  if (installed.get('git ls-remote')) makeRepositories(dir);
  build(dir);
  writeFileSync(join(dir, 'root.pem'), CERTIFICATE);
  provider = await startProvider(hook, dir);
  egress = await startEgressProxy(hook);
  const { url: tokenUrl } = await startTokenEndpoint(hook);
  const clients = CLIENTS.filter(({ name }) => installed.get(name));
  const given = { dir, clients, port: provider.port, tokenUrl, egress: `http://127.0.0.1:${egress.port}` };
  const [bare, plain, intercept, intercepted] = await Promise.all([
    playExec(given),
    playStarted(hook, given, 'plain'),
    playStarted(hook, given, 'intercept'),
    playIntercepted(given),
  ]);
  played = { exec: bare, plain, intercept, 'exec --intercept': intercepted };
});

const results = (): Results =>
  Object.fromEntries(
    CLIENTS.map(({ name }) => [name, Object.assign({}, ...Object.values(played).map((one) => one.results[name]))]),
  );

for (const client of CLIENTS) {
  const isThere = installed.get(client.name) === true;
  const isMissed = isTried(client.name) && process.env['CI'] && !TOOLCHAINS.has(client.needs);
  const maybe = isThere || isMissed ? test : test.skip;
  const reason = isTried(client.name) ? `there is no ${client.needs}` : 'set OUTRIDER_SLOW_TESTS to run';
  for (const door of DOORS) {
    const [first] = checksOf(client, door);
    if (first === undefined) continue;
    const title =
      first === 'refused'
        ? `${client.name} is told that https:// can't be tunnelled in mode plain`
        : `${client.name} works with ${door.title}`;
    maybe(isThere ? title : `${title} (skipped: ${reason})`, (t) => {
      t.deepEqual(faults(client, door, results()), []);
    });
  }
}

test('not one request came without the credential', (t) => {
  t.deepEqual(
    provider.seen.filter(({ isNaked }) => isNaked),
    [],
  );
});

test('what is refused reaches nobody', (t) => {
  t.deepEqual(
    provider.seen.filter(({ line }) => line.includes('/refused')),
    [],
  );
  t.deepEqual(
    egress.asked.filter(({ line }) => line.includes(STRANGER)),
    [],
  );
});

test('under exec without --intercept there are the base URLs, and no variable leads to a proxy', (t) => {
  const { variables } = played.exec;
  t.regex(variables['OUTRIDER_URL_API'] ?? '', /^http:\/\/127\.0\.0\.1:\d+\/api$/);
  t.deepEqual(
    Object.keys(variables).filter((name) => /proxy/i.test(name)),
    [],
  );
});

test('the table of the reference is what this run shows', (t) => {
  const written = writtenTable();
  const shown = table(results(), (client) =>
    installed.get(client.name) ? undefined : written.split('\n').find((line) => line.startsWith(`| ${client.name} `)),
  );
  if (process.env['OUTRIDER_WRITE_TABLE']) writeFileSync(CLIENTS_PAGE, clientsPage(shown));
  else t.is(written, shown);
});
