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

/** What a simulator takes when nothing is said (config.md). */
const STAND_IN = 'test';

/** Every credential as templates see it, defaults rendered in, computed once per version. */
export interface ResolvedCredentials {
  readonly version: number;
  readonly values: ReadonlyMap<string, ByteString>;
}

/**
 * Follows a provider's credentials: {@link resolve} gives the current values as one, never a mixture of two versions.
 * A credential without value and default is empty text (in a simulator: `test`).
 */
export class Credentials {
  readonly #source: CredentialSource;
  readonly #names: readonly string[];
  readonly #defaults = new Map<string, Compiled>();
  readonly #fallback: (name: string) => string;
  #snapshot: CredentialSnapshot | undefined;
  #resolved: ResolvedCredentials = { version: -1, values: new Map() };

  constructor(specs: Specs, environment: string | undefined, source: CredentialSource, compile: Compile) {
    this.#source = source;
    this.#names = Object.keys(specs);
    this.#fallback = (name) => (environment === SIMULATOR && !specs[name]?.optional ? STAND_IN : '');
    for (const [name, spec] of Object.entries(specs)) {
      const template = defaultOf(spec, environment);
      if (template !== undefined) this.#defaults.set(name, compile(template));
    }
  }

  resolve(): ResolvedCredentials {
    const snapshot = this.#source.current;
    if (snapshot !== this.#snapshot) {
      this.#resolved = { version: snapshot.version, values: this.#render(snapshot) };
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
    // A default may name a credential that has a default itself: a chain of them is settled after as many rounds.
    for (const _ of missing) for (const [name, template] of missing) values.set(name, template.render(scope));
    return values;
  }
}

/** The names of the credentials that must not be seen: the secret ones, and those whose default is made of one. */
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
