import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { systemCode } from '../core/system-code.ts';
import type { OwnCertificate, TlsIdentity } from '../core/tls.ts';
import type { Config, ProviderTls } from './config.ts';
import { ageFault, expiryOf, readCertificates, readPrivateKey, subjectOf } from './checks/certificate.ts';
import { NO_KEYS } from './checks/credential-keys.ts';
import type { ErrorOfDefault, Judge } from './checks/credential-text.ts';
import { ReloadableCredentials, type CredentialEntry } from './credentials.ts';
import { ConfigError } from './diagnostics/config-error.ts';

/** The keys of a `tls` section whose values may come from files. */
export const TLS_TEXTS = ['certificate', 'key', 'passphrase', 'ca'] as const;
/** One of {@link TLS_TEXTS}. */
export type TlsText = (typeof TLS_TEXTS)[number];

type Texts = Readonly<Partial<Record<TlsText, string>>>;

/** What is read of a `tls` section. */
interface Material {
  readonly certificates: readonly X509Certificate[];
  readonly key: KeyObject | undefined;
  readonly roots: readonly X509Certificate[];
}

/** Key of the section → what is wrong with it. */
type Faults = Map<TlsText, ConfigError>;

function attempt<T>(faults: Faults, at: TlsText, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.set(at, error);
    return undefined;
  }
}

/** An authority, or a certificate that vouches for itself alone, as servers within one house have them. */
const canVouch = (certificate: X509Certificate): boolean => certificate.ca || certificate.checkIssued(certificate);

/** Reads the texts of a section. `faults` gets what is wrong with each. */
function readMaterial(way: string, texts: Texts, faults: Faults): Material {
  const { certificate, key: keyText, passphrase, ca } = texts;
  const certificates =
    certificate === undefined
      ? []
      : (attempt(faults, 'certificate', () => readCertificates(`${way}.certificate`, certificate)) ?? []);
  const key =
    keyText === undefined ? undefined : attempt(faults, 'key', () => readPrivateKey(`${way}.key`, keyText, passphrase));
  const roots = ca === undefined ? [] : (attempt(faults, 'ca', () => readCertificates(`${way}.ca`, ca)) ?? []);
  const [own, ...chain] = certificates;
  if (own && key && !own.checkPrivateKey(key)) {
    const isFurtherDown = chain.some((one) => one.checkPrivateKey(key));
    const help = isFurtherDown
      ? 'the certificate of the key comes first in the file, those that vouch for it behind it'
      : 'give the key that this certificate was made for';
    faults.set('key', new ConfigError('bad_key', `the ${way}.key is not that of the ${way}.certificate`, help));
  }
  const stranger = roots.find((root) => !canVouch(root));
  if (stranger) {
    const message = `the ${way}.ca holds ${subjectOf(stranger)}, which is no authority`;
    const help = "give the certificate of the CA that signs the provider's, not the provider's own";
    faults.set('ca', new ConfigError('bad_certificate', message, help));
  }
  return { certificates, key, roots };
}

function contextOf({ certificates, key, roots }: Material): TlsIdentity['context'] {
  const pem = (list: readonly X509Certificate[]): string => list.map(String).join('');
  return createSecureContext({
    ...(certificates.length > 0 && { cert: pem(certificates) }),
    ...(key && { key: key.export({ type: 'pkcs8', format: 'pem' }) }),
    // A CA in the middle of a chain is trusted as well: some providers give no other.
    ...(roots.length > 0 && { ca: pem(roots), allowPartialTrustChain: true }),
  });
}

/** Everything that is wrong with the texts of a section. */
function faultsOf(way: string, texts: Texts): Faults {
  const faults: Faults = new Map();
  const material = readMaterial(way, texts, faults);
  if (faults.size > 0) return faults;
  try {
    contextOf(material);
  } catch (error) {
    const at = texts.certificate === undefined ? 'ca' : 'certificate';
    const message = `TLS can't be spoken with the ${way}.${at} (${systemCode(error) || 'unknown error'})`;
    const help = 'give one with a key of at least 2048 bits (RSA) or 256 bits (EC), signed with SHA-256 or better';
    faults.set(at, new ConfigError('bad_certificate', message, help));
  }
  return faults;
}

