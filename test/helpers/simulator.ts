import type { ExecutionContext } from 'ava';
import { SIMULATED_KINDS, createSimulator } from '../../src/simulator/simulator.ts';
import type { SimulatedProvider } from '../../src/simulator/simulator.ts';
import { fakeClock } from './clock.ts';
import type { FakeClock } from './clock.ts';

/** What `_control/calls` says of one provider. */
export interface Calls {
  readonly provider: string;
  readonly kind: string;
  readonly token: Readonly<
    Record<'fetch' | 'refresh' | 'ok' | 'refused' | 'failed' | 'under_way' | 'most_at_once', number>
  >;
  readonly api: Readonly<Record<'total' | 'ok' | 'rejected' | 'refused' | 'failed', number>>;
}

export interface TestSimulator {
  readonly origin: string;
  readonly clock: FakeClock;
  /** `POST /_control/<what>` with these parameters; throws unless it is a 200. */
  control(
    what: 'revoke' | 'lifetime' | 'delay' | 'fail',
    parameters?: Readonly<Record<string, string | number>>,
  ): Promise<unknown>;
  calls(provider: string): Promise<Calls>;
}

export interface TestSimulatorOptions {
  /** By default one provider of each kind, named by its kind, with the default credentials. */
  readonly providers?: readonly SimulatedProvider[];
  readonly clock?: FakeClock;
}

/** Starts the simulators on a free port for one test, at a time that stands still; they are closed with the test. */
export async function startSimulator(t: ExecutionContext, options: TestSimulatorOptions = {}): Promise<TestSimulator> {
  const { providers = SIMULATED_KINDS.map((kind) => ({ name: kind, kind, credentials: {} })), clock = fakeClock() } =
    options;
  const simulator = createSimulator({ providers, clock });
  const origin = await simulator.listen();
  t.teardown(() => simulator.close());

  const ask = async (
    method: string,
    what: string,
    parameters: Readonly<Record<string, string | number>>,
  ): Promise<unknown> => {
    const query = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
    const response = await fetch(`${origin}/_control/${what}?${query.toString()}`, { method });
    const body = await response.text();
    if (response.status !== 200) throw new Error(`_control/${what} answered ${response.status}: ${body}`);
    return JSON.parse(body);
  };
  return {
    origin,
    clock,
    control: (what, parameters = {}) => ask('POST', what, parameters),
    calls: async (provider) => (await ask('GET', 'calls', { provider })) as Calls,
  };
}
