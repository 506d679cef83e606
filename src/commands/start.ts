import { setFlagsFromString } from 'node:v8';
import { createApp } from '../app.ts';
import type { App, Started } from '../app.ts';
import { loadConfig } from '../config/load.ts';
import type { Loaded } from '../config/load.ts';
import type { NoticeRecord } from '../core/events.ts';
import { VERSION } from '../core/version.ts';
import { banner } from './banner.ts';
import { locateConfig, printDiagnostics } from './config-file.ts';
import { listenFailure, type SystemError } from './listen-failure.ts';
import { redactSecretsOf } from './redact-text.ts';
import { tidyAfterStart } from './tidy-after-start.ts';
import { printError } from './output.ts';
import type { Context } from './output.ts';
import { watchTerminal } from './terminal.ts';
import { watchContents } from './watch.ts';

export interface StartOptions {
  /** Whether a change of the file reloads the config, as SIGHUP does. */
  readonly watch: boolean;
}

/** The exit code of a process that SIGINT ended (128 + 2). */
const INTERRUPTED = 130;
/** Under npm one Ctrl-C sends two signals at once: one from the terminal, and one that npm passes on. */
const SAME_KEY_MS = 20;
/** The process ends in any case when a stop takes this much longer than it may. */
const OVERTIME_MS = 5_000;

/** Stops the app when a signal or a failure of our own asks for it. Resolves with the exit code. */
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
 * `outrider start`: runs the proxy until a signal ends it. SIGTERM drains it. SIGINT drains it without the lame-duck time, and
 * a second SIGINT ends it at once. SIGHUP reads the config again, or drains like SIGINT if the terminal is gone. Resolves with the
 * exit code.
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

  // V8 takes objects that live as long as a request for long-lived ones. It then allocates the next ones in the old generation,
  // where they stay until a full collection. Without this flag, garbage collection takes a third of a request's time.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // The old generation may grow by half between two full collections, and not to four times its size. Few objects live long.
  setFlagsFromString('--heap-growing-percent=50');
  app = createApp(config, { load });
  const { events, logger } = app;
  const starting = app.start();
  const up = starting.catch(() => undefined);
  // The log says what became of it.
  const reloadNext = (): void => void up.then(() => app?.reloadFile()).catch(() => undefined);
  const isTerminalGone = watchTerminal(process);
  // A terminal that is closed sends it too: then nobody is left who could end us.
  process.on('SIGHUP', () => (isTerminalGone() ? process.emit('SIGINT') : reloadNext()));
  let started: Started;
  try {
    started = await starting;
  } catch (error) {
    const complaint = listenFailure(error as SystemError, config);
    if (!complaint) throw error;
    return printError(context, complaint);
  }
  const ended = attend(app);
  tidyAfterStart(events);
  const stopWatching = watch ? watchContents(file, reloadNext) : undefined;
  context.stdout.write(banner(config, started));
  if (logger.format === 'json') {
    const { origin: proxy, adminOrigin: admin, callbacksOrigin: callbacks } = started;
    const fields = { version: VERSION, proxy, admin, callbacks, config: file };
    events.emit('notice', { level: 'info', message: 'listening', fields });
  }
  const code = await ended;
  stopWatching?.();
  return code;
}
