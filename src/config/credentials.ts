import { inspect, isDeepStrictEqual } from 'node:util';
import type { CredentialSnapshot, CredentialSource, ProviderConfig } from './config.ts';
import type { KeyObject } from 'node:crypto';
import type { KeyFormat } from '../keys/read.ts';
import type { KeyProblem } from './checks/credential-keys.ts';
import { suspicionOf, type Judge } from './checks/credential-text.ts';
import type { Profile } from './profile/profile.ts';
import type { InterpolationSources } from './yaml/interpolate.ts';
import type { ScalarNode } from './yaml/tree.ts';

/** Values at one moment. JSON and `console.log` show their names, never the values. */
class Snapshot implements CredentialSnapshot {
  readonly version: number;
  readonly #values: ReadonlyMap<string, string>;
  readonly #keys: ReadonlyMap<string, KeyObject>;

  constructor(version: number, values: ReadonlyMap<string, string>, keys: ReadonlyMap<string, KeyObject> = new Map()) {
    this.version = version;
    this.#values = values;
    this.#keys = keys;
  }

  get keys(): ReadonlyMap<string, KeyObject> {
    return this.#keys;
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

/** A credential that the operator wrote. */
export interface CredentialEntry {
  readonly name: string;
  readonly node: ScalarNode;
  readonly isSecret: boolean;
  /** Whether the empty text is a value too. */
  readonly mayBeEmpty: boolean;
  /** How it becomes a key. */
  readonly format: KeyFormat;
}

/** What {@link ReloadableCredentials.reload} did: it took new values, or refused them all and says why. */
export type Reloaded =
  | {
      /** Names of the credentials whose values changed. */
      readonly changed: readonly string[];
      /** The new values that are no secrets, by name. */
      readonly shown: Readonly<Record<string, string>>;
      /** One sentence for each new value that looks wrong. */
      readonly suspicions: readonly string[];
      /** One sentence for each certificate that has expired or soon will. */
      readonly ages: readonly string[];
    }
  | { readonly refused: string };

/** A provider's credentials. {@link reload} reads them again from their files. */
export class ReloadableCredentials implements CredentialSource {
  readonly #entries: readonly CredentialEntry[];
  readonly #standIns: ReadonlyMap<string, string>;
  readonly #judge: Judge | undefined;
  /** What is wrong with the keys among the values that the config was loaded with. */
  readonly keyProblems: readonly KeyProblem[];
  #current: Snapshot;
  #previous: Snapshot | undefined;
  #isCarriedOn = false;

  /**
   * @param standIns Values for what the operator left out in the environment `simulator`. They are no secrets.
   * @param judge Refuses values that can't be used, in a reload.
   */
  constructor(entries: readonly CredentialEntry[], standIns: ReadonlyMap<string, string>, judge?: Judge) {
    this.#entries = entries;
    this.#judge = judge;
    this.#standIns = standIns;
    const given = entries.map(({ name, node }) => [name, node.text] as const);
    const values = new Map([...standIns, ...given]);
    const read = judge?.keysOf(values);
    this.keyProblems = read?.problems ?? [];
    this.#current = new Snapshot(1, values, read?.keys);
  }

  get current(): CredentialSnapshot {
    return this.#current;
  }

  /** Absolute paths of the files that hold the values. */
  get files(): readonly string[] {
    return [...new Set(this.#entries.flatMap(({ node }) => node.interpolation?.files ?? []))];
  }

  /** Whether the values were taken over from an older config. They have been reported then. */
  get isCarriedOn(): boolean {
    return this.#isCarriedOn;
  }

  /** The values from files that are no secrets, by name. Certificates and other texts of several lines are left out. */
  get shown(): Readonly<Record<string, string>> {
    const shown: Record<string, string> = {};
    for (const { name, node, isSecret } of this.#entries) {
      const text = this.#current.values.get(name) ?? '';
      if (!isSecret && isFromFile(node) && isOneLine(text)) shown[name] = text;
    }
    return shown;
  }

  /**
   * Takes over the values of `before` if the config writes both in the same way. Loading a config reads the files at any
   * moment, perhaps in the middle of a change. Only {@link reload} knows when they are complete.
   */
  carryOn(before: ReloadableCredentials): void {
    this.#isCarriedOn =
      this.files.length > 0 &&
      isDeepStrictEqual(this.#written(), before.#written()) &&
      // The profile may have changed, so that the old key is of another kind than is wanted now.
      !this.#judge?.keysOf(before.#current.values).problems.some(({ isWarning }) => !isWarning);
    if (!this.#isCarriedOn || before.#current === this.#current) return;
    this.#previous = this.#current;
    this.#current = before.#current;
  }

  /** The secret values and the ones before them: requests under way may still carry those into the log. */
  *secretTexts(): Generator<string> {
    for (const { name, isSecret, format } of this.#entries) {
      if (!isSecret) continue;
      for (const snapshot of [this.#current, this.#previous]) {
        const value = snapshot?.values.get(name);
        if (value === undefined || value === '') continue;
        yield value;
        // A line of a key is a secret as well.
        if (format !== 'text') for (const line of value.split(/\s+|\\[rn]/)) if (isKeyLine(line)) yield line;
      }
    }
  }

  /**
   * Reads all values from their files again and takes over all of them, or none. They are all refused when one has become empty
   * and must not be, or when the judge refuses one.
   * Throws a {@link ConfigError} (`unreadable_file`) when a file can't be read.
   * @param isCurrent Called after the files were read: whether they are still the files whose change was seen. If not, nothing
   * is taken over and the result is undefined.
   */
  reload(readFile: InterpolationSources['readFile'], isCurrent: () => boolean): Reloaded | undefined {
    const values = new Map(this.#current.values);
    const changed: string[] = [];
    const shown: Record<string, string> = {};
    const suspicions: string[] = [];
    for (const { name, node, isSecret, mayBeEmpty, format } of this.#entries) {
      if (!isFromFile(node)) continue;
      const text = node.interpolation.again(readFile);
      if (text === '' && !mayBeEmpty) return { refused: `the credential ${name} has become empty` };
      if (text === values.get(name)) continue;
      const error = this.#judge?.errorOf(name, text);
      if (error) return { refused: error.message };
      const suspicion = format === 'text' ? suspicionOf(text) : undefined;
      if (suspicion !== undefined) suspicions.push(`the credential "${name}" ${suspicion}`);
      values.set(name, text);
      changed.push(name);
      if (!isSecret && isOneLine(text)) shown[name] = text;
    }
    const [refused] = changed.length > 0 ? (this.#judge?.errorsOfDefaults(values) ?? []) : [];
    if (refused) return { refused: refused.error.message };
    const read = changed.length > 0 ? this.#judge?.keysOf(values) : undefined;
    const wrong = read?.problems.find(({ isWarning }) => !isWarning);
    if (wrong) return { refused: wrong.error.message };
    for (const { error } of read?.problems ?? []) suspicions.push(error.message);
    if (!isCurrent()) return undefined;
    if (changed.length > 0) {
      this.#previous = this.#current;
      this.#current = new Snapshot(this.#current.version + 1, values, read?.keys);
    }
    const ages = changed.length > 0 ? (this.#judge?.agesOf?.(values) ?? []) : [];
    return { changed, shown, suspicions, ages };
  }

  /** All that determines the values, except for the contents of the files. */
  #written(): unknown {
    const given = this.#entries.map(({ name, node, format }) => [
      name,
      format,
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

const SHORTEST_KEY_LINE = 16;

const isKeyLine = (line: string): boolean => line.length >= SHORTEST_KEY_LINE && !line.startsWith('-----');

/** Secrets that stand in the profile itself, as defaults or as variables of its program. */
export function* writtenSecrets({ credentials, token }: Pick<Profile, 'credentials' | 'token'>): Generator<string> {
  for (const { secret, default: given } of Object.values(credentials)) {
    for (const text of secret ? Object.values(typeof given === 'object' ? given : { given }) : []) {
      if (text !== undefined && !text.includes('{{')) yield text;
    }
  }
  for (const { value, isSecret } of Object.values(token?.program?.env ?? {})) if (isSecret) yield value;
}

type FileNode = ScalarNode & { readonly interpolation: NonNullable<ScalarNode['interpolation']> };

const isOneLine = (text: string): boolean => !text.includes('\n');

const isFromFile = (node: ScalarNode): node is FileNode => (node.interpolation?.files.length ?? 0) > 0;

type Carried = 'credentials' | 'oldCredentials' | 'tls' | 'tokenTls' | 'environment' | 'endpoints';
type Providers = ReadonlyMap<string, Pick<ProviderConfig, Carried>>;

/**
 * Takes over credentials from a config that is being replaced. This concerns the providers whose credentials are written in the
 * same way and whose environment and endpoints are the same. Their files may be half changed at this moment: the watch reads
 * them when they are complete.
 */
export function carryCredentials(before: Providers, after: Providers): void {
  for (const [name, provider] of after) {
    const known = before.get(name);
    const isSame =
      known?.environment === provider.environment && isDeepStrictEqual(known?.endpoints, provider.endpoints);
    if (!known || !isSame) continue;
    carryOn(known.credentials, provider.credentials);
    carryOn(known.tls?.texts, provider.tls?.texts);
    carryOn(known.tokenTls?.texts, provider.tokenTls?.texts);
    for (const [index, old] of provider.oldCredentials.entries()) carryOn(known.oldCredentials[index], old);
  }
}

/** Takes over the credentials of one owner from a config that is being replaced, as {@link carryCredentials} does. */
export function carryOn(before: CredentialSource | undefined, after: CredentialSource | undefined): void {
  if (before instanceof ReloadableCredentials && after instanceof ReloadableCredentials) after.carryOn(before);
}
