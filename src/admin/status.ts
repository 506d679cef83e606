import type { TokenStanding } from '../auth/token/standing.ts';
import type { Config } from '../config/config.ts';
import type { Diagnostic } from '../config/diagnostics/diagnostics.ts';
import { VERSION } from '../core/version.ts';
import { isoTime } from './entries.ts';
import type { ProviderStatus, Status } from './schemas.ts';

/** The state of a provider's tokens. */
export interface Tokens {
  readonly standing: TokenStanding | undefined;
  readonly subjects: number | undefined;
}

/** What is known of a running proxy. Times are in milliseconds since the epoch. */
export interface Facts {
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly isReady: boolean;
  /** The config in use. */
  readonly config: Pick<Config, 'file' | 'store' | 'providers' | 'routes'>;
  readonly loadedAtMs: number;
  readonly failedReload:
    | { readonly atMs: number; readonly detail: string; readonly diagnostics: readonly Diagnostic[] }
    | undefined;
  readonly listeners: Status['listeners'];
  readonly tokensOf: (provider: string) => Tokens | undefined;
  readonly totals: {
    route(name: string): Pick<Status['routes'][number], 'requests' | 'errors' | 'replays'>;
    renewals(provider: string): { readonly ok: number; readonly failed: number };
    isStoreUp(kind: string): boolean | undefined;
  };
  /** Undefined: there is no audit trail. */
  readonly audit: Status['audit'] | undefined;
  /** Hides the known secrets in a text of a provider. */
  readonly redact: (text: string) => string;
}

type Token = NonNullable<ProviderStatus['token']>;

const timeOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : isoTime(ms));
const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1_000));

function tokenStatus(provider: string, { standing, subjects }: Tokens, facts: Facts): Token | null {
  if (!standing) return null;
  const { state, generation, type, issuedAtMs, expiresAtMs, nextRenewalAtMs, lastFailure } = standing;
  const hasToken = issuedAtMs !== undefined && expiresAtMs !== undefined;
  return {
    state,
    generation,
    type: type === undefined ? null : facts.redact(type),
    issued_at: hasToken ? isoTime(issuedAtMs) : null,
    age_seconds: hasToken ? seconds(facts.nowMs - issuedAtMs) : null,
    lifetime_seconds: hasToken ? seconds(expiresAtMs - issuedAtMs) : null,
    expires_at: timeOrNull(expiresAtMs),
    next_renewal_at: timeOrNull(nextRenewalAtMs),
    last_failure: lastFailure ? { at: isoTime(lastFailure.atMs), detail: facts.redact(lastFailure.detail) } : null,
    renewals: { ...facts.totals.renewals(provider) },
    subjects: subjects ?? null,
  };
}

/** Makes the entry of a provider in the API. Undefined when no provider has that name. */
export function providerStatus(name: string, facts: Facts): ProviderStatus | undefined {
  const provider = facts.config.providers.get(name);
  if (!provider) return undefined;
  const tokens = facts.tokensOf(name);
  return {
    name,
    profile: provider.profileName,
    environment: provider.environment ?? null,
    token: tokens ? tokenStatus(name, tokens, facts) : null,
  };
}

/** Makes the answer to `GET /api/status`. */
export function describeStatus(facts: Facts): Status {
  const { config, failedReload, totals } = facts;
  return {
    version: VERSION,
    started_at: isoTime(facts.startedAtMs),
    uptime_seconds: seconds(facts.nowMs - facts.startedAtMs),
    ready: facts.isReady,
    config: {
      file: config.file,
      loaded_at: isoTime(facts.loadedAtMs),
      failed_reload: failedReload
        ? { at: isoTime(failedReload.atMs), detail: failedReload.detail, diagnostics: failedReload.diagnostics }
        : null,
    },
    listeners: facts.listeners,
    store: { kind: config.store.kind, up: totals.isStoreUp(config.store.kind) ?? true },
    audit: facts.audit ?? null,
    providers: [...config.providers.keys()].flatMap((name) => providerStatus(name, facts) ?? []),
    routes: config.routes.map(({ name, match, provider }) => ({
      name,
      match_path: match.path ?? null,
      provider: provider ?? null,
      ...totals.route(name),
    })),
  };
}
