import { parseDuration } from '../core/units.ts';
import { KINDS, SIMULATED_KINDS } from './kinds.ts';
import { createSimulator } from './simulator.ts';

type Credentials = Readonly<Record<string, string>>;

export interface SimulatorStart {
  /** Where to listen, on 127.0.0.1; default: any free port. */
  readonly port?: number;
  /**
   * What the providers know, in place of `test`: by name for each of them that has such a credential
   * (`{ client_secret: 's' }`), or for one profile alone (`{ phonepe: { client_secret: 's' } }`).
   */
  readonly credentials?: Readonly<Record<string, string | Credentials>>;
  /** How long tokens live: `'90s'`, `'15m'`, or milliseconds. Default: what the provider itself does. */
  readonly lifetime?: string | number;
}

export interface RunningSimulator {
  /** `http://127.0.0.1:PORT`; below it each provider by the name of its profile, as `/phonepe/apis/…`. */
  readonly url: string;
  /** Stops at once; what is under way is cut. */
  stop(): Promise<void>;
}

/** Milliseconds. Throws a `TypeError`. */
function readLifetime(lifetime: string | number | undefined): number | undefined {
  if (lifetime === undefined) return undefined;
  const read = typeof lifetime === 'string' ? parseDuration(lifetime) : lifetime;
  if (read !== undefined && Number.isSafeInteger(read) && read > 0) return read;
  throw new TypeError('`lifetime` is a duration (250ms, 90s, 15m, 1h) or a whole number of milliseconds, above zero');
}

/** The given credentials by kind. Throws a `TypeError` for a name that means nothing. */
function readCredentials(given: NonNullable<SimulatorStart['credentials']>): (kind: string) => Credentials {
  const known = (kind: string): Credentials => KINDS.get(kind)?.credentials ?? {};
  const names = (kinds: readonly string[]): Set<string> => new Set(kinds.flatMap((kind) => Object.keys(known(kind))));
  const check = (name: string, of: Set<string>): void => {
    if (!of.has(name)) throw new TypeError(`no credential is called "${name}" there; there are: ${[...of].join(', ')}`);
  };
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'string') check(name, names(SIMULATED_KINDS));
    else if (!KINDS.has(name)) {
      throw new TypeError(`no profile "${name}" is simulated; there are: ${SIMULATED_KINDS.join(', ')}`);
    } else for (const own of Object.keys(value)) check(own, names([name]));
  }
  return (kind) => {
    const shared = Object.entries(given).filter(([name, value]) => typeof value === 'string' && name in known(kind));
    return { ...(Object.fromEntries(shared) as Credentials), ...(given[kind] as Credentials | undefined) };
  };
}

/**
 * Starts simulators of all providers on one port: their token endpoints and protected APIs, small and strict, with `/_control/…`
 * to revoke tokens, delay answers and have them fail (`GET /` lists what there is). For test suites.
 * Rejects with a `TypeError` for options that mean nothing, and with the system's error when the port can't be had.
 */
export async function startSimulator(options: SimulatorStart = {}): Promise<RunningSimulator> {
  const { port = 0, credentials = {}, lifetime } = options;
  const lifetimeMs = readLifetime(lifetime);
  const credentialsOf = readCredentials(credentials);
  const simulator = createSimulator({
    providers: SIMULATED_KINDS.map((kind) => ({
      name: kind,
      kind,
      credentials: credentialsOf(kind),
      ...(lifetimeMs !== undefined && { lifetimeMs }),
    })),
  });
  const url = await simulator.listen(port);
  return { url, stop: () => simulator.close() };
}
