import type { Address } from '../core/listen.ts';
import type { Profile } from './profile/profile.ts';
import type { ConfigData } from './schema.ts';
import type { Encryption, StoreConfig } from './schema/store.ts';

export type { Address, Encryption, StoreConfig };

/** Milliseconds; what each is for stands in the schema. */
export type Timeouts = ConfigData['timeouts'];
export type Limits = ConfigData['limits'];
/** `spoolBytes` is the largest body in all; `dir` is absolute. */
export type ReplayConfig = ConfigData['replay'] & { readonly dir: string };

/** The values of a provider's credentials at one moment; a changed secret file makes a new one. */
export interface CredentialSnapshot {
  /** Grows with every change, so that what was rendered from an older one can be recognised. */
  readonly version: number;
  /** The operator's values as text, defaults not rendered in; in the environment `simulator`, `test` for what is left out. */
  readonly values: ReadonlyMap<string, string>;
}

/** A provider's credentials. `current` is replaced, whole, when a secret file changes. */
export interface CredentialSource {
  readonly current: CredentialSnapshot;
}

export interface ProviderConfig {
  readonly name: string;
  readonly profileName: string;
  /** The profile with `extends` resolved and the provider's `renew` merged in. */
  readonly profile: Profile;
  readonly environment: string | undefined;
  /** Endpoint name → URL. In the environment `simulator` the values are paths until `app` has its origin. */
  readonly endpoints: Readonly<Record<string, string>>;
  readonly credentials: CredentialSource;
  readonly scope: readonly string[];
  /** Whether a caller who asks for a token of its own gets a placeholder; else it is refused. */
  readonly placeholder?: boolean;
}

export interface RouteMatch {
  readonly path: string | undefined;
  readonly methods: readonly string[];
  /** Lower case. */
  readonly hosts: readonly string[];
  /** Lower-case name → exact value. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface RouteConfig {
  readonly name: string;
  readonly match: RouteMatch;
  /** Name of the provider; undefined: forwarded without credentials. */
  readonly provider: string | undefined;
  /** Absolute URL without a trailing slash; undefined only when the provider's api endpoint comes from the simulator. */
  readonly upstream: string | undefined;
  readonly stripPrefix: boolean;
  readonly headers: { readonly set: ReadonlyMap<string, string>; readonly remove: readonly string[] };
  readonly timeouts: Timeouts;
  readonly replay: ReplayConfig | false;
  readonly websocket: boolean;
}

/** The whole file, validated, defaults filled in. Nothing below here looks at YAML again. */
export interface Config {
  /** Absolute path of the file. */
  readonly file: string;
  readonly listen: Omit<ConfigData['listen'], 'socketMode' | 'socketGroup' | 'allowedHosts'> & {
    readonly allowedHosts: readonly string[];
  };
  readonly admin: ConfigData['admin'];
  readonly forward: ConfigData['forward'];
  readonly store: StoreConfig;
  readonly stateDir: string;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly replay: ReplayConfig;
  readonly log: ConfigData['log'];
  readonly providers: ReadonlyMap<string, ProviderConfig>;
  /** In the order of the file. */
  readonly routes: readonly RouteConfig[];
  /** Every text that must never be seen, for the log's redaction by value: credentials marked secret, access tokens. */
  secretTexts(): Iterable<string>;
  /** Starts watching the secret files; the returned function stops. */
  watchSecrets(): () => void;
}
