import type { KeyObject } from 'node:crypto';
import { SIMULATOR } from '../core/simulator.ts';
import type { CredentialSnapshot, CredentialSource } from '../config/config.ts';
import { defaultOf } from '../config/profile/default-text.ts';
import { parseTemplate } from '../config/template/template.ts';
import type { CredentialSpec } from '../config/profile/profile.ts';
import type { Compile, Compiled } from './template.ts';
import { EMPTY_REQUEST } from './draft.ts';
import { Scope } from './scope.ts';
import { type ByteString, fromUnicode } from '../core/byte-string.ts';

type Specs = Readonly<Record<string, CredentialSpec>>;

/** The value of a required credential that the operator left out, with a simulator. */
const STAND_IN = 'test';

const NO_KEYS: ReadonlyMap<string, KeyObject> = new Map();

/** The value of every credential as templates see it, with defaults filled in. Computed once per version. */
export interface ResolvedCredentials {
  readonly version: number;
  readonly values: ReadonlyMap<string, ByteString>;
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/**
 * The current credentials of a provider. {@link resolve} never mixes values of two versions. A credential with neither a value
 * nor a default is empty; with a simulator, a required one is `test`.
 */
export class Credentials {
  readonly #source: CredentialSource;
  readonly #names: readonly string[];
  readonly #defaults = new Map<string, Compiled>();
  readonly #fallback: (name: string) => string;
  #snapshot: CredentialSnapshot | undefined;
  #resolved: ResolvedCredentials = { version: -1, values: new Map(), keys: NO_KEYS };

  constructor(specs: Specs, environment: string | undefined, source: CredentialSource, compile: Compile) {
    this.#source = source;
    this.#names = Object.keys(specs);
    this.#fallback = (name) => (environment === SIMULATOR && !specs[name]?.optional ? STAND_IN : '');
    for (const [name, spec] of Object.entries(specs)) {
      const template = defaultOf(spec, environment);
      if (template !== undefined) this.#defaults.set(name, compile(template));
    }
  }

  /** The current values. The same object is returned until the credentials change, so callers may compare by identity. */
  resolve(): ResolvedCredentials {
    const snapshot = this.#source.current;
    if (snapshot !== this.#snapshot) {
      const { version, keys = NO_KEYS } = snapshot;
      this.#resolved = { version, values: this.#render(snapshot), keys };
      this.#snapshot = snapshot;
    }
    return this.#resolved;
  }

  #render(snapshot: CredentialSnapshot): Map<string, ByteString> {
    const values = new Map<string, ByteString>();
    for (const name of this.#names) values.set(name, fromUnicode(snapshot.values.get(name) ?? this.#fallback(name)));
    const scope = new Scope({
      credentials: values,
      token: undefined,
      subject: '',
      request: EMPTY_REQUEST,
      now: () => 0,
    });
    const missing = [...this.#defaults].filter(([name]) => !snapshot.values.has(name));
    // A default may refer to a credential that has a default itself. The longest chain has as many links as there are defaults,
    // so that many rounds resolve it.
    for (const _ of missing) for (const [name, template] of missing) values.set(name, template.render(scope));
    return values;
  }
}

/** The names of credentials that must not be shown: those marked secret, and those whose default contains a secret one. */
export function secretCredentials(specs: Specs, environment: string | undefined): ReadonlySet<string> {
  const secrets = new Set(Object.keys(specs).filter((name) => specs[name]?.secret));
  for (let before = -1; before !== secrets.size;) {
    before = secrets.size;
    for (const [name, spec] of Object.entries(specs)) {
      const parts = parseTemplate(defaultOf(spec, environment) ?? '');
      const isMade = parts.some(
        (part) => typeof part === 'object' && secrets.has(part.name.replace('credentials.', '')),
      );
      if (isMade) secrets.add(name);
    }
  }
  return secrets;
}
