import { readDocument } from '../yaml/document.ts';
import { buildDeclarations, buildProfile, type Declarations } from './build.ts';
import { checkProfile } from './check.ts';
import { checkTemplates } from './templates.ts';
import { profileSchema } from './schema.ts';
import { Problems } from '../diagnostics/problems.ts';
import type { Profile } from './profile.ts';
import { read } from '../schema/read.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { builtInFile, builtInProfiles, builtInText } from '../shipped.ts';
import { merge, Source, type MapNode, type Location } from '../yaml/tree.ts';

/** The endpoints that every profile may use. An environment or the operator gives their URLs. */
const ENDPOINTS = ['token', 'api'];

/** A profile together with what it extends, checked. */
export interface ResolvedProfile {
  readonly name: string;
  readonly declared: Declarations;
  /** The names that a provider's `endpoints` may have. */
  readonly endpoints: readonly string[];
  /** The endpoints that its templates use. */
  readonly needed: ReadonlySet<string>;
  /** Whether the file gives `renew.cooldown`, here or in a profile that this one extends. */
  readonly writesCooldown: boolean;
  /** Undefined when something is wrong with the profile. */
  readonly profile: Profile | undefined;
}

/** The credentials that must not be sent: keys of which the other side has the public half. */
const privateKeysOf = ({ credentials }: Declarations): ReadonlySet<string> =>
  new Set(Object.keys(credentials).filter((name) => credentials[name]?.secret && credentials[name].format === 'pem'));

/** The built-in profile of this name. Throws when there is none. */
export function builtInProfile(name: string): ResolvedProfile {
  const resolved = new Profiles(undefined, new Problems(new Source('', ''))).get(name);
  if (!resolved) throw new Error(`no profile is called "${name}"`);
  return resolved;
}

/** The built-in profiles and those of the operator. Both have one format. Each is read when it is asked for the first time. */
export class Profiles {
  readonly #own: MapNode | undefined;
  readonly #problems: Problems;
  readonly #builtInNames = builtInProfiles();
  readonly #builtIn = new Map<string, MapNode | undefined>();
  readonly #resolved = new Map<string, ResolvedProfile | undefined>();

  /** @param own The config's `profiles`. */
  constructor(own: MapNode | undefined, problems: Problems) {
    this.#own = own;
    this.#problems = problems;
  }

  /** All names, sorted. */
  names(): string[] {
    return [...new Set([...this.#builtInNames, ...(this.#own?.entries.keys() ?? [])])].toSorted();
  }

  has(name: string): boolean {
    return this.#builtInNames.includes(name) || this.#own?.entries.has(name) === true;
  }

  /** The profile of a name that {@link has} knows. Undefined when it can't be read at all. Problems are reported once. */
  get(name: string): ResolvedProfile | undefined {
    if (!this.#resolved.has(name)) this.#resolved.set(name, this.#resolve(name));
    return this.#resolved.get(name);
  }

  /** Reads all profiles of the operator, whether a provider uses them or not, and reports their problems. */
  checkOwn(): void {
    for (const name of this.#own?.entries.keys() ?? []) this.get(name);
  }

  #resolve(name: string): ResolvedProfile | undefined {
    const before = this.#problems.errors;
    const tree = this.#tree(name, true, []);
    if (tree === undefined) return undefined;
    const data = read(profileSchema, tree, tree, this.#problems);
    const declared = buildDeclarations(data);
    const endpoints = [
      ...new Set([...ENDPOINTS, ...Object.values(declared.environments).flatMap((urls) => Object.keys(urls))]),
    ];
    checkProfile(tree, data, this.#problems);
    const needed = checkTemplates(
      tree,
      {
        credentials: Object.keys(declared.credentials),
        privateKeys: privateKeysOf(declared),
        endpoints,
        hasToken: data.token !== undefined,
        hasSubject: data.token?.subject !== undefined,
      },
      this.#problems,
    );
    const isSound = this.#problems.errors === before && !this.#problems.isBrokenBelow(tree);
    const writesCooldown = data.renew?.cooldown !== undefined;
    const profile = isSound ? buildProfile(name, data) : undefined;
    return { name, declared, endpoints, needed, writesCooldown, profile };
  }

  /**
   * The profile's tree, laid over the one that it extends. An operator's profile may extend the built-in one of the same name.
   */
  #tree(name: string, isOwnWanted: boolean, way: readonly string[]): MapNode | undefined {
    const own = isOwnWanted ? this.#own?.get(name) : undefined;
    const node = own ?? this.#readBuiltIn(name);
    if (node?.kind === 'scalar' && node.isEmpty) {
      this.#problems.error(
        'invalid_type',
        node,
        `the profile "${name}" is empty`,
        'give it `extends:`, or `inject:` or `sign:`',
      );
    }
    if (node?.kind !== 'map') return undefined;
    const base = node.get('extends');
    if (base?.kind !== 'scalar' || base.isEmpty || base.isBroken) return node;
    const step = own === undefined ? `built-in ${name}` : name;
    const isAlone = base.text === name && !this.#builtInNames.includes(name);
    if (way.includes(step) || isAlone) {
      this.#problems.error(
        'profile_cycle',
        base,
        `"${name}" extends itself: ${[...way, step].join(' → ')}`,
        'extend a profile outside of the circle',
      );
      return undefined;
    }
    const isOwnBase = own !== undefined && base.text !== name && this.#own?.entries.has(base.text) === true;
    if (!isOwnBase && !this.#builtInNames.includes(base.text)) {
      this.reportUnknown(base.text, base);
      return undefined;
    }
    const inherited = this.#tree(base.text, isOwnBase, [...way, step]);
    return inherited === undefined ? undefined : (merge(inherited, node) as MapNode);
  }

  /** Reports `unknown_profile`: no profile has this name. */
  reportUnknown(name: string, place: Location): void {
    this.#problems.error(
      'unknown_profile',
      place,
      `no profile is called "${name}"`,
      didYouMean(name, this.names(), 'profiles'),
    );
  }

  #readBuiltIn(name: string): MapNode | undefined {
    if (!this.#builtIn.has(name)) {
      const source = new Source(builtInFile(name), builtInText(name));
      this.#builtIn.set(name, readDocument(source, undefined, this.#problems));
    }
    return this.#builtIn.get(name);
  }
}
