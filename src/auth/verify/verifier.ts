import { hash } from 'node:crypto';
import type { CredentialSnapshot, CredentialSource, ProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import { ALGORITHMS } from '../../keys/algorithms.ts';
import { Credentials, secretCredentials, type ResolvedCredentials } from '../credentials.ts';
import { Scope, type ScopeParts } from '../scope.ts';
import { createCompiler } from '../template.ts';
import { compileEntry, type Entry } from './entry.ts';
import { type Callback, ReceivedCallback } from './received.ts';

export type { Callback };

/** What a callback turned out to be. `why` is a sentence for the operator, without a secret and without what came. */
export type Verdict =
  | {
      readonly outcome: 'verified';
      /** What makes two callbacks of one name the same, as a digest in base64url. */
      readonly id: string;
    }
  | { readonly outcome: 'rejected' | 'stale'; readonly why: string };

/** How a callback was looked at, for a person; secrets are masked by name. */
export interface Examination {
  /** The entry of `verify` that fits, counted from 1; undefined when none does. */
  readonly entry: number | undefined;
  /** The condition that chose it. */
  readonly when: string | undefined;
  readonly text: string;
  readonly algorithm: string;
  /** The right signature by the current credentials; null where only the provider can make it. */
  readonly digest: string | null;
  /** Where it is looked for: `header x-verify`. */
  readonly places: readonly string[];
  readonly verdict: Verdict;
}

/** Verifies the callbacks of one provider. */
export interface Verifier {
  /** Names of headers, in lower case, that authenticate by themselves. They are not passed on. */
  readonly fixedHeaders: readonly string[];
  /** Judges a callback. `name` is that of the callback in the config. */
  verify(name: string, callback: Callback): Verdict;
  /** Judges it as {@link verify} does, and says how. */
  examine(name: string, callback: Callback): Examination;
}

/** The current credentials with some replaced by older ones. */
class OlderCredentials implements CredentialSource {
  readonly #current: CredentialSource;
  readonly #older: CredentialSource;
  #made: { readonly from: readonly CredentialSnapshot[]; readonly snapshot: CredentialSnapshot } | undefined;

  constructor(current: CredentialSource, older: CredentialSource) {
    this.#current = current;
    this.#older = older;
  }

  get current(): CredentialSnapshot {
    const from = [this.#current.current, this.#older.current] as const;
    if (this.#made?.from[0] !== from[0] || this.#made.from[1] !== from[1]) {
      const [now, older] = from;
      const values = new Map([...now.values, ...older.values]);
      const keys = new Map([...(now.keys ?? []), ...(older.keys ?? [])]);
      this.#made = { from, snapshot: { version: now.version, values, keys } };
    }
    return this.#made.snapshot;
  }
}

const ofCredentials = ({ values, keys }: ResolvedCredentials): Pick<ScopeParts, 'credentials' | 'keys'> => ({
  credentials: values,
  keys,
});

const REJECTED = (why: string): Verdict => ({ outcome: 'rejected', why });
const NONE_FITS = REJECTED('no entry of `verify` fits it');

/** Compiles the `verify` part of a provider's profile. */
export function createVerifier(
  provider: ProviderConfig,
  endpoints: Readonly<Record<string, string>>,
  clock: Clock,
): Verifier {
  const { profile, environment } = provider;
  const compile = createCompiler({
    endpoints,
    scope: provider.scope.join(' '),
    values: profile.values,
    secretNames: new Set([...secretCredentials(profile.credentials, environment)].map((name) => `credentials.${name}`)),
  });
  const entries = profile.verify.map((spec) => compileEntry(spec, compile));
  const sources = [
    provider.credentials,
    ...provider.oldCredentials.map((older) => new OlderCredentials(provider.credentials, older)),
  ];
  const generations = sources.map((source) => new Credentials(profile.credentials, environment, source, compile));
  const scopeOf = (received: ReceivedCallback, credentials: Credentials): Scope =>
    new Scope({
      ...ofCredentials(credentials.resolve()),
      token: undefined,
      subject: '',
      request: received,
      callback: received,
      now: () => clock.now(),
    });

  /** The first entry that fits, with the callback as that entry sees it. Throws `bad_body`. */
  const find = (callback: Callback): { readonly entry: Entry; readonly received: ReceivedCallback } | undefined => {
    for (const entry of entries) {
      const received = new ReceivedCallback(callback, entry.structure);
      if (entry.when.fits(callback.method, received.path, () => received.draft)) return { entry, received };
    }
    return undefined;
  };

  const judge = (name: string, entry: Entry, received: ReceivedCallback): Verdict => {
    entry.checkBody(received);
    for (const credentials of generations) {
      const scope = scopeOf(received, credentials);
      // A signature under an empty secret proves nothing.
      if (entry.credentials.some((each) => (scope.credentials.get(each) ?? '') === '')) continue;
      entry.checkSeparator(scope);
      const signature = entry.signatureIn(received, scope);
      const hasRequired = entry.hasRequired(received, scope);
      if (signature === undefined || !hasRequired) continue;
      const offMs = entry.staleMs(received, clock.now());
      if (offMs > 0) return { outcome: 'stale', why: `it was signed ${Math.round(offMs / 1_000)} s away from now` };
      scope.signature = signature;
      // Of some algorithms anybody can make another signature out of one, which is right too.
      const told = ALGORITHMS[entry.algorithm].isRandomized ? '' : signature;
      const same = entry.id ? [entry.id.render(scope)] : [told, hash('sha256', received.body, 'base64url')];
      return { outcome: 'verified', id: hash('sha256', JSON.stringify([name, ...same]), 'base64url') };
    }
    return REJECTED("the signature, or a field that has to be the provider's, is not right");
  };

  const guarded = <T>(work: () => T, refused: (verdict: Verdict) => T): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof OutriderError)) throw error;
      return refused(REJECTED(error.detail));
    }
  };

  const verify = (name: string, callback: Callback): Verdict =>
    guarded<Verdict>(
      () => {
        const found = find(callback);
        return found ? judge(name, found.entry, found.received) : NONE_FITS;
      },
      (verdict) => verdict,
    );

  return {
    fixedHeaders: [...new Set(entries.flatMap(({ fixedHeaders }) => fixedHeaders))],
    verify,
    examine(name, callback) {
      const verdict = verify(name, callback);
      const nothing = { entry: undefined, when: undefined, text: '', algorithm: '', digest: null, places: [], verdict };
      const found = guarded(
        () => find(callback),
        () => undefined,
      );
      if (!found) return nothing;
      const { entry, received } = found;
      return guarded<Examination>(
        () => {
          const scope = scopeOf(received, generations[0] as Credentials);
          return {
            entry: entries.indexOf(entry) + 1,
            when: entry.when.says,
            text: entry.text.mask(scope).text,
            algorithm: entry.algorithm,
            digest: entry.expected(scope) ?? null,
            places: entry.places.map(({ place, name: field }) => `${place} ${field}`),
            verdict,
          };
        },
        () => nothing,
      );
    },
  };
}
