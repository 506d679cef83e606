import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { CLI, launch, run } from '../commands/run.ts';
import { tokenYaml } from '../contract/given.ts';
import type { Client, Command } from './commands.ts';
import { DOORS, HOST, requestsOf, type Session } from './doors.ts';
import type { Results } from './verdict.ts';

type Env = Readonly<Record<string, string>>;

export interface Given {
  /** Of this test alone; `root.pem` in it is the provider's root. */
  readonly dir: string;
  readonly clients: readonly Client[];
  readonly port: number;
  readonly tokenUrl: string;
  /** The way to names that exist for the proxy alone. */
  readonly egress: string;
}

export interface Played {
  readonly results: Results;
  /** What the programs found in their environment. */
  readonly variables: Env;
}

/** What a client does in a session, in the order of the doors. */
function commandsOf(client: Client, session: Session, port: number): readonly Command[] {
  const doors = DOORS.filter((door) => door.session === session);
  const requests = doors.flatMap((door) => requestsOf(client, door, port));
  const env: Env = {
    ...client.env,
    ...(session === 'plain' && client.absolute?.env),
    ...(session === 'intercept' && client.ca !== undefined && { [client.ca]: '${CA_FILE}' }),
  };
  const prepare = session.includes('intercept') ? client.prepare : undefined;
  return [
    ...(prepare ? [{ ...prepare, shows: 'body' as const, checks: ['prepare'] }] : []),
    ...(requests.length > 0 ? client.commands(requests) : []).map((command) => ({
      ...command,
      args: [...(session === 'intercept' ? (client.caArgs ?? []) : []), ...command.args],
    })),
  ].map((command) => ({ ...command, env }));
}

/** Runs the clients of a session with this environment: `node`, with these words before its own. */
async function play(given: Given, session: Session, words: readonly string[], env: Env): Promise<Played> {
  const { dir, port } = given;
  const clients = given.clients.map((client) => [client.name, commandsOf(client, session, port)] as const);
  const [jobs, results] = ['jobs', 'results'].map((what) => join(dir, `${session}.${what}.json`)) as [string, string];
  writeFileSync(jobs, JSON.stringify({ workers: 2, clients: Object.fromEntries(clients) }));
  const runner = join(import.meta.dirname, 'programs/runner.mjs');
  const child = spawn(process.execPath, [...words, runner, jobs, results], {
    cwd: dir,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOME: dir,
      LANG: 'C.UTF-8',
      GO_CLIENT: join(dir, 'client'),
      JAVA_CLASSES: dir,
      JAVA_STORE: join(dir, 'store'),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    },
  });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${session}: the runner ended with ${code}`);
  return JSON.parse(readFileSync(results, 'utf8')) as Played;
}

function configIn(given: Given, session: Session, host: string, more = ''): string {
  const dir = join(given.dir, `config of ${session}`);
  mkdirSync(dir);
  const upstream = `https://${host}:${given.port}/v1`;
  const listening = 'listen: { address: "127.0.0.1:0" }\nadmin: false\nstate_dir: state\nlog: { format: json }';
  const yaml = tokenYaml(upstream, given.tokenUrl, { renew: '{ cooldown: 1ms }', extra: `${listening}\n${more}` });
  const file = join(dir, 'proxy.config.yaml');
  writeFileSync(file, `version: 1\n${yaml}`);
  return file;
}

const both = (name: string, value: string): Env => ({ [name]: value, [name.toLowerCase()]: value });
const proxied = (proxy: string): Env => ({ ...both('HTTP_PROXY', proxy), ...both('HTTPS_PROXY', proxy) });

/** What the proxy itself needs to get to the provider. */
const towards = ({ egress, dir }: Given): Env => ({
  ...proxied(egress),
  NODE_EXTRA_CA_CERTS: join(dir, 'root.pem'),
});

/** `outrider exec`, with nothing in the environment that leads anywhere. */
export const playExec = (given: Given): Promise<Played> =>
  play(given, 'exec', [CLI, 'exec', '--config', configIn(given, 'exec', 'localhost'), '--', process.execPath], {
    NODE_EXTRA_CA_CERTS: join(given.dir, 'root.pem'),
  });

export const playIntercepted = (given: Given): Promise<Played> => {
  const config = configIn(given, 'exec --intercept', HOST);
  const words = [CLI, 'exec', '--intercept', '--config', config, '--', process.execPath];
  return play(given, 'exec --intercept', words, towards(given));
};

/** `outrider start`, and everything that a program needs set by hand. */
export async function playStarted(t: ExecutionContext, given: Given, mode: 'plain' | 'intercept'): Promise<Played> {
  const config = configIn(given, mode, HOST, `forward: { mode: ${mode} }`);
  const proxy = launch(t, ['start', '--config', config], { env: towards(given) });
  const [, origin = ''] = await proxy.says(/^ *proxy +(http:\S+)$/m);
  const ca = join(given.dir, mode === 'plain' ? 'root.pem' : 'ca.pem');
  if (mode === 'intercept') {
    const { code, stdout, stderr } = await run(t, ['ca', 'export', '--config', config]);
    if (code !== 0) throw new Error(stderr);
    writeFileSync(ca, stdout);
  }
  return play(given, mode, [], {
    ...proxied(origin),
    ...both('NO_PROXY', ''),
    NODE_USE_ENV_PROXY: '1',
    CA_FILE: ca,
  });
}
