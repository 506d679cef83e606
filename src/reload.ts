import type { Config } from './config/config.ts';
import { noticeOf, type Diagnostic } from './config/diagnostics/diagnostics.ts';
import type { Loaded } from './config/load.ts';
import type { Clock } from './core/clock.ts';
import type { Events } from './core/events.ts';

/** A reload that changed nothing. */
export interface FailedReload {
  readonly outcome: 'failed';
  readonly atMs: number;
  readonly detail: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** A reload whose config is in use. */
export interface GoodReload {
  readonly outcome: 'ok';
  readonly loadedAtMs: number;
  /** What stays as it is until a restart, in a sentence each. */
  readonly restartNeeded: readonly string[];
  /** The warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The reloads of a running proxy. */
export interface Reloads {
  /** The last reload, if it failed. */
  readonly failed: FailedReload | undefined;
  /** Reads the config again and puts it in use, after a reload that is under way. Rejects with what `apply` rejects with. */
  run(load: () => Loaded): Promise<GoodReload | FailedReload>;
}

/** What reloads work with. */
export interface ReloadDeps {
  readonly clock: Clock;
  readonly events: Events;
  readonly current: () => Config;
  /** Puts a config in use. Resolves with what stays as it is until a restart. */
  readonly apply: (config: Config) => Promise<readonly string[]>;
}

/** Makes the reloads of a running proxy. A config with errors is reported, and the one before it stays in use. */
export function createReloads({ clock, events, current, apply }: ReloadDeps): Reloads {
  let failed: FailedReload | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function fail(detail: string, diagnostics: readonly Diagnostic[]): FailedReload {
    failed = { outcome: 'failed', atMs: clock.now(), detail, diagnostics };
    events.emit('reload', { outcome: 'failed', detail });
    return failed;
  }

  function refuse(why: string, diagnostics: readonly Diagnostic[]): FailedReload {
    const message = `the changed config ${why}: the one before it serves on`;
    events.emit('notice', { level: 'error', message });
    return fail(message, diagnostics);
  }

  async function reload(load: () => Loaded): Promise<GoodReload | FailedReload> {
    const { config, diagnostics } = load();
    for (const diagnostic of diagnostics) events.emit('notice', noticeOf(diagnostic));
    if (!config) return refuse('has errors', diagnostics);
    // A file that is just being written is empty at first. That is good YAML without any route.
    if (config.routes.length === 0 && current().routes.length > 0) return refuse('has no routes left', diagnostics);
    let restartNeeded: readonly string[];
    try {
      restartNeeded = await apply(config);
    } catch (error) {
      events.emit('notice', { level: 'error', message: 'the reload failed', fields: { error } });
      fail('the reload failed, as the log says: the config before it serves on', diagnostics);
      throw error;
    }
    failed = undefined;
    return { outcome: 'ok', loadedAtMs: clock.now(), restartNeeded, diagnostics };
  }

  return {
    get failed() {
      return failed;
    },
    run(load) {
      const mine = last.then(() => reload(load));
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}
