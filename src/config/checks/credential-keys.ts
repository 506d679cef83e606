import type { KeyObject } from 'node:crypto';
import { ALGORITHMS, type AlgorithmName } from '../../keys/algorithms.ts';
import { JWS_ALGORITHMS } from '../../keys/jws.ts';
import { describeKey, describeKind, isWeak, KeyError, kindOf, readKey } from '../../keys/read.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { defaultTexts, type Endpoints } from '../profile/default-text.ts';
import type { CredentialSpec, Profile, SignSpec } from '../profile/profile.ts';
import { messageAlgorithmOf, SIGNER_KEYS } from '../profile/signers.ts';
import { camelCase } from '../schema/section.ts';
import { soleCredential } from '../template/template.ts';

/** What is wrong with the key in a credential. It holds nothing of the key. */
export interface KeyProblem {
  readonly credential: string;
  readonly error: ConfigError;
  /** Whether the key is used all the same. */
  readonly isWarning: boolean;
}

/** The keys of a provider at one moment: credential → key. */
export interface ReadKeys {
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly problems: readonly KeyProblem[];
}

/** A signature that a key makes or verifies: the algorithm as the profile writes it, and what it is in our table. */
interface Use {
  readonly shown: string;
  /** Undefined: the key decides. */
  readonly algorithm: AlgorithmName | undefined;
  readonly verifies: boolean;
}

type KeyUse = Use & { readonly key: string };

/**
 * Makes the function that reads the keys among the credentials (name → text). They are checked against what they sign.
 * @param profile Undefined when something is wrong with it.
 */
export function keyReader(
  declared: Readonly<Record<string, CredentialSpec>>,
  environment: string | undefined,
  endpoints: Endpoints,
  profile: Profile | undefined,
): (given: ReadonlyMap<string, string>) => ReadKeys {
  const specs = Object.entries(declared).filter(([, { format }]) => format !== 'text');
  if (specs.length === 0) return () => NO_KEYS;
  const uses = profile ? usesOf(profile) : new Map<string, readonly Use[]>();
  return (given) => {
    const texts = new Map(given);
    for (const { credential, text } of profile ? defaultTexts(declared, environment, endpoints, given) : [])
      texts.set(credential, text);
    const keys = new Map<string, KeyObject>();
    const problems: KeyProblem[] = [];
    for (const [credential, spec] of specs) {
      const text = texts.get(credential);
      if (text === undefined || text === '') continue;
      try {
        const passphrase = spec.passphrase === undefined ? undefined : texts.get(spec.passphrase);
        const key = readKey(text, spec.format, passphrase);
        const error = errorOf(credential, spec, key, uses.get(credential) ?? []);
        if (error) problems.push({ credential, error, isWarning: false });
        else if (isWeak(key)) problems.push({ credential, error: weakness(credential, key), isWarning: true });
        keys.set(credential, key);
      } catch (error) {
        if (!(error instanceof KeyError)) throw error;
        const message = `the credential "${credential}" ${error.message}`;
        problems.push({ credential, error: new ConfigError('bad_key', message, error.help), isWarning: false });
      }
    }
    return { keys, problems };
  };
}

/** What is read where no credential is a key. */
export const NO_KEYS: ReadKeys = { keys: new Map(), problems: [] };

/** What each key of the profile signs or verifies. */
function usesOf({ sign, token, jwt, verify }: Profile): ReadonlyMap<string, readonly Use[]> {
  const signatures = [...sign, ...(token?.fetch?.sign ?? []), ...(token?.refresh?.sign ?? [])].flatMap(useOf);
  const verifications = verify.flatMap(({ algorithm, key }): readonly KeyUse[] =>
    key === undefined ? [] : [{ key, shown: algorithm, algorithm, verifies: true }],
  );
  const jwts = Object.values(jwt).map(({ algorithm, key }) => {
    return { key, shown: algorithm as string, algorithm: JWS_ALGORITHMS[algorithm] as AlgorithmName, verifies: false };
  });
  return Map.groupBy<string, KeyUse>(
    [...signatures, ...jwts, ...verifications],
    ({ key }) => soleCredential(key) ?? '',
  );
}

/** The key of an entry of `sign`, and what it does. */
function useOf(spec: SignSpec): readonly KeyUse[] {
  if (!('key' in spec) || spec.key === undefined) return [];
  const { key } = spec;
  if (!('signer' in spec)) return [{ key, shown: spec.algorithm, algorithm: spec.algorithm, verifies: false }];
  const rule = SIGNER_KEYS[spec.signer];
  const parameters: Readonly<Record<string, unknown>> = { ...spec };
  const shown = rule && (parameters[camelCase(rule.names)] as string | undefined);
  const algorithm = shown === undefined ? undefined : rule?.algorithms[shown];
  return [{ key, shown: shown ?? spec.signer, algorithm, verifies: false }];
}

function errorOf(
  credential: string,
  { secret }: CredentialSpec,
  key: KeyObject,
  uses: readonly Use[],
): ConfigError | undefined {
  const is = `the credential "${credential}" is`;
  if (key.type === 'private' && !secret) {
    const help = 'add `secret: true` to it in the profile';
    return new ConfigError('bad_key', `${is} a private key, and the profile does not mark it as a secret`, help);
  }
  for (const { shown, algorithm = messageAlgorithmOf(key), verifies } of uses) {
    if (algorithm === undefined) {
      const help = 'give an RSA key, an EC key on P-256 or P-384, or an Ed25519 key';
      return new ConfigError('bad_key', `${is} ${describeKey(key)}, and ${shown} has no algorithm for it`, help);
    }
    const { key: wanted } = ALGORITHMS[algorithm];
    if (kindOf(key) !== wanted) {
      const help = `give ${describeKind(wanted)}, or extend the profile with an \`algorithm\` for this one`;
      return new ConfigError('bad_key', `${is} ${describeKey(key)}, and ${shown} takes ${describeKind(wanted)}`, help);
    }
    if (verifies) continue;
    if (key.type === 'public') {
      const message = `${is} ${describeKey(key)}, and only a private one signs`;
      return new ConfigError('bad_key', message, 'give the private half of the pair');
    }
    if (!canSign(key, algorithm)) {
      const message = `${is} ${describeKey(key)}, and ${shown} can't sign with it`;
      return new ConfigError('bad_key', message, 'give a longer key');
    }
  }
  return undefined;
}

/** Whether a signature can be made at all. An RSA key may be too short for a digest. */
function canSign(key: KeyObject, algorithm: AlgorithmName): boolean {
  try {
    ALGORITHMS[algorithm].sign(key, Buffer.alloc(0));
    return true;
  } catch {
    return false;
  }
}

const weakness = (credential: string, key: KeyObject): ConfigError =>
  new ConfigError(
    'weak_key',
    `the credential "${credential}" is ${describeKey(key)}, which is too short to be safe`,
    'make a new one of 2048 bits or more, and give the provider its public half',
  );
