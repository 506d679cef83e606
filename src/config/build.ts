import os from 'node:os';
import path from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { NoticeRecord } from '../core/events.ts';
import type { Address, Config, ProviderConfig, ReplayConfig, Timeouts } from './config.ts';
import { writtenSecrets } from './credentials.ts';
import { readSecretFile } from './files.ts';
import { hideSecrets } from './hide.ts';
import { checkListening } from './listening.ts';
import { Profiles } from './profiles.ts';
import type { Problems } from './problems.ts';
import { readProvider, type ReadProvider } from './providers.ts';
import { checkReach } from './reach.ts';
import { read } from './read.ts';
import { readRoutes } from './routes.ts';
import { configSchema, type ConfigData } from './schema.ts';
import { checkShadows } from './shadow.ts';
import { checkStore, storeOf, storeSecrets } from './store.ts';
import { ChildPlace, find, type MapNode, type Node } from './tree.ts';
import { watchCredentials, type WatchedProvider } from './watch.ts';

export interface BuildOptions {
  /** Absolute. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly onNotice: (notice: NoticeRecord) => void;
}

/**
 * Makes a {@link Config} of the file's tree. When there are errors (see `problems`), the result is good for its
 * `secretTexts` alone.
 */
export function buildConfig(root: MapNode, options: BuildOptions, problems: Problems): Config {
  hideSecrets(root);
  const data = read(configSchema, root, root, problems);
  const resolve = (file: string): string => path.resolve(path.dirname(options.file), file);
  const profiles = new Profiles(asMap(find(root, 'profiles')), problems);
  profiles.checkOwn();
  const timeouts = timeoutsOf(data.timeouts);
  const replay = replayOf(data.replay, resolve);
  const providers = readProviders(root, data, profiles, problems);
  const list = find(root, 'routes');
  const routeList = list?.kind === 'list' ? list : undefined;
  const providerNames = Object.keys(data.providers ?? {});
  const needsPath = data.forward.mode === 'none' && !problems.isBroken(find(root, 'forward', 'mode'));
  const routes = readRoutes(
    routeList,
    data.routes ?? [],
    { timeouts, replay, providers, providerNames, needsPath },
    problems,
  );
  checkReach(routes, problems);
  if (data.forward.mode !== 'none') checkShadows(routes, providers, problems);
  checkListening(root, data, problems);
  checkStore(root, data.store, problems);
  if (routes.length === 0 && !problems.isBrokenBelow(list)) {
    problems.warning(
      'no_routes',
      new ChildPlace(root, 'routes'),
      'there is no route: every request is answered with 404',
      'add `routes:`',
    );
  }
  const watched: readonly WatchedProvider[] = [...providers.values()];
  const sound = soundOnes(providers);
  const store = storeOf(data.store, resolve);
  const admin = data.admin && { address: resolveAddress(data.admin.address, resolve), token: data.admin.token };
  const tokens = [...(data.listen.access_tokens ?? []), ...(admin && admin.token ? [admin.token] : [])];
  return {
    file: options.file,
    listen: {
      address: socketOf(data.listen, resolve),
      allowedHosts: (data.listen.allowed_hosts ?? []).flat(),
      allowedOrigins: data.listen.allowed_origins ?? [],
      accessTokens: data.listen.access_tokens ?? [],
      allowUnauthenticated: data.listen.allow_unauthenticated,
    },
    admin,
    forward: data.forward,
    store,
    stateDir: data.state_dir === undefined ? stateDir(options.env) : resolve(data.state_dir),
    timeouts,
    limits: limitsOf(data.limits),
    replay,
    log: data.log,
    providers: sound,
    routes: routes.map(({ route }) => route),
    *secretTexts() {
      for (const token of tokens) yield token.reveal();
      yield* storeSecrets(store);
      for (const { credentials } of watched) yield* credentials.secretTexts();
      for (const { profile } of sound.values()) yield* writtenSecrets(profile);
    },
    watchSecrets: () => watchCredentials(watched, options.clock, readSecretFile, options.onNotice),
  };
}

const asMap = (node: Node | undefined): MapNode | undefined => (node?.kind === 'map' ? node : undefined);

function readProviders(
  root: MapNode,
  data: ConfigData,
  profiles: Profiles,
  problems: Problems,
): Map<string, ReadProvider> {
  const node = asMap(find(root, 'providers'));
  const providers = new Map<string, ReadProvider>();
  for (const [name, provider] of Object.entries(data.providers ?? {})) {
    const place = node?.get(name);
    if (place && provider) providers.set(name, readProvider(place, name, provider, profiles, problems));
  }
  return providers;
}

function soundOnes(providers: ReadonlyMap<string, ReadProvider>): Map<string, ProviderConfig> {
  const sound = new Map<string, ProviderConfig>();
  for (const { name, config } of providers.values()) if (config) sound.set(name, config);
  return sound;
}

const resolveAddress = (address: Address, resolve: (file: string) => string): Address =>
  'path' in address ? { path: resolve(address.path) } : address;

/** Where the proxy listens; a Unix socket with the mode and group that are asked for. */
function socketOf(
  { address, socket_mode: mode, socket_group: group }: ConfigData['listen'],
  resolve: (file: string) => string,
): Address {
  const resolved = resolveAddress(address, resolve);
  if (!('path' in resolved)) return resolved;
  return { ...resolved, ...(mode !== undefined && { mode }), ...(group !== undefined && { group }) };
}

const timeoutsOf = (data: ConfigData['timeouts']): Timeouts => ({
  connectMs: data.connect,
  responseMs: data.response,
  idleMs: data.idle,
  connectionAgeMs: data.connection_age,
  keepAliveMs: data.keep_alive,
  callerMs: data.caller,
  tokenMs: data.token,
  lameDuckMs: data.lame_duck,
  drainMs: data.drain,
});

const replayOf = (data: ConfigData['replay'], resolve: (file: string) => string): ReplayConfig => ({
  memoryBytes: data.memory,
  spoolBytes: data.spool,
  spoolTotalBytes: data.spool_total,
  dir: data.dir === undefined ? os.tmpdir() : resolve(data.dir),
});

const limitsOf = (data: ConfigData['limits']): Config['limits'] => ({
  headerBytes: data.header_bytes,
  headers: data.headers,
  urlBytes: data.url_bytes,
  answerHeaderBytes: data.answer_header_bytes,
  connections: data.connections,
  waiting: data.waiting,
  signedBodyBytes: data.signed_body,
  bodyMemoryBytes: data.body_memory,
});

/** XDG Base Directory: a relative `$XDG_STATE_HOME` is ignored. */
function stateDir(env: BuildOptions['env']): string {
  const given = env['XDG_STATE_HOME'];
  const base =
    given !== undefined && path.isAbsolute(given) ? given : path.join(env['HOME'] || os.homedir(), '.local/state');
  return path.join(base, 'outrider');
}
