import type { X509Certificate } from 'node:crypto';

/** What a client certificate says of its owner. It was verified when it was shown. */
export interface ClientCertificate {
  readonly uris: readonly string[];
  /** In lower case. */
  readonly dnsNames: readonly string[];
  /** Undefined when the subject has none, or several. */
  readonly commonName: string | undefined;
  /** In milliseconds since the epoch. */
  readonly expiresAtMs: number;
  /** Whether its root is still one of those that the listener trusts. They may have changed since. */
  isTrusted(): boolean;
}

/** One alternative name as Node writes it. A value in which a comma or another delimiter could mislead is a JSON string. */
const ALTERNATIVE_NAME = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/g;

function* alternativeNames({ subjectAltName = '' }: X509Certificate): Generator<readonly [kind: string, name: string]> {
  for (const [, kind = '', written = ''] of subjectAltName.matchAll(ALTERNATIVE_NAME)) {
    yield [kind, written.startsWith('"') ? (JSON.parse(written) as string) : written];
  }
}

/** Reads a verified certificate. `isTrusted` becomes that of the result. */
export function readClientCertificate(certificate: X509Certificate, isTrusted: () => boolean): ClientCertificate {
  const names = [...alternativeNames(certificate)];
  const { CN: commonName } = certificate.toLegacyObject().subject as { readonly CN?: string | readonly string[] };
  return {
    uris: names.flatMap(([kind, name]) => (kind === 'URI' ? name : [])),
    dnsNames: names.flatMap(([kind, name]) => (kind === 'DNS' ? name.toLowerCase() : [])),
    commonName: typeof commonName === 'string' ? commonName : undefined,
    expiresAtMs: Date.parse(certificate.validTo),
    isTrusted,
  };
}
