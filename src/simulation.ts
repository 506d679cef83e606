import { SIMULATOR } from './core/simulator.ts';
import type { Config, ProviderConfig } from './config/config.ts';
import { systemClock, type Clock } from './core/clock.ts';
import type { Endpoints } from './compile.ts';
import { createSimulator, type SimulatedProvider, type Simulator } from './simulator/simulator.ts';

/** Starts one server that simulates every provider in the environment `simulator`; undefined when there is none. */
export async function startSimulator(config: Config, clock: Clock = systemClock): Promise<Simulator | undefined> {
  const providers = simulatedProviders(config);
  if (providers.length === 0) return undefined;
  const simulator = createSimulator({ providers, clock });
  await simulator.listen();
  return simulator;
}

/** The providers that are simulated, with the credentials that their simulators accept. */
export function simulatedProviders(config: Config): readonly SimulatedProvider[] {
  const providers: SimulatedProvider[] = [];
  for (const provider of config.providers.values()) {
    if (provider.environment !== SIMULATOR) continue;
    const kind =
      Object.values(provider.profile.environments[SIMULATOR] ?? {})[0]?.split('/')[1] ?? provider.profileName;
    providers.push({ name: provider.name, kind, credentials: Object.fromEntries(provider.credentials.current.values) });
  }
  return providers;
}

/**
 * The endpoints of a provider, as absolute URLs. An endpoint of a simulator is a path, `/KIND/…`: it gets the simulator's
 * origin, and the provider's name in place of the kind, so that two providers of one kind stay apart. An undefined origin
 * stands for a simulator that doesn't run.
 */
export function endpointsOf(provider: ProviderConfig, simulatorOrigin: string | undefined): Endpoints {
  return Object.fromEntries(
    Object.entries(provider.endpoints).map(([name, url]) => {
      if (!url.startsWith('/')) return [name, url];
      const rest = url.slice(url.indexOf('/', 1) < 0 ? url.length : url.indexOf('/', 1));
      return [name, `${simulatorOrigin ?? 'http://simulator.localhost'}/${provider.name}${rest}`];
    }),
  );
}
