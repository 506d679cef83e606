import type { ProviderConfig } from '../config.ts';
import type { Clock } from '../../core/clock.ts';
import type { ReloadableCredentials } from '../credentials.ts';
import type { ReloadableTls } from '../tls.ts';
import { buildRenew } from '../profile/build.ts';
import { SIMULATOR } from '../../core/simulator.ts';
import { checkRenew } from '../profile/check.ts';
import type { Profile, RenewSpec } from '../profile/profile.ts';
import { credentialsOf } from '../profile/read-names.ts';
import { readCredentials, readOldCredentials } from './provider-credentials.ts';
import { readTls } from './provider-tls.ts';
import type { Profiles, ResolvedProfile } from '../profile/profiles.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { ProviderData } from '../schema.ts';
import { isName, NAME_HELP } from '../schema/values.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { ChildLocation, find, nearest, type Node } from '../yaml/tree.ts';

/** The cooldown of a simulated provider whose profile gives none. */
const SIMULATED_COOLDOWN_MS = 1;

/** A provider, as far as it could be read. `config` is undefined when something is wrong with it. */
export interface ReadProvider {
  readonly name: string;
  readonly endpoints: Readonly<Record<string, string>>;
  /** Whether `endpoints` is complete. It isn't when the profile or the environment is wrong. */
  readonly isUnderstood: boolean;
  /** The operator's own `endpoints.api`, if there is one. */
  readonly apiPlace: Node | undefined;
  readonly environment: string | undefined;
  readonly credentials: ReloadableCredentials;
  readonly oldCredentials: readonly ReloadableCredentials[];
  /** Its `tls` sections. */
  readonly tls: readonly ReloadableTls[];
  readonly config: ProviderConfig | undefined;
}

/**
 * Checks one entry of `providers` against its profile.
 * Reports `unknown_profile`, `missing_environment`, `unknown_environment`, `missing_endpoint`, `unknown_key`, `scope_too_many`,
 * `unknown_scope`, `unused_key`, `invalid_value`, `missing_key`, and the codes of {@link readCredentials} and {@link readTls}.
 */
export function readProvider(
  node: Node,
  name: string,
  data: ProviderData,
  profiles: Profiles,
  clock: Clock,
  problems: Problems,
): ReadProvider {
  const before = problems.errors;
  if (!isName(name)) problems.error('invalid_value', node, `"${name}" can't be the name of a provider`, NAME_HELP);
  const resolved = resolve(node, data, profiles);
  const isChosen = resolved !== undefined && checkEnvironment(node, data, resolved, problems);
  const environment = data.environment;
  const endpoints = { ...(environment === undefined ? {} : resolved?.declared.environments[environment]) };
  for (const [key, url] of Object.entries(data.endpoints ?? {})) if (url !== undefined) endpoints[key] = url;
  if (resolved) {
    checkEndpointNames(node, resolved, problems);
    if (isChosen) checkNeeds(node, name, data, resolved, endpoints, problems);
  }
  const credentials = readCredentials(
    node,
    resolved?.declared.credentials,
    { environment, isChosen, endpoints, profile: resolved?.profile, verified: verifiedWith(resolved) },
    problems,
  );
  const oldCredentials = readOldCredentials(
    find(node, 'old_credentials'),
    resolved?.declared.credentials,
    { environment, isChosen, endpoints, profile: resolved?.profile },
    problems,
  );
  const scope = (data.scope ?? []).flatMap((item) => item.split(/\s+/)).filter((item) => item !== '');
  if (resolved) checkScope(node, resolved, scope, problems);
  const tls = data.tls && readTls(node, ['tls'], data.tls, clock, problems);
  const ofToken = data.token?.tls;
  const tokenTls = ofToken ? readTls(node, ['token', 'tls'], ofToken, clock, problems) : tls;
  const profile = resolved?.profile;
  if (profile) {
    checkUnused(node, data.profile, profile, problems);
    checkRenew(find(node, 'renew'), problems);
  }
  const config =
    profile === undefined || problems.errors > before
      ? undefined
      : {
          name,
          profileName: data.profile,
          profile: { ...profile, renew: buildRenew(data.renew, renewIn(environment, resolved, profile)) },
          environment,
          endpoints,
          credentials,
          oldCredentials,
          scope,
          placeholder: data.placeholder,
          tls,
          tokenTls,
        };
  return {
    name,
    endpoints,
    isUnderstood: isChosen,
    apiPlace: find(node, 'endpoints', 'api'),
    environment,
    credentials,
    oldCredentials,
    tls: [...new Set([tls, tokenTls])].filter((one) => one !== undefined),
    config,
  };
}

/** The credentials that the profile's `verify` reads. */
const verifiedWith = (resolved: ResolvedProfile | undefined): ReadonlySet<string> =>
  credentialsOf(resolved?.profile?.verify ?? [], resolved?.profile?.values ?? {});

