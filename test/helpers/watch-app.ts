import { readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { App, Started } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import type { Events, EventMap } from '../../src/core/events.ts';
import { keepSecretsIn, keepSecretsOf, type Watch, watchFor, watchPort, watchTrail } from './watch.ts';

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
  'reload',
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

const PAGES = [
  '/metrics',
  '/readyz?verbose',
  '/livez',
  '/',
  '/api/status',
  '/api/requests?limit=1000',
  '/api/history',
  '/api/nothing',
];

/** All that the stream of events still knows. */
async function eventsOf(adminOrigin: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const { last_id: last } = (await (await fetch(`${adminOrigin}/api/requests?limit=1`, { headers })).json()) as {
    last_id?: number;
  };
  // Without the token there is nothing to see, and a proxy that has just begun has told nothing.
  if (last === undefined) return '';
  const giveUp = new AbortController();
  const response = await fetch(`${adminOrigin}/api/events`, {
    headers: { ...headers, 'Last-Event-ID': '0' },
    signal: giveUp.signal,
  });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.includes(`id: ${last}\n`) || !text.includes('id: ')) break;
  }
  giveUp.abort();
  return text;
}

async function pagesOf(adminOrigin: string, { admin }: Config): Promise<string> {
  const token = admin === false ? undefined : admin.token?.reveal();
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const get = async (path: string): Promise<string> => {
    const response = await fetch(adminOrigin + path, { headers });
    return inspect(response.headers) + (await response.text());
  };
  const pages = PAGES.map(get);
  // What it has told is told again, up to the heartbeat that nobody waits for.
  pages.push(eventsOf(adminOrigin, headers));
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
      const pages = await pagesOf(adminOrigin, config);
      watch.sees('the admin pages', () => pages);
    }
    await stop();
    if (config.audit) watchTrail(watch, config.audit.path);
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
