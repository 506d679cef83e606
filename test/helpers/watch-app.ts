import { readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { App, Started } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import type { Events, EventMap } from '../../src/core/events.ts';
import { keepSecretsIn, keepSecretsOf, type Watch, watchFor, watchPort } from './watch.ts';

const EVENTS: readonly (keyof EventMap)[] = [
  'connected',
  'disconnected',
  'waiting',
  'started',
  'exchange',
  'attempt',
  'renewal',
  'replay',
  'replaySkipped',
  'store',
  'notice',
];
/** So many of each kind are looked at in all their depth; later ones are of the same making. */
const MAX_DEEP = 20;

/** Looks through everything that the events tell, for whoever may listen. */
function watchEvents(watch: Watch, events: Events): void {
  const texts: string[] = [];
  for (const name of EVENTS) {
    let count = 0;
    events.on(name, (...[record]: readonly unknown[]) => {
      // A caller's path and id are the caller's.
      const { path: _path, requestId: _id, ...told } = { path: '', requestId: '', ...(record as object) };
      if (name !== 'notice') texts.push(JSON.stringify(told));
      if (count++ < MAX_DEEP) texts.push(inspect(told, { depth: 10, getters: true, maxStringLength: null }));
    });
  }
  watch.sees('the events', () => texts.join('\n'));
}

async function pagesOf(adminOrigin: string): Promise<string> {
  const pages = ['/metrics', '/readyz?verbose', '/livez', '/'].map(async (path) => {
    const response = await fetch(adminOrigin + path);
    return inspect(response.headers) + (await response.text());
  });
  // The test may have stopped it.
  return (await Promise.all(pages).catch(() => [])).join('\n');
}

/** What a running app is known by. */
export interface Watched {
  readonly app: App;
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logText: () => string;
}

/** Looks through all that an app writes, tells and answers. Give `stop` what ends it; `started` when it runs. */
export function watchApp(
  t: ExecutionContext,
  { app, config, env, logText }: Watched,
  stop: () => Promise<void>,
): { readonly started: (origins: Started) => void; readonly reloaded: (next: Config) => void } {
  const watch = watchFor(t);
  const configs = [config];
  const keepAll = (): void => configs.forEach(keepSecretsOf);
  keepAll();
  keepSecretsIn(env);
  watchEvents(watch, app.events);
  watch.sees('the log', () => {
    keepAll();
    return logText();
  });
  let adminOrigin: string | undefined;
  t.teardown(async () => {
    if (adminOrigin?.startsWith('http')) {
      const pages = await pagesOf(adminOrigin);
      watch.sees('the admin pages', () => pages);
    }
    await stop();
    for (const { replay } of configs) {
      if (replay.dir === tmpdir() || !statSync(replay.dir, { throwIfNoEntry: false })?.isDirectory()) continue;
      for (const name of readdirSync(replay.dir)) if (name.startsWith('outrider-')) watch.reports(`a body in ${name}`);
    }
  });
  return {
    started(origins) {
      ({ adminOrigin } = origins);
      watchPort(watch, origins.origin);
      if (adminOrigin !== undefined) watchPort(watch, adminOrigin);
    },
    reloaded(next) {
      configs.push(next);
      keepAll();
    },
  };
}
