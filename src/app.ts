import { randomBytes } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import type { Writable } from 'node:stream';
import { createApi, type Api } from './admin/api.ts';
import { createAssetPages } from './admin/assets.ts';
import type { ExplainRequest } from './admin/schemas.ts';
import { createAdmin, type Admin } from './admin/server.ts';
import { describeStatus, providerStatus, type Facts } from './admin/status.ts';
import { isLoopback } from './config/checks/listening.ts';
import type { Config } from './config/config.ts';
import { carryCredentials } from './config/credentials.ts';
import type { Loaded } from './config/load.ts';
import { restartsNeeded } from './config/restart.ts';
import { systemClock, type Clock } from './core/clock.ts';
import { OutriderError } from './core/errors.ts';
import { createEvents, type Events } from './core/events.ts';
import type { HttpClient } from './core/http.ts';
import { VERSION } from './core/version.ts';
import { compileConfig, type LiveConfig } from './compile.ts';
import { explainRequest } from './explain/report.ts';
import { ReadScheduler } from './http1/read-scheduler.ts';
import { logExchanges } from './observe/access-log.ts';
import { BUCKET_MS, createHistory } from './observe/history.ts';
import { createJournal } from './observe/journal.ts';
import { createLogger, type Logger } from './observe/logger.ts';
import { createMetrics } from './observe/metrics.ts';
import { logNotices } from './observe/notices.ts';
import { Budget } from './proxy/body/budget.ts';
import { createClient } from './proxy/client.ts';
import { createErrorNotices, createSpoolNotices } from './proxy/error-notices.ts';
import { guardedLookup } from './proxy/destination.ts';
import { sharedLookup } from './proxy/lookup.ts';
import { dialUnmatched } from './proxy/egress/dial.ts';
import { createExchange } from './proxy/exchange.ts';
import { createConnectDoor } from './proxy/doors/connect.ts';
import { createGuard, isOwnOrigin } from './proxy/guard.ts';
import { LazyHandshakes } from './proxy/websocket/handshake.ts';
import { createListener, serverLimits, type Listener } from './proxy/listener.ts';
import { egressPasswords, readEgress } from './proxy/egress/egress.ts';
import { createUpstream, type ConnectionLimits } from './proxy/upstream.ts';
import { createReloads, type FailedReload, type GoodReload } from './reload.ts';
import { endpointsOf, simulatedProviders, startSimulator } from './simulation.ts';
import type { Simulator } from './simulator/simulator.ts';
import { openStore } from './store/open.ts';
import { openBlindTunnel } from './tunnel/blind.ts';
import type { Authority } from './tunnel/certificate.ts';
import { createInterceptor } from './tunnel/interceptor.ts';
import type { TokenStore } from './store/store.ts';

export interface AppOptions {
  readonly clock?: Clock;
  /** Where the log goes; default stderr. */
  readonly logStream?: Writable;
  /** Where the egress proxy is looked for; default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Resolves the names of upstreams and token endpoints; default: the system's. */
  readonly lookup?: LookupFunction;
  /** The CA of the interception door; default: that of `state_dir`. */
  readonly authorityFor?: (hosts: ReadonlySet<string>) => Promise<Authority>;
  /** Reads the config's file again, for whoever asks for that; without it there is none. */
  readonly load?: () => Loaded;
}

export interface Started {
  /** `http://127.0.0.1:PORT`, or `unix:/path`. */
  readonly origin: string;
  readonly adminOrigin: string | undefined;
  readonly simulatorOrigin: string | undefined;
}

export interface App {
  readonly events: Events;
  readonly logger: Logger;
  /** The one that is in use. */
  readonly config: Config;
  /** Listens. Rejects with the system's error when an address can't be had; nothing is left open then. */
  start(): Promise<Started>;
  /** Drains and closes. SIGINT skips the lame-duck time. A second call waits for the first. */
  stop(options?: { readonly signal?: 'SIGTERM' | 'SIGINT' }): Promise<void>;
  /** Swaps the config. Requests under way finish on the old one; `listen`, `admin` and `store` need a restart and warn. */
  reload(config: Config): Promise<void>;
  /** Reads the file again with the `load` of the options; a bad one is told, and changes nothing. Rejects where a reload fails otherwise. */
  reloadFile(): Promise<GoodReload | FailedReload>;
}

