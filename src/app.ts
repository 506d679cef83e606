import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { LookupFunction } from 'node:net';
import type { Writable } from 'node:stream';
import { createApi, type Api } from './admin/api.ts';
import { createAssetPages } from './admin/assets.ts';
import type { ExplainRequest } from './admin/schemas.ts';
import { createAdmin, type Admin } from './admin/server.ts';
import { describeStatus, providerStatus, type Facts } from './admin/status.ts';
import { isLoopback } from './config/checks/listening.ts';
import type { Config, CredentialSource } from './config/config.ts';
import { carryCredentials, carryOn } from './config/credentials.ts';
import { clientCertificates } from './config/tls.ts';
import type { Loaded } from './config/load.ts';
import { restartsNeeded } from './config/restart.ts';
import { systemClock, type Clock } from './core/clock.ts';
import { OutriderError } from './core/errors.ts';
import { createEvents, type Events } from './core/events.ts';
import type { HttpClient } from './core/http.ts';
import { createPrograms } from './core/program.ts';
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
import type { OpenAudit } from './observe/audit/audit.ts';
import type { OpenTracing } from './observe/tracing/tracing.ts';
import { Budget } from './proxy/body/budget.ts';
import { createCallbackListener } from './proxy/callback-listener.ts';
import { createClient } from './proxy/client.ts';
import { createErrorNotices, createSpoolNotices, reportEchoes } from './proxy/error-notices.ts';
import { guardedLookup } from './proxy/destination.ts';
import { sharedLookup } from './proxy/lookup.ts';
import { dialUnmatched } from './proxy/egress/dial.ts';
import type { Tunnel } from './proxy/downstream.ts';
import { createExchange } from './proxy/exchange.ts';
import { createConnectDoor } from './proxy/doors/connect.ts';
import { createGuard, isOwnOrigin } from './proxy/guard.ts';
import { readHead } from './proxy/request-head.ts';
import { LazyHandshakes } from './proxy/websocket/handshake.ts';
import { createListener, serverLimits, type Listener } from './proxy/listener.ts';
import { egressPasswords, readEgress } from './proxy/egress/egress.ts';
import { createUpstream, type ConnectionLimits } from './proxy/upstream.ts';
import { createReloads, type FailedReload, type GoodReload } from './reload.ts';
import { endpointsOf, simulatedProviders, startSimulator } from './simulation.ts';
import type { Simulator } from './simulator/simulator.ts';
import { Deliveries } from './store/deliveries.ts';
import { openStore } from './store/open.ts';
import { materialOf } from './config/tls-material.ts';
import { openBlindTunnel } from './tunnel/blind.ts';
import type { LocalCa } from './tunnel/certificate.ts';
import type { TunnelTarget } from './tunnel/intercept.ts';
import { createInterceptor } from './tunnel/interceptor.ts';
import type { Store } from './store/store.ts';

/** What an app takes from its surroundings in place of the system's. Tests and `exec` set these. */
export interface AppOptions {
  readonly clock?: Clock;
  /** The log is written here; stderr by default. */
  readonly logStream?: Writable;
  /** The environment that names the egress proxy (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`); `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Resolves the host names of upstreams and token endpoints; the system's resolver by default. */
  readonly lookup?: LookupFunction;
  /** Gives the CA that signs for `hosts` when TLS is intercepted. By default it is the local CA in `state_dir`. */
  readonly caFor?: (hosts: ReadonlySet<string>) => Promise<LocalCa>;
  /** Reads the config's file again. Undefined when the config came from no file: then `reloadFile` has nothing to read. */
  readonly load?: () => Loaded;
}

/** The addresses that an app listens at. That of a listener that the config leaves out is undefined. */
export interface Started {
  /** `http://127.0.0.1:PORT`, or `unix:/path`. */
  readonly origin: string;
  /** Like `origin`; undefined with `admin: false`. */
  readonly adminOrigin: string | undefined;
  /** `http://127.0.0.1:PORT`; undefined when no provider is simulated. */
  readonly simulatorOrigin: string | undefined;
  /** Like `origin`; undefined without `callbacks_listen`. */
  readonly callbacksOrigin: string | undefined;
}

