import { SIMULATOR } from '../core/simulator.ts';
import type { ProviderConfig } from './config.ts';

/** The endpoints that the simulator of a provider stands in for: those of the profile's other environments. None where it does not. */
export function simulatedEnvironments({
  environment,
  profile,
}: Pick<ProviderConfig, 'environment' | 'profile'>): readonly Readonly<Record<string, string>>[] {
  if (environment !== SIMULATOR) return [];
  return Object.entries(profile.environments).flatMap(([name, endpoints]) => (name === SIMULATOR ? [] : [endpoints]));
}