/** Wires the rooms together: the only place that knows them all. */
export function createApp(config: Config, options: AppOptions = {}): App {
  const { clock = systemClock, env = process.env } = options;
  const instance = randomBytes(6).toString('hex');
  const pseudonym = `outrider-${instance}`;
  let current = config;
  let limitsOfServer = serverLimits(config);
  let live: LiveConfig | undefined;
  let requests = 0;
  const nextRequestId = (): string => `${instance}-${(++requests).toString(36)}`;

  const passwords = [...egressPasswords(env)];
  const logger = createLogger({
    level: config.log.level,
    format: config.log.format,
    clock,
    *secretTexts() {
      yield* current.secretTexts();
      yield* passwords;
      if (live) yield* live.secretTexts();
    },
    ...(options.logStream ? { stream: options.logStream } : {}),
  });
  const events = createEvents((notice) => logger.clean(notice));
  let stopAccessLog = config.log.access ? logExchanges(events, logger) : undefined;
  logNotices(events, logger, clock);
  const metrics = createMetrics(events, { version: VERSION });

  const egress = readEgress(env);
  const limits = (): ConnectionLimits => ({
    answerHeaderBytes: current.limits.answerHeaderBytes,
    connectionAgeMs: current.timeouts.connectionAgeMs,
  });
  const scheduler = new ReadScheduler();
  const lookup = sharedLookup(options.lookup);
  const upstream = createUpstream(clock, scheduler, { egress, lookup, limits });
  const guarded = guardedLookup(lookup);
  const unmatchedUpstream = createUpstream(clock, scheduler, { egress, lookup: guarded, limits });
  const handshakes = new LazyHandshakes(clock, scheduler, egress, lookup);
  // Were it lost on a connection that the endpoint is just giving up, a token call would cost everybody a back-off.
  const tokenUpstream = createUpstream(clock, scheduler, { egress, lookup, limits, isReused: false });
  const http: HttpClient = createClient(tokenUpstream, clock);
  let store: TokenStore | undefined;
  const budgets = {
    memory: new Budget(config.limits.bodyMemoryBytes),
    disk: new Budget(config.replay.spoolTotalBytes),
    diskFailed: createSpoolNotices(events, clock),
  };

  let simulator: Simulator | undefined;
  const retired: Simulator[] = [];
  let listener: Listener | undefined;
  let admin: Admin | undefined;
  let api: Api | undefined;
  const startedAtMs = clock.now();
  let loadedAtMs = startedAtMs;
  let stopWatching: (() => void) | undefined;
  let isReady = false;
  let stopping: Promise<void> | undefined;

  const compile = (next: Config, simulated: Simulator | undefined): LiveConfig =>
    compileConfig(
      { ...next, listen: config.listen },
      {
        pseudonym,
        clock,
        events,
        http,
        store: store as TokenStore,
        endpointsOf: (provider) => endpointsOf(provider, simulated?.origin),
      },
      live,
    );

  const report = createErrorNotices(events, clock);
  const handle = createExchange({
    compiled: () => live as LiveConfig,
    upstream,
    unmatchedUpstream,
    handshakes,
    events,
    clock,
    budgets,
    pseudonym,
    nextRequestId,
    report,
  });

  const interceptor = createInterceptor({
    clock,
    events,
    ...(options.authorityFor && { authorityFor: options.authorityFor }),
    adopt: (socket, scheme, { host, port }, carrier) => listener?.adopt(socket, { scheme, host, port }, carrier),
    failed: (cause, { host }) => {
      const detail = `a client broke off TLS with us in a tunnel to ${host}: does it trust our CA (\`outrider ca show\`)?`;
      report(new OutriderError('bad_request', { detail, cause }), nextRequestId(), undefined);
    },
  });
  const connect = createConnectDoor({
    compiled: () => live as LiveConfig,
    events,
    clock,
    pseudonym,
    nextRequestId,
    report,
    refuse: (socket, error, requestId) => listener?.refuseTunnel(socket, error, requestId),
    dial: (destination) => dialUnmatched(destination, current.timeouts.connectMs, { egress, lookup: guarded, clock }),
    intercept: ({ socket, behind }, destination) => interceptor.intercept(socket, behind, destination),
    openBlindTunnel: (socket, head, onward) => openBlindTunnel(socket, head, onward, clock),
  });

  /** Gets ready what a config needs: the carrier of WebSocket, the CA. */
  const prepare = async ({ stateDir }: Config, { routes, forward }: LiveConfig): Promise<void> => {
    await handshakes.prepare(routes);
    if (forward?.mode === 'intercept') await interceptor.prepare(stateDir, forward.hosts);
  };

  async function closeAll(drainMs: number): Promise<void> {
    await listener?.close(drainMs);
    api?.close();
    await admin?.close();
    stopWatching?.();
    live?.retire(undefined);
    for (const one of [...retired, ...(simulator ? [simulator] : [])]) await one.close();
    await Promise.all([upstream, unmatchedUpstream, tokenUpstream].map((one) => one.close()));
    await store?.close();
    metrics.close();
    await logger.close();
  }

  async function openAdmin({ address, token }: Exclude<Config['admin'], false>, origin: string): Promise<void> {
    const { allowedHosts, accessTokens } = config.listen;
    const guard = createGuard({ allowedHosts, allowedOrigins: [], accessTokens: [] }, []);
    const redact = (text: string): string => {
      logger.redactor.refresh();
      return logger.redact(text);
    };
    const facts = (): Facts => ({
      nowMs: clock.now(),
      startedAtMs,
      isReady,
      config: { ...current, store: config.store },
      loadedAtMs,
      failedReload: reloads.failed,
      listeners: { proxy: origin, admin: admin?.origin ?? '', simulator: simulator?.origin ?? null },
      tokensOf: (provider) => live?.providers.get(provider)?.auth,
      totals: metrics.totals,
      redact,
    });
    const { load } = options;
    api = createApi({
      clock,
      journal: createJournal(events, { clock, redactor: logger.redactor }),
      history: { bucketMs: BUCKET_MS, ...createHistory(events, clock) },
      status: () => describeStatus(facts()),
      reload: load && (() => reloads.run(load)),
      async renew(provider) {
        const auth = live?.providers.get(provider)?.auth;
        if (!auth) return undefined;
        if (auth.standing === undefined) throw new OutriderError('not_found', { detail: `${provider} uses no token` });
        await auth.renewByHand();
        return providerStatus(provider, facts());
      },
      explain: (request) => explainRequest(current, asExplainOptions(request), redact),
      simulate: (what, query) => simulator?.control(what, query),
    });
    admin = createAdmin({
      address,
      token,
      needsToken: token !== undefined || accessTokens.length > 0 || !isLoopback(address),
      guard: ({ headers, socket }) => {
        const { host = '', origin: from } = headers;
        guard.checkHost(host, socket.localAddress);
        const fetchSite = [headers['sec-fetch-site']].flat()[0];
        guard.checkOrigin({ origin: isOwnOrigin(from, host) ? undefined : from, fetchSite });
        return undefined;
      },
      metrics,
      readiness: () => [{ name: 'listener', ok: isReady }],
      pages: new Map([...createAssetPages(), ...api.pages]),
      onFailure: (error, requestId) =>
        events.emit('notice', {
          level: 'error',
          message: error.detail,
          fields: { request_id: requestId, cause: error.cause },
        }),
    });
    await admin.listen();
  }

  async function open(): Promise<Started> {
    store = await openStore(config.store, { clock, events });
    simulator = await startSimulator(config, clock);
    live = compile(config, simulator);
    await prepare(config, live);
    stopWatching = config.watchSecrets();
    listener = createListener({
      address: config.listen.address,
      limits: () => limitsOfServer,
      clock,
      events,
      scheduler,
      handle,
      connect: (request) => void connect(request),
      nextRequestId,
    });
    const origin = await listener.listen();
    if (config.admin !== false) await openAdmin(config.admin, origin);
    isReady = true;
    return { origin, adminOrigin: admin?.origin, simulatorOrigin: simulator?.origin };
  }

  async function reload(next: Config): Promise<readonly string[]> {
    const restarts = restartsNeeded(current, next);
    for (const message of restarts) events.emit('notice', { level: 'warn', message });
    const before = live;
    // Else a simulator would be brought up anew for credentials that are half changed.
    carryCredentials(current.providers, next.providers);
    const isSimulatedOtherwise =
      JSON.stringify(simulatedProviders(current)) !== JSON.stringify(simulatedProviders(next));
    const simulated = isSimulatedOtherwise ? await startSimulator(next, clock) : simulator;
    const compiled = compile(next, simulated);
    try {
      // The local CA stays where it is until a restart.
      await prepare({ ...next, stateDir: config.stateDir }, compiled);
    } catch (error) {
      compiled.retire(before);
      if (simulated !== simulator) await simulated?.close();
      throw error;
    }
    // Nothing below fails: a reload that does has changed nothing.
    compiled.takeOver();
    live = compiled;
    // Requests under way may still be on their way to the old one.
    if (simulator && simulator !== simulated) retired.push(simulator);
    simulator = simulated;
    stopWatching?.();
    stopWatching = next.watchSecrets();
    current = next;
    loadedAtMs = clock.now();
    limitsOfServer = serverLimits(next);
    budgets.memory.resize(next.limits.bodyMemoryBytes);
    budgets.disk.resize(next.replay.spoolTotalBytes);
    logger.configure(next.log);
    stopAccessLog?.();
    stopAccessLog = next.log.access ? logExchanges(events, logger) : undefined;
    before?.retire(live);
    events.emit('notice', { level: 'info', message: 'the config was reloaded' });
    events.emit('reload', { outcome: 'ok' });
    return restarts;
  }
  const reloads = createReloads({ clock, events, current: () => current, apply: reload });

  return {
    events,
    logger,
    get config() {
      return current;
    },

    async start() {
      try {
        return await open();
      } catch (error) {
        await closeAll(0).catch(() => undefined);
        throw error;
      }
    },

    stop({ signal = 'SIGTERM' } = {}) {
      stopping ??= (async () => {
        isReady = false;
        listener?.beginClosing();
        const { lameDuckMs, drainMs } = current.timeouts;
        if (signal === 'SIGTERM' && lameDuckMs > 0)
          await new Promise<void>((resolve) => clock.after(lameDuckMs, resolve));
        await closeAll(drainMs);
      })();
      return stopping;
    },

    async reload(next) {
      await reload(next);
    },

    reloadFile() {
      const { load } = options;
      if (!load) return Promise.reject(new Error('the config has no file'));
      return reloads.run(load);
    },
  };
}

const asExplainOptions = ({
  method,
  url,
  headers = {},
  body,
}: ExplainRequest): Parameters<typeof explainRequest>[1] => ({
  method,
  url,
  headers: Object.entries(headers).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, value])),
  body: body === undefined ? undefined : Buffer.from(body),
});
