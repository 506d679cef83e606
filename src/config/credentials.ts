import { inspect, isDeepStrictEqual } from 'node:util';
import type { CredentialSnapshot, CredentialSource, ProviderConfig } from './config.ts';
import { suspicionOf, type Judge } from './checks/credential-text.ts';
import type { CredentialSpec, Profile } from './profile/profile.ts';
import type { Sources } from './yaml/interpolate.ts';
import type { ScalarNode } from './yaml/tree.ts';

/** Values at one moment. They are kept from everything that prints objects. */
class Snapshot implements CredentialSnapshot {
  readonly version: number;
  readonly #values: ReadonlyMap<string, string>;

  constructor(version: number, values: ReadonlyMap<string, string>) {
    this.version = version;
    this.#values = values;
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  toJSON(): unknown {
    return { version: this.version, names: [...this.#values.keys()] };
  }

  [inspect.custom](): string {
    return `CredentialSnapshot(${this.version}: ${[...this.#values.keys()].join(', ')})`;
  }
}

export interface CredentialEntry {
  readonly name: string;
  readonly node: ScalarNode;
  readonly isSecret: boolean;
  /** Whether the empty text is a value, too. */
  readonly mayBeEmpty: boolean;
}

/** What a {@link ReloadableCredentials.reload} did. */
export type Reloaded =
  | {
      readonly changed: readonly string[];
      readonly shown: Readonly<Record<string, string>>;
      /** What looks wrong with a new value, one sentence each. */
      readonly suspicions: readonly string[];
    }
  | { readonly refused: string };

/** Whether a default holds in this environment; a map of defaults without it leaves the credential required. */
export const hasDefault = (spec: CredentialSpec, environment: string | undefined): boolean =>
  typeof spec.default === 'object'
    ? environment !== undefined && Object.hasOwn(spec.default, environment)
    : spec.default !== undefined;

/** A provider's credentials, read anew from their files when those change. */
export class ReloadableCredentials implements CredentialSource {
  readonly #entries: readonly CredentialEntry[];
  readonly #standIns: ReadonlyMap<string, string>;
  readonly #judge: Judge | undefined;
  #current: Snapshot;
  #previous: Snapshot | undefined;
  #isCarriedOn = false;

  /** `stand-ins` are values that nobody gave: the simulator's. They are no secrets. */
  constructor(entries: readonly CredentialEntry[], standIns: ReadonlyMap<string, string>, judge?: Judge) {
    this.#entries = entries;
    this.#judge = judge;
    this.#standIns = standIns;
    const given = entries.map(({ name, node }) => [name, node.text] as const);
    this.#current = new Snapshot(1, new Map([...standIns, ...given]));
  }

  get current(): CredentialSnapshot {
    return this.#current;
  }

  /** Absolute paths of the files that the values come from. */
  get files(): readonly string[] {
    return [...new Set(this.#entries.flatMap(({ node }) => node.interpolation?.files ?? []))];
  }

  /** Whether these are the values of an older config, so that nothing about them is news. */
  get isCarriedOn(): boolean {
    return this.#isCarriedOn;
  }

  /** The values that come from files and are no secrets. */
  get shown(): Readonly<Record<string, string>> {
    const shown: Record<string, string> = {};
    for (const { name, node, isSecret } of this.#entries) {
      if (!isSecret && isFromFile(node)) shown[name] = this.#current.values.get(name) ?? '';
    }
    return shown;
  }

  /**
   * Goes on with the values of `before` where these are written as those were: the files were read at any moment, perhaps in the
   * middle of a change, and only {@link reload} knows when they are complete.
   */
  carryOn(before: ReloadableCredentials): void {
    this.#isCarriedOn = this.files.length > 0 && isDeepStrictEqual(this.#written(), before.#written());
    if (!this.#isCarriedOn || before.#current === this.#current) return;
    this.#previous = this.#current;
    this.#current = before.#current;
  }

  /** Values marked secret, and those that they replaced, which a log under way may still meet. */
  *secretTexts(): Generator<string> {
    for (const { name, isSecret } of this.#entries) {
      if (!isSecret) continue;
      for (const snapshot of [this.#current, this.#previous]) {
        const value = snapshot?.values.get(name);
        if (value !== undefined && value !== '') yield value;
      }
    }
  }

  /**
   * Takes all values anew, or none: when one is empty and may not be, or can't be sent, everything stays. `isCurrent` tells, after the files were read, whether
   * they are still the ones that were looked at. Throws a `ConfigError` when a file can't be read.
   */
  reload(readFile: Sources['readFile'], isCurrent: () => boolean): Reloaded | undefined {
    const values = new Map(this.#current.values);
    const changed: string[] = [];
    const shown: Record<string, string> = {};
    const suspicions: string[] = [];
    for (const { name, node, isSecret, mayBeEmpty } of this.#entries) {
      if (!isFromFile(node)) continue;
      const text = node.interpolation.again(readFile);
      if (text === '' && !mayBeEmpty) return { refused: `the credential ${name} has become empty` };
      if (text === values.get(name)) continue;
      const error = this.#judge?.errorOf(name, text);
      if (error) return { refused: error.message };
      const suspicion = suspicionOf(text);
      if (suspicion !== undefined) suspicions.push(`the credential "${name}" ${suspicion}`);
      values.set(name, text);
      changed.push(name);
      if (!isSecret) shown[name] = text;
    }
    const [refused] = changed.length > 0 ? (this.#judge?.errorsOfDefaults(values) ?? []) : [];
    if (refused) return { refused: refused.error.message };
    if (!isCurrent()) return undefined;
    if (changed.length > 0) {
      this.#previous = this.#current;
      this.#current = new Snapshot(this.#current.version + 1, values);
    }
    return { changed, shown, suspicions };
  }

  /** Everything that the values hang on but what stands in the files. */
  #written(): unknown {
    const given = this.#entries.map(({ name, node }) => [
      name,
      node.interpolation?.again((file) => `\0${file}\0`) ?? node.text,
    ]);
    return [given, [...this.#standIns]];
  }

  toJSON(): unknown {
    return this.#current.toJSON();
  }

  [inspect.custom](): string {
    return `Credentials(${inspect(this.#current)})`;
  }
}

/** Secrets that a profile itself writes out, as defaults. */
export function* writtenSecrets({ credentials }: Pick<Profile, 'credentials'>): Generator<string> {
  for (const { secret, default: given } of Object.values(credentials)) {
    for (const text of secret ? Object.values(typeof given === 'object' ? given : { given }) : []) {
      if (text !== undefined && !text.includes('{{')) yield text;
    }
  }
}

type FileNode = ScalarNode & { readonly interpolation: NonNullable<ScalarNode['interpolation']> };

const isFromFile = (node: ScalarNode): node is FileNode => (node.interpolation?.files.length ?? 0) > 0;

type Providers = ReadonlyMap<string, Pick<ProviderConfig, 'credentials' | 'environment' | 'endpoints'>>;

/**
 * Lets the providers of a config go on with the credentials of the config that it replaces, where they are written the same and
 * are for the same place: their files may be half changed, and whoever watches them takes them when they are complete.
 */
export function carryCredentials(before: Providers, after: Providers): void {
  for (const [name, { credentials, environment, endpoints }] of after) {
    const known = before.get(name);
    if (!(credentials instanceof ReloadableCredentials) || !(known?.credentials instanceof ReloadableCredentials))
      continue;
    if (known.environment === environment && isDeepStrictEqual(known.endpoints, endpoints)) {
      credentials.carryOn(known.credentials);
    }
  }
}