/** What should be told of certificates that can be used: they have expired, or will soon. */
export function agesOf(way: string, texts: Texts, nowMs: number): ReadonlyMap<TlsText, string> {
  const { certificates, roots } = readMaterial(way, texts, new Map());
  const found = new Map<TlsText, string>();
  for (const [at, list] of [
    ['certificate', certificates],
    ['ca', roots],
  ] as const) {
    for (const one of list) {
      const fault = ageFault(one, nowMs);
      if (fault !== undefined) found.set(at, `the ${way}.${at} (${subjectOf(one)}) ${fault}`);
    }
  }
  return found;
}

/** The certificate that each provider is shown. Of two, it is the one that expires first. */
export function* clientCertificates({
  providers,
}: Pick<Config, 'providers'>): Generator<OwnCertificate & { readonly provider: string }> {
  for (const { name, tls, tokenTls } of providers.values()) {
    const shown = [tls, tokenTls].flatMap((one) => one?.current.certificate ?? []);
    const [first] = shown.toSorted((a, b) => a.expiresAtMs - b.expiresAtMs);
    if (first) yield { provider: name, ...first };
  }
}

/** A `tls` section of a provider. It follows its files. */
export class ReloadableTls implements ProviderTls {
  readonly texts: ReloadableCredentials;
  readonly #way: string;
  readonly #serverName: string | undefined;
  readonly #clock: Clock;
  #madeOf: ReadonlyMap<string, string> | undefined;
  #identity: TlsIdentity | undefined;

  /**
   * @param way The key of the section in a provider: `tls`, or `token.tls`.
   * @param entries Its texts. Their names begin with `way`.
   */
  constructor(
    way: string,
    entries: readonly CredentialEntry[],
    { serverName, clock }: { readonly serverName: string | undefined; readonly clock: Clock },
  ) {
    this.#way = way;
    this.#serverName = serverName;
    this.#clock = clock;
    const judge: Judge = {
      errorOf: () => undefined,
      keysOf: () => NO_KEYS,
      errorsOfDefaults: (values) => this.#faults(values),
      agesOf: (values) => [...agesOf(way, this.#textsIn(values), clock.now()).values()],
    };
    this.texts = new ReloadableCredentials(entries, new Map(), judge);
  }

  /** What is wrong with the texts, by the key of the section. */
  get faults(): ReadonlyMap<TlsText, ConfigError> {
    return faultsOf(this.#way, this.#textsIn(this.texts.current.values));
  }

  /** One sentence for each certificate in use that has expired, or soon will. */
  get ages(): readonly string[] {
    return [...agesOf(this.#way, this.#textsIn(this.texts.current.values), this.#clock.now()).values()];
  }

  get current(): TlsIdentity {
    const { values } = this.texts.current;
    if (this.#identity && this.#madeOf === values) return this.#identity;
    this.#madeOf = values;
    return (this.#identity = this.#make(this.#textsIn(values)));
  }

  #make(texts: Texts): TlsIdentity {
    const material = readMaterial(this.#way, texts, new Map());
    const [own] = material.certificates;
    const all = JSON.stringify([texts, this.#serverName]);
    return {
      key: createHash('sha256').update(all).digest('base64'),
      context: contextOf(material),
      serverName: this.#serverName,
      certificate: own && { subject: subjectOf(own), expiresAtMs: expiryOf(own) },
    };
  }

  #textsIn(values: ReadonlyMap<string, string>): Texts {
    const given = TLS_TEXTS.map((key) => [key, values.get(`${this.#way}.${key}`)] as const);
    return Object.fromEntries(given.filter(([, text]) => text !== undefined));
  }

  #faults(values: ReadonlyMap<string, string>): ErrorOfDefault[] {
    return [...faultsOf(this.#way, this.#textsIn(values))].map(([key, error]) => ({
      error,
      madeOf: new Set([`${this.#way}.${key}`]),
    }));
  }
}
