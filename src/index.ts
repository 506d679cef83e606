import { EventEmitter } from 'node:events';
import { resolve } from 'node:path';
import type { App } from './app.ts';
import type { Config } from './config/config.ts';
import type { Diagnostic } from './config/diagnostics/diagnostics.ts';
import type { ConfigFile } from './config/config-file-types.ts';
import type { Loaded } from './config/load.ts';
import type { EventMap, NoticeRecord } from './core/event-map.ts';

export type { Diagnostic } from './config/diagnostics/diagnostics.ts';
export type { ConfigFile } from './config/config-file-types.ts';
export type { ProfileFile, Reference } from './config/profile-file-types.ts';
export type {
  AttemptDetail,
  AttemptRecord,
  AuthOutcome,
  Destination,
  Door,
  EventMap,
  ExchangeRecord,
  NoticeRecord,
  ReloadRecord,
  RenewalReason,
  RenewalRecord,
  ReplayRecord,
  ReplaySkippedRecord,
  ReplaySkipReason,
  StoreHealthRecord,
  TokenWait,
} from './core/event-map.ts';

// What the types above need is small; what runs is loaded when it is asked for.

/** A config that is wrong. `message` shows each mistake with its place and its mend, as `outrider check` does; secrets are starred out. */
export class InvalidConfigError extends Error {
  override readonly name = 'InvalidConfigError';
  readonly code = 'invalid_config';
  /** Everything that is wrong, warnings too, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(message: string, diagnostics: readonly Diagnostic[]) {
    super(message);
    this.diagnostics = diagnostics;
  }
}

interface Checked {
  readonly config: Config;
  readonly warnings: readonly Diagnostic[];
  /** Who hears of secret files that change. */
  readonly listeners: Set<(notice: NoticeRecord) => void>;
}

/** Kept out of sight, since credentials are among it. */
const checkedConfigs = new WeakMap<CheckedConfig, Checked>();

/** A config that was read and found good. It shows no credentials; {@link createProxy} takes it. */
export interface CheckedConfig {
  /** Absolute. */
  readonly file: string;
  readonly warnings: readonly Diagnostic[];
  readonly routes: readonly {
    readonly name: string;
    /** The prefix of the path that leads there, where the route has one. */
    readonly path: string | undefined;
    readonly provider: string | undefined;
    /** Undefined where the simulator stands in for the provider. */
    readonly upstream: string | undefined;
  }[];
  readonly providers: readonly {
    readonly name: string;
    readonly profile: string;
    readonly environment: string | undefined;
  }[];
}

/** A path, YAML text (a string with a line feed in it), the same as an object, or what {@link loadConfig} gave. */
export type ConfigInput = string | ConfigFile | CheckedConfig;

/** What happens in a proxy. A listener that throws ends up as an uncaught exception, not in the request. */
export interface ProxyEvents {
  on<E extends keyof EventMap>(event: E, listener: (...record: EventMap[E]) => void): this;
  once<E extends keyof EventMap>(event: E, listener: (...record: EventMap[E]) => void): this;
  off<E extends keyof EventMap>(event: E, listener: (...record: EventMap[E]) => void): this;
}

export interface Addresses {
  /** Where requests go: `http://127.0.0.1:PORT`, or `unix:/path`. */
  readonly url: string;
  /** Where health, metrics and the admin API are; undefined with `admin: false`. */
  readonly adminUrl: string | undefined;
}

export interface OutriderProxy {
  /**
   * Reads the config and listens. Rejects with an {@link InvalidConfigError}, or with the system's error when an address can't be
   * had; nothing is left open then. May be called again after `stop`.
   */
  start(): Promise<Addresses>;
  /** Takes no more requests, lets those under way end (`timeouts.lame_duck`, `timeouts.drain`), and closes. */
  stop(): Promise<void>;
  /** Takes another config for the next request. Rejects with an {@link InvalidConfigError}: the one before it serves on then. */
  reload(config: ConfigInput): Promise<void>;
  readonly events: ProxyEvents;
}

/** What diagnostics call a config without a file; relative paths in it start at the working directory. */
const NO_FILE = '<config>';

const EVENTS: Readonly<Record<keyof EventMap, true>> = {
  connected: true,
  disconnected: true,
  waiting: true,
  started: true,
  exchange: true,
  attempt: true,
  renewal: true,
  replay: true,
  replaySkipped: true,
  callback: true,
  store: true,
  reload: true,
  notice: true,
};

