import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Egress } from '../../proxy/egress/egress.ts';
import { checkAddresses } from './addresses.ts';
import { checkConnection } from './connection.ts';
import { checkSecretFiles, checkSpool, checkState } from './files.ts';
import { failure, ok, warning, type Finding } from './finding.ts';
import { checkListenerTls } from './listener-tls.ts';
import { checkStore } from './store.ts';

const EGRESS_MS = 4_000;
/** Descriptors for files, listeners, the store and the log. */
const OWN_DESCRIPTORS = 100;

export interface MachineDeps {
  readonly config: Config;
  readonly secretFiles: readonly string[];
  readonly egress: Egress;
  readonly clock: Clock;
  /** Where requests and token calls go. */
  readonly origins: readonly string[];
  readonly isOffline: boolean;
}

/** What all providers have in common, each thing once. */
export async function checkMachine(deps: MachineDeps): Promise<readonly Finding[]> {
  const { config, secretFiles, clock, isOffline } = deps;
  const found = await Promise.all([
    checkSecretFiles(secretFiles),
    checkAddresses(config),
    checkState(config),
    checkSpool(config),
    checkStore(config.store, clock),
    isOffline ? Promise.resolve([]) : checkEgress(deps),
  ]);
  return [...found.flat(), ...checkListenerTls(config, clock), checkDescriptors(config.limits.connections)];
}

/** Whether the proxies that lead to providers are there; whether they let us through is told with each provider. */
async function checkEgress({ origins, egress, clock }: MachineDeps): Promise<readonly Finding[]> {
  const behind = new Map<string, string[]>();
  for (const origin of origins) {
    const proxy = egress(origin)?.origin;
    if (proxy !== undefined) behind.set(proxy, [...(behind.get(proxy) ?? []), new URL(origin).host]);
  }
  if (behind.size === 0) return [ok('egress', 'egress_unused', 'no egress proxy stands before a provider')];
  const deps = { egress: () => undefined, clock, withinMs: EGRESS_MS };
  const found = await Promise.all(
    [...behind].map(async ([proxy, hosts]) => {
      const host = `the egress proxy ${new URL(proxy).host}`;
      const target = { origin: proxy, host, setting: 'HTTPS_PROXY and HTTP_PROXY' };
      const { findings } = await checkConnection(target, deps);
      const wrong = findings.filter(({ result }) => result !== 'ok').map((each) => ({ ...each, check: 'egress' }));
      if (wrong.length > 0) return wrong;
      return [ok('egress', 'egress_ok', `${proxy} is there, on the way to ${hosts.join(', ')}`)];
    }),
  );
  return found.flat();
}

/** A caller's connection takes one, and one more while its request is at the provider. */
function checkDescriptors(connections: number): Finding {
  const limit = descriptorLimit();
  if (limit === Infinity) return ok('descriptors', 'descriptors_ok', 'any number may be open');
  const least = connections + OWN_DESCRIPTORS;
  const enough = 2 * connections + OWN_DESCRIPTORS;
  const message = `this user may open ${limit} files, and \`limits.connections: ${connections}\` needs up to ${enough}`;
  const fewer = Math.max(Math.floor((limit - OWN_DESCRIPTORS) / 2), 1);
  const remedy = `raise it (\`ulimit -n ${enough}\`, systemd: LimitNOFILE=${enough}), or set \`limits.connections\` to ${fewer}`;
  const trouble = { code: 'few_descriptors', message, remedy };
  if (limit < least) return failure('descriptors', trouble);
  if (limit < enough) return warning('descriptors', trouble);
  return ok('descriptors', 'descriptors_ok', `${limit} may be open, and up to ${enough} are needed`);
}

/** Node raises its own limit as far as it may, so that this is what the proxy has too. Infinity where there is none. */
function descriptorLimit(): number {
  // Else the report would look up the names of all peers.
  Object.assign(process.report, { excludeNetwork: true });
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Infinity;
}