/** The `renew` below a provider's own. The simulator revokes tokens of any age, and a cooldown would hide its rejections. */
function renewIn(
  environment: string | undefined,
  resolved: ResolvedProfile | undefined,
  { renew }: Profile,
): RenewSpec {
  const isDefault = environment === SIMULATOR && resolved?.writesCooldown === false;
  return isDefault ? { ...renew, cooldownMs: SIMULATED_COOLDOWN_MS } : renew;
}

function resolve(node: Node, data: ProviderData, profiles: Profiles): ResolvedProfile | undefined {
  const profile: string | undefined = data.profile;
  if (profile === undefined) return undefined;
  if (profiles.has(profile)) return profiles.get(profile);
  profiles.reportUnknown(profile, nearest(node, 'profile'));
  return undefined;
}

/** Whether the environment is clear: it is one of the profile's, or the profile has none. Reports what is wrong. */
function checkEnvironment(
  node: Node,
  data: ProviderData,
  { declared, name }: ResolvedProfile,
  problems: Problems,
): boolean {
  const known = Object.keys(declared.environments);
  const at = nearest(node, 'environment');
  if (data.environment === undefined) {
    if (problems.isReported(at)) return false;
    if (known.length === 0) return true;
    const place = at === node ? new ChildLocation(node, 'environment') : at;
    problems.error(
      'missing_environment',
      place,
      `the profile "${name}" needs an environment`,
      `add \`environment:\` with one of ${known.join(', ')}`,
    );
    return false;
  }
  if (known.includes(data.environment)) return true;
  if (known.length === 0) {
    problems.error('unknown_environment', at, `the profile "${name}" has no environments`, 'leave `environment` out');
  } else {
    const help = didYouMean(data.environment, known, 'environments');
    problems.error('unknown_environment', at, `the profile "${name}" has no environment "${data.environment}"`, help);
  }
  return false;
}

function checkEndpointNames(node: Node, resolved: ResolvedProfile, problems: Problems): void {
  const endpoints = find(node, 'endpoints');
  if (endpoints?.kind !== 'map') return;
  for (const [key, place] of endpoints.keys) {
    if (resolved.endpoints.includes(key)) continue;
    problems.error(
      'unknown_key',
      place,
      `the profile has no endpoint "${key}"`,
      didYouMean(key, resolved.endpoints, 'endpoints'),
    );
  }
}

function checkNeeds(
  node: Node,
  name: string,
  { environment }: ProviderData,
  { needed, profile }: ResolvedProfile,
  endpoints: Readonly<Record<string, string>>,
  problems: Problems,
): void {
  if (profile === undefined) return;
  for (const endpoint of needed) {
    const given = find(node, 'endpoints', endpoint);
    if (Object.hasOwn(endpoints, endpoint) || problems.isReported(given)) continue;
    const where = environment === undefined ? '' : ` in ${environment}`;
    problems.error(
      'missing_endpoint',
      nearest(node, 'environment'),
      `the address of the endpoint "${endpoint}"${where} is not known`,
      `set \`providers.${name}.endpoints.${endpoint}\``,
    );
  }
}

function checkScope(
  node: Node,
  { declared, name }: ResolvedProfile,
  scope: readonly string[],
  problems: Problems,
): void {
  const { max, known } = declared.scope;
  const at = nearest(node, 'scope');
  if (max !== undefined && scope.length > max) {
    problems.error('scope_too_many', at, `${scope.length} scopes are too many for "${name}"`, `name at most ${max}`);
  }
  if (known.length === 0) return;
  for (const item of scope) {
    if (known.includes(item)) continue;
    const list = at.kind === 'list' ? at.items : [];
    const place = list.find((entry) => entry.kind === 'scalar' && entry.text.split(/\s+/).includes(item)) ?? at;
    problems.warning('unknown_scope', place, `the scope "${item}" is not known`, didYouMean(item, known, 'scopes'));
  }
}

/**
 * Warns of keys about tokens when the profile gets no token, and of keys about callbacks when it verifies none. A JWT may say
 * scopes, and one that is reused is renewed.
 */
function checkUnused(node: Node, name: string, profile: Profile, problems: Problems): void {
  const old = find(node, 'old_credentials');
  if (old?.kind === 'list' && old.items.length > 0 && profile.verify.length === 0) {
    const message = `the profile "${name}" verifies no callbacks, so \`old_credentials\` means nothing`;
    problems.warning('unused_key', old, message, 'leave it out');
  }
  if (profile.token) return;
  const jwts = Object.values(profile.jwt);
  const isUsed = { scope: jwts.length > 0, renew: jwts.some(({ reuseMs }) => reuseMs !== undefined) };
  for (const key of ['scope', 'renew'] as const) {
    if (isUsed[key]) continue;
    const place = find(node, key);
    if (place === undefined || (place.kind === 'scalar' && place.isEmpty)) continue;
    problems.warning(
      'unused_key',
      place,
      `the profile "${name}" gets no token, so \`${key}\` means nothing`,
      'leave it out',
    );
  }
}
