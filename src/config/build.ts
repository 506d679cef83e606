import os from 'node:os';
import path from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { NoticeRecord } from '../core/events.ts';
import type { Address, Config, ProviderConfig } from './config.ts';
import { writtenSecrets } from './credentials.ts';
import { readSecretFile } from './yaml/files.ts';
import { hideSecrets } from './diagnostics/hide.ts';
import { readCallbacks } from './checks/callbacks.ts';
import { readCallers } from './checks/callers.ts';
import { checkListening } from './checks/listening.ts';
import { Profiles } from './profile/profiles.ts';
import type { Problems } from './diagnostics/problems.ts';
import { readProvider, type ReadProvider } from './checks/providers.ts';
import { checkReach } from './checks/reach.ts';
import { read } from './schema/read.ts';
import { readRoutes } from './checks/routes.ts';
import { configSchema, type ConfigData } from './schema.ts';
import { readServerTls, type ServerTls, type ServerTlsData } from './checks/server-tls.ts';
import { readTracing } from './checks/tracing.ts';
import { checkShadows } from './checks/shadow.ts';
import { checkStore, storeOf, storeSecrets } from './schema/store.ts';
import { ChildLocation, find, type MapNode, type Node } from './yaml/tree.ts';
import { watchCertificates } from './certificate-watch.ts';
import { watchCredentials, type Watched } from './watch.ts';

export interface BuildOptions {
  /** Absolute path of the config file. Relative paths in it start in its directory. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Called with what happens to the secret files while they are watched. */
  readonly onNotice: (notice: NoticeRecord) => void;
}

/**
 * Makes a {@link Config} of the file's tree. Every mistake goes to `problems`. When an error is among them, only `secretTexts`
 * of the result may be used.
 */
