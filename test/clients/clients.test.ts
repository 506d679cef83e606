import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { CLI } from '../commands/run.ts';
import { tokenYaml } from '../contract/given.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { CLIENTS, has, type Client, type Command, type Door } from './commands.ts';
import { startEgressProxy } from './egress-proxy.ts';

interface Result {
  readonly code: number;
  readonly text: string;
  readonly stderr: string;
  readonly bytes: number;
  readonly sha256: string;
}

const HOST = 'api.provider.test';
const ROOT = join(import.meta.dirname, '../..');
const BIG = Buffer.alloc(8 * 1024 * 1024, 'What is large comes whole. ');
const BIG_SHA256 = createHash('sha256').update(BIG).digest('hex');
/** Too large to be had for a test. */
const TOOLCHAINS: ReadonlySet<string> = new Set(['go', 'javac']);
const CHECKS = ['get', 'post', 'renew', 'big', 'stranger'] as const;
type Check = (typeof CHECKS)[number];

const installed = new Map(CLIENTS.map((client) => [client.name, has(client.needs)]));
let results: Readonly<Record<string, Readonly<Record<string, Result>>>> = {};
/** Every request that came without the credential. */
const naked: string[] = [];

/** A provider on TLS: a token is needed for everything. */
async function startProvider(repository: string): Promise<https.Server> {
  const rejected = new Map<string, string>();
  const server = https.createServer({ key: CERTIFICATE_KEY, cert: CERTIFICATE }, (req, res) => {
    const { pathname, search } = new URL(req.url ?? '', 'https://x');
    const token = req.headers.authorization ?? '';
    if (!/^Bearer token-\d+$/.test(token)) naked.push(`${req.method} ${req.url}`);
    if (pathname === '/v1/renew' && (rejected.get(search) ?? token) === token) {
      rejected.set(search, token);
      res.writeHead(401).end('expired');
    } else if (pathname === '/v1/big') {
      res.end(BIG);
    } else if (pathname.startsWith('/v1/repo.git/')) {
      const file = join(repository, pathname.slice('/v1/repo.git/'.length));
      if (existsSync(file)) res.end(readFileSync(file));
      else res.writeHead(404).end();
    } else if (req.method === 'POST') {
      req.pipe(res);
    } else {
      res.end(`got ${search}`);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const DIRECT = { HTTP_PROXY: '', HTTPS_PROXY: '', http_proxy: '', https_proxy: '' };

/** What a client is to do, by name. */
function jobs(client: Client, port: number): Record<string, Command> {
  const bases: Readonly<Record<Door, string>> = {
    base: '${OUTRIDER_URL_API}',
    http: `http://${HOST}:${port}/v1`,
    https: `https://${HOST}:${port}/v1`,
  };
  const found: Record<string, Command> = client.prepare ? { prepare: client.prepare } : {};
  for (const door of client.doors) {
    const id = encodeURIComponent(`${client.name} ${door}`);
    const add = (check: Check, url: string, body?: string): void => {
      const command = client.command(url, body);
      if (command)
        found[`${door} ${check}`] = door === 'base' ? { ...command, env: { ...command.env, ...DIRECT } } : command;
    };
    if (client.fetches !== undefined) {
      add('get', bases[door] + client.fetches);
      continue;
    }
    add('get', `${bases[door]}/get?${id}`);
    if (door !== 'base') add('post', `${bases[door]}/post`, `from ${client.name}`);
    add('renew', `${bases[door]}/renew?${id}`);
    if (door !== 'base') add('big', `${bases[door]}/big`);
    if (door !== 'base') add('stranger', `${door}://stranger.test:${port}/`);
  }
  return found;
}

function git(cwd: string, ...args: readonly string[]): void {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'init.defaultBranch=main'];
  const { status, stderr } = spawnSync('git', [...who, ...args], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

const undo: (() => unknown)[] = [];
/** A hook has no teardown of its own. */
const hook = { teardown: (step: () => unknown) => void undo.push(step) } as unknown as ExecutionContext;
test.after.always(async () => {
  for (const step of undo) await step();
});

test.before(async (t) => {
  t.timeout(120_000);
  const dir = mkdtempSync(join(tmpdir(), 'outrider-clients-'));
  hook.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const repository = join(dir, 'work/.git');
  if (installed.get('git ls-remote')) {
    mkdirSync(join(dir, 'work'));
    git(join(dir, 'work'), 'init', '-q');
    git(join(dir, 'work'), 'commit', '-q', '--allow-empty', '-m', 'one');
    git(join(dir, 'work'), 'update-server-info');
  }
  const built = {
    'Go net/http': ['go', 'build', '-o', join(dir, 'client'), join(import.meta.dirname, 'programs/client.go')],
    'Java HttpClient': ['javac', '-d', dir, join(import.meta.dirname, 'programs/Client.java')],
  };
  for (const [name, [command = '', ...args]] of Object.entries(built)) {
    if (!installed.get(name)) continue;
    const { status } = spawnSync(command, args, { cwd: dir });
    if (status !== 0) installed.set(name, false);
  }
  const provider = await startProvider(repository);
  hook.teardown(() => (provider.closeAllConnections(), provider.close()));
  const { port } = provider.address() as AddressInfo;
  const egress = await startEgressProxy(hook);
  const tokens = await startTokenEndpoint(hook);
  writeFileSync(join(dir, 'root.pem'), CERTIFICATE);
  writeFileSync(
    join(dir, 'config.yaml'),
    `version: 1\n${tokenYaml(`https://${HOST}:${port}/v1`, tokens.url, { renew: '{ cooldown: 1ms }' })}`,
  );
  const all = CLIENTS.filter(({ name }) => installed.get(name)).map((client) => [client.name, jobs(client, port)]);
  writeFileSync(join(dir, 'jobs.json'), JSON.stringify(Object.fromEntries(all)));
  const child = spawn(
    process.execPath,
    [
      CLI,
      'exec',
      '--intercept',
      '--config',
      join(dir, 'config.yaml'),
      '--',
      process.execPath,
      join(import.meta.dirname, 'programs/runner.mjs'),
      join(dir, 'jobs.json'),
      join(dir, 'results.json'),
    ],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: {
        PATH: process.env['PATH'],
        HOME: dir,
        LANG: 'C.UTF-8',
        // The names exist for this proxy alone.
        HTTPS_PROXY: `http://127.0.0.1:${egress.port}`,
        HTTP_PROXY: `http://127.0.0.1:${egress.port}`,
        NODE_EXTRA_CA_CERTS: join(dir, 'root.pem'),
        GO_CLIENT: join(dir, 'client'),
        JAVA_CLASSES: dir,
        JAVA_STORE: join(dir, 'store'),
        GIT_CONFIG_GLOBAL: '/dev/null',
      },
    },
  );
  const [code] = (await once(child, 'close')) as [number];
  t.is(code, 0);
  results = JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8')) as typeof results;
});

/** What is wrong with a result; undefined: nothing. */
function fault(client: Client, door: Door, check: Check, result: Result): string | undefined {
  const said = `${client.name}, ${door}, ${check}: exit ${result.code}, ${result.bytes} bytes: ${result.text.slice(0, 300)} ${result.stderr.slice(0, 600)}`;
  const body = result.text.includes('\r\n\r\n') ? result.text.slice(result.text.indexOf('\r\n\r\n') + 4) : result.text;
  if (check === 'stranger') return result.code !== 0 && !result.text.includes('got') ? undefined : said;
  if (result.code !== 0) return said;
  const isOpenssl = client.needs === 'openssl';
  switch (check) {
    case 'big':
      return (isOpenssl ? result.bytes > BIG.length : result.sha256 === BIG_SHA256) ? undefined : said;
    case 'post':
      return body === `from ${client.name}` ? undefined : said;
    case 'renew':
      return body.includes('got ?') && !body.includes('expired') ? undefined : said;
    default:
      return (client.fetches === undefined ? /got \?/ : /^[0-9a-f]{40}\tHEAD$/m).test(body) ? undefined : said;
  }
}

const DOOR_NAMES: Readonly<Record<Door, string>> = {
  base: 'the base URL',
  http: 'http:// through the proxy variables',
  https: 'https:// through an intercepted tunnel',
};

for (const client of CLIENTS) {
  const isThere = installed.get(client.name) === true;
  const maybe = isThere || (process.env['CI'] && !TOOLCHAINS.has(client.needs)) ? test : test.skip;
  for (const door of client.doors) {
    const title = `${client.name} works with ${DOOR_NAMES[door]}`;
    maybe(isThere ? title : `${title} (skipped: there is no ${client.needs})`, (t) => {
      const own = Object.entries(results[client.name] ?? {}).filter(([name]) => name.startsWith(`${door} `));
      t.true(own.length > 0);
      for (const [name, result] of own) {
        t.is(fault(client, door, name.slice(door.length + 1) as Check, result), undefined);
      }
    });
  }
}

test('not one request came without the credential', (t) => {
  t.deepEqual(naked, []);
});

/** The README's table, from what came of this run. */
function table(): string {
  const lines = CLIENTS.map((client) => {
    const cells = (['base', 'http', 'https'] as const).map((door) => {
      if (!client.doors.includes(door)) return '–';
      const own = Object.entries(results[client.name] ?? {}).filter(([name]) => name.startsWith(`${door} `));
      const isGood = own.every(([name, result]) => !fault(client, door, name.slice(door.length + 1) as Check, result));
      return own.length > 0 && isGood ? 'yes' : 'no';
    });
    return `| ${[client.name, ...cells, client.note ?? ''].join(' | ')} |`;
  });
  return [
    '| client | base URL | `http://` | `https://` | besides the variables |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

test("the README's table is what this run shows", (t) => {
  const file = join(ROOT, 'README.md');
  let readme = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const between = /(?<=<!-- clients:start -->\n)[^]*?(?=<!-- clients:end -->)/;
  if (process.env['OUTRIDER_WRITE_TABLE']) {
    readme = readme.replace(between, () => `${table()}\n`);
    writeFileSync(file, readme);
  }
  const written = between.exec(readme)?.[0];
  if (written === undefined || [...installed.values()].includes(false)) {
    t.log(table());
    t.pass();
    return;
  }
  t.is(written.trimEnd(), table());
});
