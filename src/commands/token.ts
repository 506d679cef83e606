import { createProviderAuth } from '../auth/provider.ts';
import { TokenFailure } from '../auth/token/failure.ts';
import type { Config, ProviderConfig } from '../config/config.ts';
import { didYouMean } from '../config/diagnostics/suggest.ts';
import { systemClock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { createEvents, type Events } from '../core/events.ts';
import { mask } from '../core/secret.ts';
import { createClient } from '../proxy/client.ts';
import { readEgress } from '../proxy/egress/egress.ts';
import { ReadScheduler } from '../http1/read-scheduler.ts';
import { createUpstream } from '../proxy/upstream.ts';
import type { TokenRecord } from '../store/store.ts';
import { openStore } from '../store/open.ts';
import { endpointsOf, startSimulator } from '../simulation.ts';
import type { ProviderStatus, Status } from '../admin/schemas.ts';
import { askAdmin, findAdmin, printRefusal, type AdminReply, type AdminTarget } from './admin-client.ts';
import { readConfig } from './config-file.ts';
import { span } from './span.ts';
import { programsFor, showProgramErrors } from './token-program.ts';
import { redactText } from './redact-text.ts';
import type { Context } from './output.ts';
import { columns, printError, printFailure, failureOf, warn } from './output.ts';

/** How long `token` waits for a proxy that may not be there. */
const GREETING_MS = 1_000;

export interface TokenOptions {
  readonly provider: string;
  /** Whether to fetch a new token even if the store has one. */
  readonly renew: boolean;
  /** Whether to print the token itself. */
  readonly show: boolean;
}

/** What looks wrong with a token that can be used all the same. */
export interface Warning {
  /** The code is stable. */
  readonly code: string;
  readonly message: string;
  readonly help: string;
}

/** Collects the warnings: the notices that have a code and a remedy. The list grows as they come. */
export function collectWarnings(events: Events): readonly Warning[] {
  const warnings: Warning[] = [];
  events.on('notice', ({ message, fields: { code, help } = {} }) => {
    if (typeof code === 'string' && typeof help === 'string')
      warnings.push({ code, message: redactText(message), help });
  });
  return warnings;
}

/** Gets a token as the proxy does. If the provider is simulated, the simulator runs for as long as that takes. */
async function fetchToken(
  context: Context,
  config: Config,
  provider: ProviderConfig,
  renew: boolean,
): Promise<{ readonly record: TokenRecord; readonly warnings: readonly Warning[] }> {
  const clock = systemClock;
  const upstream = createUpstream(clock, new ReadScheduler(), { egress: readEgress(context.env) });
  const events = createEvents();
  showProgramErrors(context, events);
  const warnings = collectWarnings(events);
  const store = await openStore(config.store, { clock, events });
  const simulator = provider.environment === 'simulator' ? await startSimulator(config) : undefined;
  const programs = programsFor(context, config);
  const auth = createProviderAuth(provider, {
    endpoints: endpointsOf(provider, simulator?.origin),
    store,
    clock,
    events,
    http: createClient(upstream, clock),
    tls: () => provider.tokenTls?.current,
    run: programs.run,
    tokenTimeoutMs: config.timeouts.tokenMs,
    maxWaiting: config.limits.waiting,
  });
  try {
    return { record: await auth.token({ renew }), warnings };
  } finally {
    auth.close();
    programs.close();
    await upstream.close();
    await simulator?.close();
    await store.close();
  }
}

/**
 * Asks a running proxy of this very config what it knows of the token. It gets one first if it has none. Undefined when there is no
 * such proxy.
 */
async function askRunning(
  context: Context,
  config: Config,
  name: string,
  renew: boolean,
): Promise<{ readonly target: AdminTarget; readonly reply: AdminReply } | undefined> {
  const target = await findAdmin(context).catch(() => undefined);
  if (!target) return undefined;
  const ask = (method: 'GET' | 'POST', url: string, timeoutMs?: number): Promise<AdminReply | undefined> =>
    askAdmin(target, method, url, timeoutMs).catch(() => undefined);
  const status = await ask('GET', '/api/status', GREETING_MS);
  const { config: its, providers } = (status?.status === 200 ? status.body : {}) as Partial<Status>;
  if (its?.file !== config.file) return undefined;
  const provider = providers?.find((one) => one.name === name);
  // Tokens of users are not for this command. A provider that is new in the file is not in the proxy yet.
  if (!provider?.token || provider.token.subjects !== null) return undefined;
  const { state } = provider.token;
  const tokenMs = config.providers.get(name)?.profile.token?.program?.timeoutMs ?? config.timeouts.tokenMs;
  const reply =
    renew || (state !== 'valid' && state !== 'renewing')
      ? await ask('POST', `/api/providers/${encodeURIComponent(name)}/renew`, tokenMs + GREETING_MS)
      : { status: 200, body: provider };
  return reply && { target, reply };
}

/** Prints what a running proxy tells of its token. The token itself is not among it. */
function printRunning(context: Context, { target, reply }: { target: AdminTarget; reply: AdminReply }): number {
  if (reply.status !== 200) return printRefusal(context, target, reply);
  const { name, token: found } = reply.body as ProviderStatus;
  const { type, age_seconds: age, expires_at: end, generation } = found ?? {};
  const leftMs = Date.parse(end ?? '') - systemClock.now();
  const facts = {
    provider: name,
    running_proxy: target.shown,
    type,
    generation,
    age_seconds: age,
    expires_at: end,
    expires_in_seconds: Math.round(leftMs / 1_000),
  };
  context.stdout.write(
    context.json
      ? `${JSON.stringify(facts)}\n`
      : columns([
          ['provider', name],
          ['of', `the proxy that runs on ${target.shown}, generation ${generation}`],
          ['type', type ?? undefined],
          ['age', span((age ?? 0) * 1_000)],
          ['expires', `${end} (in ${span(leftMs)})`],
        ]),
  );
  return 0;
}

/**
 * `outrider token`: prints a token with type, age and expiry, masked unless `show` is set. Without `show` it first asks a running
 * proxy of this config, which tells the same of its own token, but for the value. Resolves with the exit code.
 */
export async function token(context: Context, { provider: name, renew, show }: TokenOptions): Promise<number> {
  const config = readConfig(context);
  if (!config) return 1;
  const provider = config.providers.get(name);
  if (!provider) {
    return printError(context, {
      code: 'unknown_provider',
      message: `the config has no provider "${name}"`,
      help: didYouMean(name, config.providers.keys(), 'providers'),
    });
  }
  if (!provider.profile.token) {
    return printError(context, {
      code: 'no_token',
      message: `the profile ${provider.profileName} of "${name}" uses no token`,
      help: `\`outrider explain\` shows what it adds to a request`,
    });
  }
  const running = show ? undefined : await askRunning(context, config, name, renew);
  if (running) return printRunning(context, running);
  let fetched: Awaited<ReturnType<typeof fetchToken>>;
  try {
    fetched = await fetchToken(context, config, provider, renew);
  } catch (error) {
    if (!(error instanceof OutriderError && error.cause instanceof TokenFailure)) return printFailure(context, error);
    // The error's own remedy is for the sender of a request. Here the operator needs that of the token call.
    return printError(context, { ...failureOf(error), help: error.cause.remedy });
  }
  const { record, warnings } = fetched;
  const nowMs = systemClock.now();
  const value = show ? record.accessToken : mask(record.accessToken);
  const facts = {
    provider: name,
    type: record.tokenType,
    age_seconds: Math.max(0, Math.round((nowMs - record.issuedAtMs) / 1_000)),
    expires_at: new Date(record.expiresAtMs).toISOString(),
    expires_in_seconds: Math.round((record.expiresAtMs - nowMs) / 1_000),
    has_refresh_token: record.refreshToken !== undefined,
    value,
    warnings,
  };
  context.stdout.write(
    context.json
      ? `${JSON.stringify(facts)}\n`
      : columns([
          ['provider', name],
          ['type', facts.type],
          ['age', span(nowMs - record.issuedAtMs)],
          ['expires', `${facts.expires_at} (in ${span(record.expiresAtMs - nowMs)})`],
          ['value', value],
        ]),
  );
  for (const { message, help } of context.json ? [] : warnings) warn(context, message, help);
  return 0;
}
