import { ReloadableCredentials, type CredentialEntry } from '../credentials.ts';
import { defaultOf } from '../profile/default-text.ts';
import { SIMULATOR } from '../../core/simulator.ts';
import { judgeBy, suspicionOf, type Judge } from './credential-text.ts';
import type { CredentialSpec, Profile } from '../profile/profile.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { hideBelow, show, showKey } from '../diagnostics/hide.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { ChildLocation, find, nearest, type MapNode, type Node, type ScalarNode } from '../yaml/tree.ts';

/** The value of a credential that was left out in the environment `simulator`. The simulators accept it. */
const STAND_IN = 'test';

type Declared = Readonly<Record<string, CredentialSpec>>;

interface Chosen {
  readonly environment: string | undefined;
  /** Whether the environment is clear. Only then it is known which credentials are missing. */
  readonly isChosen: boolean;
  readonly endpoints: Readonly<Record<string, string>>;
  /** Undefined when something is wrong with it. */
  readonly profile: Profile | undefined;
  /** The credentials that verify callbacks. A simulator knows them, so that they may be left out for it. */
  readonly verified?: ReadonlySet<string>;
}

/**
 * Reads a provider's credentials, and hides the secrets that are written out in the file.
 * Reports `unknown_credential`, `missing_credential`, `empty_secret`, `invalid_type`, `invalid_value`,
 * `suspicious_secret`, `bad_key` and `weak_key`.
 * @param declared The declarations of its profile. Undefined when the profile is not known.
 */
export function readCredentials(
  provider: Node,
  declared: Declared | undefined,
  { environment, isChosen, endpoints, profile, verified }: Chosen,
  problems: Problems,
): ReloadableCredentials {
  const given = find(provider, 'credentials');
  const entries = given?.kind === 'map' ? readGiven(given, declared, environment, problems) : [];
  const standIns = new Map<string, string>();
  if (declared && isChosen) {
    for (const name of missingNames(declared, environment, given, verified)) {
      // No stand-in is a key.
      if (environment === SIMULATOR && declared[name]?.format === 'text') standIns.set(name, STAND_IN);
      else if (!declared[name]?.optional) reportMissing(provider, name, problems);
    }
  }
  const judge = judgeBy(declared ?? {}, environment, endpoints, profile);
  const refused = judgeAll(entries, declared, judge, problems);
  const credentials = new ReloadableCredentials(entries, standIns, judge);
  for (const { error, madeOf } of isChosen ? judge.errorsOfDefaults(credentials.current.values) : []) {
    // The mistake comes from a given value, and that one has been reported.
    if (!refused.isDisjointFrom(madeOf)) continue;
    const from = entries.find(({ name }) => madeOf.has(name));
    problems.add(error, from?.node ?? nearest(provider, 'credentials'));
  }
  reportKeys(credentials, entries, nearest(provider, 'credentials'), problems);
  return credentials;
}

function reportKeys(
  { keyProblems }: ReloadableCredentials,
  entries: readonly CredentialEntry[],
  otherwise: Node,
  problems: Problems,
): void {
  for (const { credential, error, isWarning } of keyProblems) {
    const place = entries.find(({ name }) => name === credential)?.node ?? otherwise;
    if (isWarning) problems.warning(error.code, place, error.message, error.help);
    else problems.add(error, place);
  }
}

/** Judges the given values, and reports what is wrong with them. Returns the names of those that are refused. */
function judgeAll(
  entries: readonly CredentialEntry[],
  declared: Declared | undefined,
  judge: Judge,
  problems: Problems,
): ReadonlySet<string> {
  const refused = new Set<string>();
  for (const { name, node } of entries) {
    const error = judge.errorOf(name, node.text);
    if (error) {
      problems.add(error, node);
      refused.add(name);
    } else if (declared?.[name]?.format === 'text') {
      reportSuspicion(name, node, problems);
    }
  }
  return refused;
}

/**
 * Reads a provider's `old_credentials`: each set has what was other before a change. Reports what {@link readCredentials} does.
 * @param list The node of `old_credentials`.
 */
