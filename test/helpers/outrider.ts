import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Writable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { createApp } from '../../src/app.ts';
import type { App, AppOptions } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Loaded } from '../../src/config/load.ts';
import type { Config } from '../../src/config/config.ts';
import type { NoticeRecord } from '../../src/core/events.ts';
import type { FakeClock } from './clock.ts';
import { keepCredentials, saidIn } from './canary.ts';
import { header, headerAll, until } from './http1.ts';
import { watchApp } from './watch-app.ts';
import { lookAtAnswer } from './watch.ts';
import { temporaryDirectory } from './directory.ts';

/** One line of the access log. */
export interface AccessLine {
  readonly request_id: string;
  readonly route?: string;
  readonly provider?: string;
  readonly caller?: string | null;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly code?: string;
  readonly outcome?: string;
  readonly auth?: string;
  readonly upstream?: string;
  readonly attempts: number;
  readonly duration_ms: number;
  readonly upstream_ms: number;
  readonly token_wait_ms: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
}

export interface CallOptions {
  readonly method?: string;
  /** Name, value, … */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  readonly agent?: http.Agent;
  readonly signal?: AbortSignal;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly header: (name: string) => string | undefined;
  readonly headerAll: (name: string) => string[];
  readonly body: Buffer;
  readonly text: string;
}

export interface Outrider {
  readonly origin: string;
  readonly port: number;
  readonly adminOrigin: string | undefined;
  readonly simulatorOrigin: string | undefined;
  readonly callbacksOrigin: string | undefined;
  readonly app: App;
  /** The access log so far. */
  logs(): AccessLine[];
  /** Resolves with the access log once it has `count` lines. */
  logged(count: number): Promise<AccessLine[]>;
  /** Everything that was written to the log. */
  logText(): string;
  /** One request with node's own client, read whole. */
  call(target: string, options?: CallOptions): Promise<CallAnswer>;
  /** Swaps in another file. */
  reload(yaml: string): Promise<void>;
}

export interface OutriderOptions {
  readonly clock?: FakeClock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the app itself takes: the environment of the egress proxy, a resolver. */
  readonly app?: Pick<AppOptions, 'env' | 'lookup'>;
  /** Whether the log tells of secret files that change, as that of `start` does. */
  readonly tellsOfFiles?: boolean;
}

const DEFAULTS: Readonly<Record<string, string>> = {
  version: '1',
  listen: '{ address: 127.0.0.1:0 }',
  admin: 'false',
  log: '{ format: json, level: debug }',
};

/** Fills in what a test leaves unsaid: version, a free port, no admin, JSON logs. */
export function withDefaults(yaml: string): string {
  const missing = Object.entries(DEFAULTS).filter(([key]) => !new RegExp(`^${key}:`, 'm').test(yaml));
  return `${missing.map(([key, value]) => `${key}: ${value}\n`).join('')}${yaml}`;
}

/** Loads a config that must be good. */
export function configOf(
  t: ExecutionContext,
  yaml: string,
  options: OutriderOptions = {},
  onNotice: (notice: NoticeRecord) => void = () => undefined,
): Config {
  const dir = temporaryDirectory(t);
  const file = path.join(dir, 'proxy.config.yaml');
  fs.writeFileSync(file, withDefaults(yaml));
  const { config, diagnostics } = loadConfig(file, {
    env: options.env ?? {},
    ...(options.clock && { clock: options.clock }),
    onNotice,
  });
  if (!config) throw new Error(diagnostics.map((d) => `${d.code} at ${d.path}: ${d.message}`).join('\n'));
  return config;
}

/** The whole product on free ports, from a config text; stopped at the test's end. */
export async function startOutrider(
  t: ExecutionContext,
  yaml: string,
  options: OutriderOptions = {},
): Promise<Outrider> {
  const { clock } = options;
  let text = '';
  const logStream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('utf8');
      done();
    },
  });
  const tell = (notice: NoticeRecord): void => {
    if (options.tellsOfFiles) app.events.emit('notice', notice);
  };
  const config = configOf(t, yaml, options, tell);
  const load = (): Loaded => loadConfig(config.file, { env: options.env ?? {}, ...(clock && { clock }) });
  const app = createApp(config, { logStream, load, ...(clock && { clock }), ...options.app });
  const env = options.app?.env ?? {};
  const watch = watchApp(t, { app, config, env, logText: () => text }, async () => {
    const stopped = app.stop({ signal: 'SIGINT' });
    if (clock) await clock.advance(120_000);
    await stopped;
  });
  const started = await app.start();
  watch.started(started);
  const logs = (): AccessLine[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as AccessLine)
      .filter((line) => line.request_id !== undefined && line.duration_ms !== undefined);
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  return {
    origin: started.origin,
    port: Number(new URL(started.origin.startsWith('http') ? started.origin : 'http://unix:0').port),
    adminOrigin: started.adminOrigin,
    simulatorOrigin: started.simulatorOrigin,
    callbacksOrigin: started.callbacksOrigin,
    app,
    logs,
    async logged(count) {
      await until(`${count} lines of access log`, () => logs().length >= count);
      return logs();
    },
    logText: () => text,
    call: (target, call = {}) => httpCall(started.origin, target, { agent, ...call }),
    reload(next) {
      const other = configOf(t, next, options);
      watch.reloaded(other);
      return app.reload(other);
    },
  };
}

/** One request with node's own client, read whole. */
export function httpCall(origin: string, target: string, options: CallOptions = {}): Promise<CallAnswer> {
  const { hostname, port } = new URL(origin);
  const { body, headers = [] } = options;
  const head = headers.map((part, i) => (i % 2 === 0 ? `\n${part}: ` : part)).join('');
  keepCredentials(head);
  return new Promise((resolve, reject) => {
    const own = ['Host', `${hostname}:${port}`, ...headers];
    if (body !== undefined && header(own, 'content-length') === undefined && !header(own, 'transfer-encoding'))
      own.push('Content-Length', String(Buffer.byteLength(body)));
    const req = http.request(
      {
        hostname,
        port,
        path: target,
        method: options.method ?? (body === undefined ? 'GET' : 'POST'),
        headers: own,
        agent: options.agent ?? false,
        ...(options.signal && { signal: options.signal }),
      },
      (res) => {
        const parts: Buffer[] = [];
        res.on('data', (chunk: Buffer) => parts.push(chunk));
        res.on('error', reject);
        res.on('end', () => {
          const whole = Buffer.concat(parts);
          const answer = { status: res.statusCode ?? 0, headers: res.rawHeaders, text: whole.toString('utf8') };
          lookAtAnswer(Number(port), answer, target + saidIn(head));
          resolve({
            status: res.statusCode ?? 0,
            headers: res.rawHeaders,
            header: (name) => header(res.rawHeaders, name),
            headerAll: (name) => headerAll(res.rawHeaders, name),
            body: whole,
            text: whole.toString('utf8'),
          });
        });
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}
