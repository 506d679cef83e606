import { setFlagsFromString } from 'node:v8';
import { createApp } from '../app.ts';
import type { App, Started } from '../app.ts';
import type { Address, Config } from '../config/config.ts';
import { noticeOf } from '../config/diagnostics/diagnostics.ts';
import { loadConfig } from '../config/load.ts';
import type { Loaded } from '../config/load.ts';
import type { NoticeRecord } from '../core/events.ts';
import { addressText } from '../core/address.ts';
import { NO_GROUP } from '../core/listen.ts';
import { VERSION } from '../core/version.ts';
import { banner } from './banner.ts';
import { locateConfig, printDiagnostics } from './config-file.ts';
import { redactSecretsOf } from './redact-text.ts';
import { printError } from './output.ts';
import type { CommandFailure, Context } from './output.ts';
import { watchContents } from './watch.ts';

export interface StartOptions {
  /** Reload when the file changes, as SIGHUP does. */
  readonly watch: boolean;
}

/** The exit code of a process that SIGINT ended (128 + 2). */
const INTERRUPTED = 130;
/** Ctrl-C reaches us twice at once below npm: from the terminal, and passed on. */
const SAME_KEY_MS = 20;
/** After this much more than a stop may take, the process ends in any case. */
const OVERTIME_MS = 5_000;

const shown = (address: Address): string => ('path' in address ? address.path : addressText(address));

interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

/** What the system said when we wanted to listen, with its remedy. */
function listenComplaint(error: SystemError, { listen, admin }: Config): CommandFailure | undefined {
  const is = (address: Address): boolean =>
    'path' in address ? address.path === error.address : address.port === error.port && error.port !== undefined;
  const [key, address] =
    admin !== false && is(admin.address) ? ['admin.address', admin.address] : ['listen.address', listen.address];
  const where = shown(address);
  const another = `set \`${key}\` to another address`;
  if (error.code === NO_GROUP) {
    const help = 'make the group, or set `listen.socket_group` to one that is there';
    return { code: 'unknown_group', message: error.message, help };
  }
  if (error.syscall === 'chown') {
    return {
      code: 'group_denied',
      message: `the system does not let us give ${where} to the group of \`listen.socket_group\``,
      help: 'name a group that the user who runs this is a member of',
    };
  }
  switch (error.code) {
    case 'EADDRINUSE':
      return {
        code: 'address_in_use',
        message: `${where} is in use already`,
        help: `stop the program that listens there, or ${another} (port 0: any free one)`,
      };
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'address_denied',
        message: `the system does not allow us to listen on ${where}`,
        help: `${another}: ports below 1024, and directories of others, need privileges`,
      };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { code: 'address_unavailable', message: `${where} is no address of this machine`, help: another };
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return {
        code: 'address_unavailable',
        message: `there can be no socket at ${where}`,
        help: `the directory must exist and the path be short (107 bytes), or ${another}`,
      };
    default:
      return undefined;
  }
}

/** Reads the file again and hands it to the app; a bad one is reported, and the one before it serves on. */
async function reload(app: App, load: () => Loaded): Promise<void> {
  const { config, diagnostics } = load();
  for (const diagnostic of diagnostics) app.events.emit('notice', noticeOf(diagnostic));
  const refuse = (why: string): void =>
    void app.events.emit('notice', {
      level: 'error',
      message: `the changed config ${why}: the one before it serves on`,
    });
  if (!config) refuse('has errors');
  // A file that is being written is empty at first, and good YAML.
  else if (config.routes.length === 0 && app.config.routes.length > 0) refuse('has no routes left');
  else await app.reload(config);
}

/** Ends the app as signals ask for; resolves with the exit code. */
function attend(app: App): Promise<number> {
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  let interruptedAt = Number.NEGATIVE_INFINITY;
  let isEnding = false;
  const end = (signal: 'SIGTERM' | 'SIGINT', code: number): void => {
    if (isEnding) return;
    isEnding = true;
    const failed = (error: unknown): void => {
      app.events.emit('notice', { level: 'error', message: 'the stop failed', fields: { error } });
      resolve(1);
    };
    const { lameDuckMs, drainMs } = app.config.timeouts;
    setTimeout(() => resolve(1), lameDuckMs + drainMs + OVERTIME_MS).unref();
    app.stop({ signal }).then(() => resolve(code), failed);
  };
  process.on('SIGTERM', () => end('SIGTERM', 0));
  process.on('SIGINT', () => {
    const now = performance.now();
    const isSameKey = now - interruptedAt < SAME_KEY_MS;
    interruptedAt = now;
    if (isEnding && !isSameKey) process.exit(INTERRUPTED);
    end('SIGINT', 0);
  });
  const fail = (error: unknown): void => {
    app.events.emit('notice', { level: 'error', message: 'outrider itself failed and stops', fields: { error } });
    end('SIGINT', 1);
  };
  process.removeAllListeners('uncaughtException').on('uncaughtException', fail);
  return ended;
}

/**
 * Runs the proxy until a signal ends it: SIGTERM drains, SIGINT drains without the lame-duck time, a second one ends at once,
 * SIGHUP reads the file again. Resolves with the exit code.
 */
export async function start(context: Context, { watch }: StartOptions): Promise<number> {
  const file = locateConfig(context);
  if (file === undefined) return 1;
  let app: App | undefined;
  const onNotice = (notice: NoticeRecord): void => void app?.events.emit('notice', notice);
  const load = (): Loaded => loadConfig(file, { env: context.env, cwd: context.cwd, onNotice });
  const loaded = load();
  printDiagnostics(context, loaded);
  const { config } = loaded;
  if (!config) return 1;
  redactSecretsOf(config);

  // V8 takes what is alive in a request for long-lived and allocates it among the old, where it stays until a full collection:
  // without this the collector costs a third of a request's time.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // The old may grow by half between two full collections, not to four times their size: there is little that lasts.
  setFlagsFromString('--heap-growing-percent=50');
  app = createApp(config);
  const { events, logger } = app;
  const starting = app.start();
  let reloading: Promise<unknown> = starting.catch(() => undefined);
  const reloadNext = (): void => {
    reloading = reloading
      .then(() => app && reload(app, load))
      .catch((error: unknown) => {
        events.emit('notice', { level: 'error', message: 'the reload failed', fields: { error } });
      });
  };
  process.on('SIGHUP', reloadNext);
  let started: Started;
  try {
    started = await starting;
  } catch (error) {
    const complaint = listenComplaint(error as SystemError, config);
    if (!complaint) throw error;
    return printError(context, complaint);
  }
  const ended = attend(app);
  const stopWatching = watch ? watchContents(file, reloadNext) : undefined;
  context.stdout.write(banner(config, started));
  if (logger.format === 'json') {
    const fields = { version: VERSION, proxy: started.origin, admin: started.adminOrigin, config: file };
    events.emit('notice', { level: 'info', message: 'listening', fields });
  }
  const code = await ended;
  stopWatching?.();
  return code;
}