export function buildConfig(root: MapNode, options: BuildOptions, problems: Problems): Config {
  hideSecrets(root);
  const data = read(configSchema, root, root, problems);
  const resolve = (file: string): string => path.resolve(path.dirname(options.file), file);
  const profiles = new Profiles(asMap(find(root, 'profiles')), problems);
  profiles.checkOwn();
  const { timeouts } = data;
  const replay = { ...data.replay, dir: data.replay.dir === undefined ? os.tmpdir() : resolve(data.replay.dir) };
  const providers = readProviders(root, data, profiles, options.clock, problems);
  const list = find(root, 'routes');
  const routeList = list?.kind === 'list' ? list : undefined;
  const providerNames = Object.keys(data.providers ?? {});
  const needsPath = data.forward.mode === 'none' && !problems.isReported(find(root, 'forward', 'mode'));
  const routes = readRoutes(
    routeList,
    data.routes ?? [],
    { timeouts, replay, scrub: data.scrub, providers, providerNames, needsPath },
    problems,
  );
  checkReach(routes, problems);
  const forwarded = routes.filter(({ route }) => route.answer !== 'signed');
  if (data.forward.mode !== 'none') checkShadows(forwarded, providers, problems);
  const callbacks = readCallbacks(root, data, providers, problems);
  checkListening(root, data, problems);
  checkStore(root, data.store, problems);
  if (routes.length === 0 && callbacks.length === 0 && !problems.isBrokenBelow(list)) {
    problems.warning(
      'no_routes',
      new ChildLocation(root, 'routes'),
      'there is no route: every request is answered with 404',
      'add `routes:`',
    );
  }
  const tlsSections = [...providers.values()].flatMap(({ name, tls }) => tls.map((one) => ({ name, tls: one })));
  const callers = readCallers(root, data, routes, options.clock.now(), problems);
  const tlsOf = (section: string, given: ServerTlsData | undefined): ServerTls | undefined => {
    const node = find(root, section, 'tls');
    return node && given && readServerTls(node, given, problems);
  };
  const listenTls = tlsOf('listen', data.listen.tls);
  const callbacksTls = tlsOf('callbacks_listen', data.callbacksListen?.tls);
  const watched: readonly Watched[] = [
    ...[...providers.values()].flatMap(({ name, credentials, oldCredentials, tls: sections }) =>
      [credentials, ...oldCredentials, ...sections.map(({ texts }) => texts)].map((each) => ({
        kind: 'provider' as const,
        name,
        credentials: each,
      })),
    ),
    ...(callers ?? []).map(({ name, tokens }) => ({ kind: 'caller' as const, name, credentials: tokens })),
    ...(listenTls ? [{ kind: 'listener' as const, name: 'listen.tls', credentials: listenTls }] : []),
    ...(callbacksTls ? [{ kind: 'listener' as const, name: 'callbacks_listen.tls', credentials: callbacksTls }] : []),
  ];
  const sound = soundOnes(providers);
  const store = storeOf(data.store, resolve);
  const tracing = readTracing(root, data.tracing, options.env, problems);
  const admin = data.admin && { address: resolveAddress(data.admin.address, resolve), token: data.admin.token };
  const { socketMode: _mode, socketGroup: _group, ...listen } = data.listen;
  const tokens = [...listen.accessTokens, ...(admin && admin.token ? [admin.token] : [])];
  return {
    file: options.file,
    listen: {
      ...listen,
      address: socketOf(data.listen, resolve),
      allowedHosts: listen.allowedHosts.flat(),
      tls: 'path' in data.listen.address ? undefined : listenTls,
    },
    admin,
    callers,
    forward: data.forward,
    store,
    stateDir: data.stateDir === undefined ? stateDir(options.env) : resolve(data.stateDir),
    timeouts,
    limits: data.limits,
    replay,
    scrub: data.scrub,
    log: data.log,
    tracing,
    providers: sound,
    routes: routes.map(({ route }) => route),
    callbacksListen: data.callbacksListen && {
      address: resolveAddress(data.callbacksListen.address, resolve),
      tls: 'path' in data.callbacksListen.address ? undefined : callbacksTls,
    },
    callbacks,
    *secretTexts() {
      for (const token of tokens) yield token.reveal();
      yield* storeSecrets(store);
      for (const { credentials } of watched) yield* credentials.secretTexts();
      for (const [, value] of tracing?.headers ?? []) yield value.reveal();
      for (const { profile } of sound.values()) yield* writtenSecrets(profile);
    },
    watchSecrets() {
      const { clock, onNotice } = options;
      const stopCredentials = watchCredentials(watched, clock, readSecretFile, onNotice);
      const stopCertificates = watchCertificates(tlsSections, clock, onNotice);
      return () => {
        stopCredentials();
        stopCertificates();
      };
    },
  };
}

const asMap = (node: Node | undefined): MapNode | undefined => (node?.kind === 'map' ? node : undefined);

function readProviders(
  root: MapNode,
  data: ConfigData,
  profiles: Profiles,
  clock: Clock,
  problems: Problems,
): Map<string, ReadProvider> {
  const node = asMap(find(root, 'providers'));
  const providers = new Map<string, ReadProvider>();
  for (const [name, provider] of Object.entries(data.providers ?? {})) {
    const place = node?.get(name);
    if (place && provider) providers.set(name, readProvider(place, name, provider, profiles, clock, problems));
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

/** Where the proxy listens. The address of a Unix socket also gets the mode and group of the config. */
function socketOf(
  { address, socketMode: mode, socketGroup: group }: ConfigData['listen'],
  resolve: (file: string) => string,
): Address {
  const resolved = resolveAddress(address, resolve);
  if (!('path' in resolved)) return resolved;
  return { ...resolved, ...(mode !== undefined && { mode }), ...(group !== undefined && { group }) };
}

/** The default state directory, by the XDG Base Directory Specification: a relative `$XDG_STATE_HOME` is ignored. */
function stateDir(env: BuildOptions['env']): string {
  const given = env['XDG_STATE_HOME'];
  const base =
    given !== undefined && path.isAbsolute(given) ? given : path.join(env['HOME'] || os.homedir(), '.local/state');
  return path.join(base, 'outrider');
}
