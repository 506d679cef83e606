import { SIMULATOR } from './core/simulator.ts';
import type { Config, ProviderConfig } from './config/config.ts';
import { systemClock, type Clock } from './core/clock.ts';
import type { Endpoints } from './compile.ts';
import { createSimulator, type SimulatedProvider, type Simulator } from './simulator/simulator.ts';

/** Brings up the simulators that a config asks for; undefined when it asks for none. */
export async function startSimulator(config: Config, clock: Clock = systemClock): Promise<Simulator | undefined> {
  const providers = simulatedProviders(config);
  if (providers.length === 0) return undefined;
  const simulator = createSimulator({ providers, clock });
  await simulator.listen();
  return simulator;
}

/** The providers of a config that a simulator stands in for, with the credentials that it takes. */
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

/** The endpoints of a provider; those of the simulator get its origin and the provider's own mount. */
export function endpointsOf(provider: ProviderConfig, simulatorOrigin: string | undefined): Endpoints {
  return Object.fromEntries(
    Object.entries(provider.endpoints).map(([name, url]) => {
      if (!url.startsWith('/')) return [name, url];
      const rest = url.slice(url.indexOf('/', 1) < 0 ? url.length : url.indexOf('/', 1));
      return [name, `${simulatorOrigin ?? 'http://simulator.localhost'}/${provider.name}${rest}`];
    }),
  );
}