export function readOldCredentials(
  list: Node | undefined,
  declared: Declared | undefined,
  { environment, endpoints, profile }: Chosen,
  problems: Problems,
): ReloadableCredentials[] {
  const judge = judgeBy(declared ?? {}, environment, endpoints, profile);
  return (list?.kind === 'list' ? list.items : []).map((given) => {
    const entries = given.kind === 'map' ? readGiven(given, declared, environment, problems) : [];
    judgeAll(entries, declared, judge, problems);
    const credentials = new ReloadableCredentials(entries, new Map(), judge);
    reportKeys(credentials, entries, given, problems);
    return credentials;
  });
}

function readGiven(
  given: MapNode,
  declared: Declared | undefined,
  environment: string | undefined,
  problems: Problems,
): CredentialEntry[] {
  const entries: CredentialEntry[] = [];
  for (const [name, value] of given.entries) {
    const spec = declared && Object.hasOwn(declared, name) ? declared[name] : undefined;
    const isSecret = spec?.secret !== false;
    if (declared && spec === undefined) {
      const help = didYouMean(name, Object.keys(declared), 'credentials');
      problems.error(
        'unknown_credential',
        given.keys.get(name) ?? value,
        `the profile has no credential "${name}"`,
        help,
      );
    }
    showKey(given, name);
    if (isSecret || spec?.format === 'pem') hideBelow(value);
    else show(value);
    if (value.kind !== 'scalar') {
      problems.error('invalid_type', value, `the credential "${name}" is a single value`);
      continue;
    }
    if (value.isBroken || (declared && spec === undefined)) continue;
    const isValue = !value.isEmpty || isEmptyAValue(value, spec);
    const { empty, format = 'text' } = spec ?? {};
    if (isValue) entries.push({ name, node: value, isSecret, mayBeEmpty: empty === true, format });
    else if (!mayBeEmpty(value, spec, environment)) reportEmpty(name, value, problems);
  }
  return entries;
}

/** Whether the empty text is a value here. The profile must allow it, and null (`password:`) is not one: that was forgotten. */
const isEmptyAValue = (value: ScalarNode, spec: CredentialSpec | undefined): boolean =>
  spec?.empty === true && value.value !== null;

/** Whether an empty value counts as absent. It must be empty by its references, and the credential must not be required. */
function mayBeEmpty(value: ScalarNode, spec: CredentialSpec | undefined, environment: string | undefined): boolean {
  if (value.interpolation === undefined) return false;
  return (
    environment === SIMULATOR || (spec !== undefined && (spec.optional || defaultOf(spec, environment) !== undefined))
  );
}

function reportEmpty(name: string, value: ScalarNode, problems: Problems): void {
  const why = value.interpolation === undefined ? '' : `: ${value.raw} yields nothing`;
  const variable = /\$\{([A-Za-z_]\w*)[:}]/.exec(value.raw)?.[1];
  const help = variable === undefined || variable === 'file' ? 'give it a value' : `set ${variable}`;
  problems.error('empty_secret', value, `the credential "${name}" is empty${why}`, help);
}

function reportSuspicion(name: string, node: ScalarNode, problems: Problems): void {
  const suspicion = suspicionOf(node.text);
  if (suspicion === undefined) return;
  const help = 'it is used as it is: give it without, if it does not belong to the value';
  problems.warning('suspicious_secret', node, `the credential "${name}" ${suspicion}`, help);
}

function reportMissing(provider: Node, name: string, problems: Problems): void {
  const at = nearest(provider, 'credentials');
  const place = new ChildLocation(at === provider ? new ChildLocation(provider, 'credentials') : at, name);
  problems.error(
    'missing_credential',
    place,
    `the credential "${name}" is missing`,
    `add \`${name}:\` to \`credentials\``,
  );
}

/** The required credentials that the file leaves out. In the environment `simulator`, empty ones are among them. */
function missingNames(
  declared: Declared,
  environment: string | undefined,
  given: Node | undefined,
  verified: ReadonlySet<string> | undefined,
): string[] {
  return Object.entries(declared)
    .filter(([name, spec]) => {
      const isWanted = !spec.optional || (environment === SIMULATOR && verified?.has(name) === true);
      if (!isWanted || defaultOf(spec, environment) !== undefined) return false;
      const value = find(given, name);
      if (value?.kind !== 'scalar' || environment !== SIMULATOR) return value === undefined;
      return value.isEmpty && !isEmptyAValue(value, spec);
    })
    .map(([name]) => name);
}
