import type { KeyObject } from 'node:crypto';
import type { Address } from '../core/address.ts';
import type { TlsSource } from '../core/tls.ts';
import type { TracingConfig } from './checks/tracing.ts';
import type { Profile } from './profile/profile.ts';
import type { ConfigData } from './schema.ts';
import type { ALL, Rate } from './schema/callers.ts';
import type { Encryption, StoreConfig } from './schema/store.ts';

export type { Address, Encryption, Rate, StoreConfig, TracingConfig };

/** All in milliseconds. The schema says what each of them is for. */
export type Timeouts = ConfigData['timeouts'];
/** Sizes in bytes, and counts. The schema says what each of them is for. */
export type Limits = ConfigData['limits'];
/** `spoolBytes` is the largest body that is kept at all; `spoolTotalBytes` is for all files together. `dir` is absolute. */
export type ReplayConfig = ConfigData['replay'] & { readonly dir: string };

/** The values of a provider's credentials at one moment. A changed secret file makes a new snapshot. */
export interface CredentialSnapshot {
  /** The version grows with every change. It tells what was rendered from older values. */
  readonly version: number;
  /**
   * Credential name → text. Defaults are not among the values. In the environment `simulator`, the value of a required
   * credential that was left out is `test`.
   */
  readonly values: ReadonlyMap<string, string>;
  /** The keys among the credentials, defaults included: credential name → key. None has the format `text`. */
  readonly keys?: ReadonlyMap<string, KeyObject> | undefined;
}

/** A provider's credentials. When a secret file changes, a new snapshot replaces `current` as a whole. */
export interface CredentialSource {
  readonly current: CredentialSnapshot;
}

/** A `tls` section of a provider. */
export interface ProviderTls extends TlsSource {
  /** The texts that the identity is made of, by name: `tls.certificate`. */
  readonly texts: CredentialSource;
}

/** One entry of `providers`, checked against its profile. */
export interface ProviderConfig {
  readonly name: string;
  readonly profileName: string;
  /** The profile with `extends` resolved and the provider's `renew` merged in. */
  readonly profile: Profile;
  /** Undefined where the profile has no environments. */
  readonly environment: string | undefined;
  /**
   * Endpoint name → URL. The profile's endpoints for `simulator` are paths: the simulator's origin is known only when it runs.
   */
  readonly endpoints: Readonly<Record<string, string>>;
  readonly credentials: CredentialSource;
  /** What replaces some of them for callbacks that were signed before a change, each set in its turn. */
  readonly oldCredentials: readonly CredentialSource[];
  /** One scope in each item. */
  readonly scope: readonly string[];
  /** Whether a caller that asks for a token of its own gets a placeholder. If not, its request is refused. */
  readonly placeholder?: boolean;
  /** How TLS is spoken to its API. Undefined: without a certificate of ours, and with the system's roots. */
  readonly tls?: ProviderTls | undefined;
  /** The same for its token endpoint. */
  readonly tokenTls?: ProviderTls | undefined;
}

/** What a request must have for a route. An empty list or map matches every request. */
export interface RouteMatch {
  /** A prefix of the raw path. A route without one is for the forward doors alone. */
  readonly path: string | undefined;
  readonly methods: readonly string[];
  /** In lower case, without ports. */
  readonly hosts: readonly string[];
  /** Name in lower case → exact value. */
  readonly headers: ReadonlyMap<string, string>;
}

/** One entry of `routes`, completed by the defaults of the whole config. */
export interface RouteConfig {
  readonly name: string;
  readonly match: RouteMatch;
  /** Name of the provider. Requests of a route without one are forwarded without credentials. */
  readonly provider: string | undefined;
  /** Absolute URL without a trailing slash. Undefined when the provider's `api` endpoint is that of the simulator. */
  readonly upstream: string | undefined;
  /** Whether the matched prefix is cut off. */
  readonly stripPrefix: boolean;
  readonly headers: { readonly set: ReadonlyMap<string, string>; readonly remove: readonly string[] };
  readonly timeouts: Timeouts;
  /** False: no request of this route is replayed. */
  readonly replay: ReplayConfig | false;
  /** Whether answers are searched for the secrets in their requests. */
  readonly scrub: ConfigData['scrub'];
  /** Whether `Upgrade: websocket` may pass. */
  readonly websocket: boolean;
  /** `signed`: nothing is sent; the caller gets what would have been sent. */
  readonly answer: RouteAnswer;
}

/** What a caller gets: the provider's answer, or its own request with the signature. */
export type RouteAnswer = 'upstream' | 'signed';

/** One entry of `callbacks`. */
export interface CallbackConfig {
  readonly name: string;
  /** The whole raw path. */
  readonly path: string;
  /** The name of the provider whose profile verifies. */
  readonly verify: string;
  /** The absolute URL of the application. */
  readonly forward: string;
  readonly timeoutMs: number;
  /** How long the same callback is recognised. */
  readonly windowMs: number;
  /** What becomes of one that was delivered before: it is forwarded again, or answered here. */
  readonly duplicates: 'pass' | 'answer';
}

/** What a client certificate says of its owner. */
export type CertificateName = { readonly kind: 'uri' | 'dns' | 'cn'; readonly name: string };

/** One entry of `callers`. */
export interface CallerConfig {
  readonly name: string;
  /** Its tokens by their keys. A value is a token, or `sha256:` and its digest. A changed file makes a new snapshot. */
  readonly tokens: CredentialSource;
  readonly certificate: CertificateName | undefined;
  /** The names of its routes, or all. */
  readonly routes: readonly string[] | typeof ALL;
  /** Empty: all. */
  readonly methods: readonly string[];
  /** Paths, or with a final `/*` all below one. Empty: all. */
  readonly paths: readonly string[];
  readonly rate: Rate | undefined;
  readonly concurrent: number | undefined;
  /** In milliseconds since the epoch. */
  readonly expiresAtMs: number | undefined;
}

/** The whole file: validated, with its defaults filled in. No user of it looks at YAML again. */
export interface Config {
  /** Absolute path of the file. */
  readonly file: string;
  readonly listen: Omit<ConfigData['listen'], 'socketMode' | 'socketGroup' | 'allowedHosts' | 'tls'> & {
    readonly allowedHosts: readonly string[];
    /** `certificate`, `key` and perhaps `client_ca`, in PEM. Undefined: no TLS. */
    readonly tls: CredentialSource | undefined;
  };
  readonly admin: ConfigData['admin'];
  /** Undefined: nobody has to be one of them. */
  readonly callers: readonly CallerConfig[] | undefined;
  readonly forward: ConfigData['forward'];
  readonly store: StoreConfig;
  /** Absolute path of the directory that keeps the local CA. */
  readonly stateDir: string;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly replay: ReplayConfig;
  readonly scrub: ConfigData['scrub'];
  readonly log: ConfigData['log'];
  /** Undefined: there are no traces. */
  readonly tracing: TracingConfig | undefined;
  readonly providers: ReadonlyMap<string, ProviderConfig>;
  /** In the order of the file. */
  readonly routes: readonly RouteConfig[];
  /** Where callbacks come in. Undefined when there are none. */
  readonly callbacksListen: { readonly address: Address; readonly tls: CredentialSource | undefined } | undefined;
  readonly callbacks: readonly CallbackConfig[];
  /**
   * Every text that must never be seen: tokens of callers, access tokens, the keys of listeners and providers, the store's
   * secrets, and credentials that their profile marks as secret.
   * The log redacts these by value.
   */
  secretTexts(): Iterable<string>;
  /** Starts to watch the secret files. The returned function ends that. */
  watchSecrets(): () => void;
}