/** A proxy with its listeners, its token store and its log, for one config at a time. */
export interface App {
  readonly events: Events;
  readonly logger: Logger;
  /** The config in use: the newest one that was loaded. */
  readonly config: Config;
  /**
   * Opens the store and starts to listen. Rejects if any of that fails (with the system's error for an address that can't be
   * had), and then leaves nothing open.
   */
  start(): Promise<Started>;
  /**
   * Drains and closes. SIGTERM, the default, first waits for the lame-duck time; SIGINT skips it. A second call waits for the
   * first one.
   */
  stop(options?: { readonly signal?: 'SIGTERM' | 'SIGINT' }): Promise<void>;
  /**
   * Replaces the config. Requests under way finish on the old one. A changed key that needs a restart, such as `listen`, keeps
   * its old value and is warned of. Rejects when the new config can't be prepared; then nothing has changed.
   */
  reload(config: Config): Promise<void>;
  /**
   * Reads the config again with the `load` of the options, and replaces the config as `reload` does. A config with errors is
   * reported and changes nothing. Rejects when a good one can't be prepared.
   */
  reloadFile(): Promise<GoodReload | FailedReload>;
}

/** Wires the rooms together. No other file knows them all. Nothing is opened before `start`. */
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
  const metrics = createMetrics(events, { version: VERSION, clientCertificates: () => clientCertificates(current) });

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
  // Token calls never reuse a connection. The endpoint may be closing an idle one; the call would be lost, and that failure
  // would make every caller wait for the back-off.
  const tokenUpstream = createUpstream(clock, scheduler, { egress, lookup, limits, isReused: false });
  const http: HttpClient = createClient(tokenUpstream, clock);
  const programs = createPrograms({ cwd: dirname(config.file), env, clock });
  let store: Store | undefined;
  let tracing: OpenTracing | undefined;
  let audit: OpenAudit | undefined;
  const budgets = {
    memory: new Budget(config.limits.bodyMemoryBytes),
    disk: new Budget(config.replay.spoolTotalBytes),
    diskFailed: createSpoolNotices(events, clock),
  };

  const callbackMemory = new Budget(config.limits.bodyMemoryBytes);

  let simulator: Simulator | undefined;
  const retired: Simulator[] = [];
  let listener: Listener | undefined;
  let callbackListener: Listener | undefined;
  let deliveries: Deliveries | undefined;
  let callbacksOrigin: string | undefined;
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
        run: programs.run,
        store: store as Store,
        endpointsOf: (provider) => endpointsOf(provider, simulated?.origin),
        tracing,
      },
      live,
    );

  const report = createErrorNotices(events, clock);
  reportEchoes(events, clock);
  const handle = createExchange({
    compiled: () => live as LiveConfig,
    upstream,
    unmatchedUpstream,
    handshakes,
    events,
    clock,
    budgets,
    tracing: () => tracing,
    audit: () => audit,
    pseudonym,
    nextRequestId,
    report,
  });

  const interceptor = createInterceptor<TunnelTarget & Pick<Tunnel, 'identity'>>({
    clock,
    events,
    ...(options.caFor && { caFor: options.caFor }),
    adopt: (socket, scheme, { host, port, identity }, carrier) =>
      listener?.adopt(
        socket,
        { tunnel: { destination: { scheme, host, port }, identity }, certificate: undefined },
        carrier,
      ),
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
    intercept: ({ socket, behind }, { destination: { host, port }, identity }) =>
      interceptor.intercept(socket, behind, { host, port, identity }),
    openBlindTunnel: (socket, head, onward) => openBlindTunnel(socket, head, onward, clock),
  });

  const tlsMaterial = materialOf(() => current.listen.tls ?? (config.listen.tls as CredentialSource));
  const callbacksTls = materialOf(
    () => current.callbacksListen?.tls ?? (config.callbacksListen?.tls as CredentialSource),
  );
  const tellRefusedCertificate = (reason: string): void => {
    const detail = `a client certificate does not verify (${reason}): is its CA in \`listen.tls.client_ca\`?`;
    report(new OutriderError('client_unauthenticated', { detail }), nextRequestId(), undefined);
  };

  /** Loads what a config needs before its first request: the WebSocket client and the local CA. */
  const prepare = async ({ stateDir }: Config, { routes, forwardDoor }: LiveConfig): Promise<void> => {
    await handshakes.prepare(routes);
    if (forwardDoor?.mode === 'intercept') await interceptor.prepare(stateDir, forwardDoor.hosts);
  };

  async function closeAll(drainMs: number): Promise<void> {
    await Promise.all([listener?.close(drainMs), callbackListener?.close(drainMs)]);
    api?.close();
    await admin?.close();
    stopWatching?.();
    live?.retire(undefined);
    await audit?.close();
    programs.close();
    await tracing?.close();
    for (const one of [...retired, ...(simulator ? [simulator] : [])]) await one.close();
    await Promise.all([upstream, unmatchedUpstream, tokenUpstream].map((one) => one.close()));
    await deliveries?.close();
    await store?.close();
    metrics.close();
    await logger.close();
  }

  async function openAdmin({ address, token }: Exclude<Config['admin'], false>, origin: string): Promise<void> {
    const { allowedHosts, accessTokens } = config.listen;
    // A reload may bring callers or take them away.
    const isTokenAsked = (): boolean => accessTokens.length > 0 || current.callers !== undefined;
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
      listeners: {
        proxy: origin,
        admin: admin?.origin ?? '',
        simulator: simulator?.origin ?? null,
        callbacks: callbacksOrigin ?? null,
      },
      tokensOf: (provider) => live?.providers.get(provider)?.auth,
      totals: metrics.totals,
      audit: audit?.state,
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
      needsToken: () => token !== undefined || isTokenAsked() || !isLoopback(address),
      guard: ({ rawHeaders, socket }) => {
        const { host, origin: from, fetchSite } = readHead(rawHeaders);
        guard.checkHost(host, socket.localAddress);
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

  async function openCallbacks({ address, tls }: NonNullable<Config['callbacksListen']>): Promise<void> {
    deliveries = new Deliveries(store as Store, clock);
    callbackListener = createCallbackListener({
      address,
      limits: () => limitsOfServer,
      scheduler,
      tls: tls && { material: callbacksTls, refused: tellRefusedCertificate },
      compiled: () => live as LiveConfig,
      upstream,
      deliveries,
      events,
      clock,
      // Strangers who send large bodies don't use up what the requests of callers need.
      budgets: { ...budgets, memory: callbackMemory },
      pseudonym,
      nextRequestId,
      report,
    });
    callbacksOrigin = await callbackListener.listen();
  }

  async function open(): Promise<Started> {
    store = await openStore(config.store, { clock, events });
    simulator = await startSimulator(config, clock);
    if (config.tracing) {
      const { createTracing } = await import('./observe/tracing/tracing.ts');
      tracing = createTracing(config.tracing, { http, clock, events, logger, instance });
    }
    if (config.audit) {
      const { openAudit } = await import('./observe/audit/audit.ts');
      audit = await openAudit(config.audit, { clock, events, logger, callers: () => current.callers ?? [] });
    }
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
      tls: config.listen.tls && { material: tlsMaterial, refused: tellRefusedCertificate },
    });
    const origin = await listener.listen();
    if (config.callbacksListen) await openCallbacks(config.callbacksListen);
    if (config.admin !== false) await openAdmin(config.admin, origin);
    isReady = true;
    return { origin, adminOrigin: admin?.origin, simulatorOrigin: simulator?.origin, callbacksOrigin };
  }

  async function reload(next: Config): Promise<readonly string[]> {
    const restarts = restartsNeeded(current, next);
    for (const message of restarts) events.emit('notice', { level: 'warn', message });
    const before = live;
    // This comes before the comparison. Without it, credentials whose files are half changed would start a new simulator.
    carryCredentials(current.providers, next.providers);
    carryOn(current.listen.tls, next.listen.tls);
    carryOn(current.callbacksListen?.tls, next.callbacksListen?.tls);
    for (const { name, tokens } of next.callers ?? []) {
      carryOn(current.callers?.find((caller) => caller.name === name)?.tokens, tokens);
    }
    const isSimulatedOtherwise =
      JSON.stringify(simulatedProviders(current)) !== JSON.stringify(simulatedProviders(next));
    const simulated = isSimulatedOtherwise ? await startSimulator(next, clock) : simulator;
    let compiled: LiveConfig | undefined;
    try {
      compiled = compile(next, simulated);
      // The local CA stays where it is until a restart.
      await prepare({ ...next, stateDir: config.stateDir }, compiled);
    } catch (error) {
      compiled?.retire(before);
      if (simulated !== simulator) await simulated?.close();
      throw error;
    }
    // Nothing below can fail, so a reload that fails has changed nothing.
    compiled.takeOver();
    live = compiled;
    // Requests under way may still need the old simulator, so it stays open until the app stops.
    if (simulator && simulator !== simulated) retired.push(simulator);
    simulator = simulated;
    stopWatching?.();
    stopWatching = next.watchSecrets();
    current = next;
    loadedAtMs = clock.now();
    limitsOfServer = serverLimits(next);
    for (const memory of [budgets.memory, callbackMemory]) memory.resize(next.limits.bodyMemoryBytes);
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
        callbackListener?.beginClosing();
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
  caller,
}: ExplainRequest): Parameters<typeof explainRequest>[1] => ({
  method,
  url,
  headers: Object.entries(headers).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, value])),
  body: body === undefined ? undefined : Buffer.from(body),
  caller,
});
