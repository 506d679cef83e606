import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { unbracket } from '../core/authority.ts';
import { decodeNameConstraints, encodeNameConstraints, NAME_CONSTRAINTS } from './name-constraints.ts';

/** A certificate authority (CA) of ours. */
export interface LocalCa {
  /** The certificate in PEM. */
  readonly certificate: string;
  readonly key: KeyObject;
  /** The hosts for which it may issue certificates, as `URL` writes them, sorted. */
  readonly hosts: readonly string[];
  /** In milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** A server certificate. */
export interface Leaf {
  /** The certificate in PEM. */
  readonly certificate: string;
  /** In milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

type Keys = webcrypto.CryptoKeyPair;

const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const ORGANIZATION = 'O=Outrider';
/** How far a certificate's beginning lies in the past. A client whose clock is slow would refuse one that begins now. */
const BACKDATED_MS = 3_600_000;
/** The longest common name (RFC 5280, ub-common-name). */
const COMMON_NAME_MAX = 64;

/** Loads the library for certificates. That takes 100 ms, and only interception needs it. */
async function load(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  return x509;
}

/** Makes a key pair for certificates: EC P-256. */
export const makeKeys = (): Promise<Keys> => webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);

/** Returns a random serial number in hex. It is positive and has 127 bits (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** Makes a CA that can issue certificates for `hosts` and no others, by its name constraints (RFC 5280 §4.2.1.10). */
export async function makeCa(
  hosts: Iterable<string>,
  validity: { readonly nowMs: number; readonly lifetimeMs: number },
): Promise<LocalCa> {
  const x509 = await load();
  const keys = await makeKeys();
  const expiresAtMs = validity.nowMs + validity.lifetimeMs;
  const all = [...new Set(hosts)].toSorted();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=Outrider local CA ${randomBytes(3).toString('hex')}, ${ORGANIZATION}`,
    notBefore: new Date(validity.nowMs - BACKDATED_MS),
    notAfter: new Date(expiresAtMs),
    signingAlgorithm: SIGNING,
    keys: keys as Keys & { publicKey: CryptoKey; privateKey: CryptoKey },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, encodeNameConstraints(all)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as CryptoKey),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: KeyObject.from(keys.privateKey),
    hosts: all,
    expiresAtMs,
  };
}

/**
 * Reads a CA that {@link makeCa} made, from its certificate and its private key in PEM. Rejects when one can't be read.
 */
export async function readCa(certificate: string, key: string): Promise<LocalCa> {
  const x509 = await load();
  const parsed = new x509.X509Certificate(certificate);
  const constraints = parsed.getExtension(NAME_CONSTRAINTS);
  return {
    certificate,
    key: createPrivateKey(key),
    hosts: constraints ? decodeNameConstraints(new Uint8Array(constraints.value)).toSorted() : [],
    expiresAtMs: parsed.notAfter.getTime(),
  };
}

/** Issues a server certificate for a host or an IP address. It never ends later than the CA. */
export async function issueLeaf(
  ca: LocalCa,
  keys: Keys,
  host: string,
  validity: { readonly nowMs: number; readonly lifetimeMs: number },
): Promise<Leaf> {
  const x509 = await load();
  const name = unbracket(host);
  const isName = isIP(name) === 0;
  const issuer = new x509.X509Certificate(ca.certificate);
  const expiresAtMs = Math.min(validity.nowMs + validity.lifetimeMs, ca.expiresAtMs);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // OpenSSL checks a common name against the permitted DNS names, so an address can't be one.
    subject: isName && name.length <= COMMON_NAME_MAX ? [{ CN: [name] }, { O: ['Outrider'] }] : ORGANIZATION,
    issuer: issuer.subject,
    notBefore: new Date(Math.max(validity.nowMs - BACKDATED_MS, issuer.notBefore.getTime())),
    notAfter: new Date(expiresAtMs),
    signingAlgorithm: SIGNING,
    signingKey: ca.key.toCryptoKey(EC, false, ['sign']) as CryptoKey,
    publicKey: keys.publicKey as CryptoKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
      new x509.SubjectAlternativeNameExtension([{ type: isName ? 'dns' : 'ip', value: name }]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as CryptoKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, expiresAtMs };
}

/** Returns a private key as PKCS #8 in PEM. */
export const pemOfKey = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }) as string;