async function check(load: (onNotice: (notice: NoticeRecord) => void) => Loaded): Promise<Checked> {
  const listeners: Checked['listeners'] = new Set();
  const { config, diagnostics, text } = load((notice) => {
    for (const listener of listeners) listener(notice);
  });
  if (config) return { config, warnings: diagnostics, listeners };
  const { formatDiagnostic } = await import('./config/diagnostics/diagnostics.ts');
  const shown = diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, text, { color: false }));
  throw new InvalidConfigError(`the config is wrong\n\n${shown.join('\n\n')}`, diagnostics);
}

async function read(input: ConfigInput): Promise<Checked> {
  const known = typeof input === 'object' && input !== null ? checkedConfigs.get(input as CheckedConfig) : undefined;
  if (known) return known;
  const config = await import('./config/load.ts');
  if (typeof input === 'string' && !input.includes('\n')) {
    return check((onNotice) => config.loadConfig(resolve(input), { onNotice }));
  }
  // JSON is YAML.
  const text = typeof input === 'string' ? input : JSON.stringify(input, null, 2);
  if (typeof input !== 'string' && (typeof input !== 'object' || input === null || Array.isArray(input))) {
    throw new TypeError('a config is a path, YAML text (with a line feed in it), or an object');
  }
  return check((onNotice) => config.parseConfig(text, NO_FILE, { onNotice }));
}

/**
 * Reads and checks a config file, with all that it names: profiles, secret files, variables of the environment.
 * Rejects with an {@link InvalidConfigError}.
 */
export async function loadConfig(path: string): Promise<CheckedConfig> {
  const { loadConfig: load } = await import('./config/load.ts');
  const checked = await check((onNotice) => load(resolve(path), { onNotice }));
  const { file, routes, providers } = checked.config;
  const shown: CheckedConfig = {
    file,
    warnings: checked.warnings,
    routes: routes.map(({ name, match, provider, upstream }) => ({ name, path: match.path, provider, upstream })),
    providers: [...providers.values()].map(({ name, profileName: profile, environment }) => ({
      name,
      profile,
      environment,
    })),
  };
  checkedConfigs.set(shown, checked);
  return shown;
}

/** Hands on what happens in an app; a listener that throws can't disturb the request that it hears of. */
function forward(app: App, events: EventEmitter<EventMap>): void {
  const emit = events.emit.bind(events) as (name: string, ...record: unknown[]) => boolean;
  for (const name of Object.keys(EVENTS) as (keyof EventMap)[]) {
    app.events.on(name, (...record: unknown[]) => {
      try {
        emit(name, ...record);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    });
  }
}

interface Running {
  readonly app: App;
  readonly addresses: Addresses;
  /** No longer hears of the config that is in use. */
  letGo: () => void;
}

/**
 * A proxy within this process: nothing is read or opened before `start`, no signal is handled, and the process is never ended.
 * The log goes to stderr as the config's `log` says.
 */
export function createProxy(config: ConfigInput): OutriderProxy {
  const events = new EventEmitter<EventMap>();
  let running: Promise<Running> | undefined;
  let stopped: Promise<void> = Promise.resolve();
  let reloaded: Promise<void> = Promise.resolve();

  /** Has the app tell what a config has to say, from now on. */
  async function tell(app: App, { warnings, listeners }: Checked): Promise<() => void> {
    const { noticeOf } = await import('./config/diagnostics/diagnostics.ts');
    const listener = (notice: NoticeRecord): void => void app.events.emit('notice', notice);
    for (const warning of warnings) listener(noticeOf(warning));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  async function open(): Promise<Running> {
    const [checked, { createApp }] = await Promise.all([read(config), import('./app.ts')]);
    const app = createApp(checked.config);
    forward(app, events);
    const letGo = await tell(app, checked);
    const { origin: url, adminOrigin: adminUrl } = await app.start();
    return { app, addresses: { url, adminUrl }, letGo };
  }

  async function change(next: ConfigInput, now: Running): Promise<void> {
    const checked = await read(next);
    const letGo = await tell(now.app, checked);
    try {
      await now.app.reload(checked.config);
    } catch (error) {
      letGo();
      throw error;
    }
    now.letGo();
    now.letGo = letGo;
  }

  return {
    events: events as ProxyEvents,

    async start() {
      if (!running) {
        const opening = stopped.then(open);
        running = opening;
        opening.catch(() => {
          if (running === opening) running = undefined;
        });
      }
      return (await running).addresses;
    },

    stop() {
      const before = running;
      running = undefined;
      if (before) {
        stopped = before.then(
          ({ app, letGo }) => {
            letGo();
            return app.stop();
          },
          () => undefined,
        );
      }
      return stopped;
    },

    async reload(next) {
      if (!running) throw new Error('the proxy is not running: call start() first');
      const now = running;
      const before = reloaded;
      const mine = (async () => {
        await before;
        await change(next, await now);
      })();
      reloaded = mine.catch(() => undefined);
      return mine;
    },
  };
}
