import type { KeyObject } from 'node:crypto';
import type { z } from 'zod';
import { ReloadableCredentials, type CredentialEntry } from '../credentials.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { pairTls, serverTls } from '../schema/server-tls.ts';
import { nearest, type Node } from '../yaml/tree.ts';
import { readCertificates, readPrivateKey } from './certificate.ts';
import { NO_KEYS } from './credential-keys.ts';
import type { Judge } from './credential-text.ts';

/** The `tls` of a listener as it is written. */
export type ServerTlsData = z.output<typeof pairTls> & Partial<Pick<z.output<typeof serverTls>, 'clientCa'>>;

/** Runs `read` and returns the {@link ConfigError} that it throws. */
function errorIn(read: () => unknown): ConfigError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** Reads the private key of a server, which has no passphrase: it is used with nobody there to type it. */
const readServerKey = (text: string): KeyObject =>
  readPrivateKey('key', text, undefined, 'take it off: `openssl pkey -in FILE -out NEW_FILE`');

/** Each text by itself, then the key and its certificate together. */
const judge: Judge = {
  errorOf: (name, text) =>
    errorIn(() => {
      if (name === 'key') readServerKey(text);
      else if (!readCertificates(name, text).every(({ ca }) => ca) && name === 'client_ca')
        throw new ConfigError('bad_certificate', 'a certificate of `client_ca` is none of a CA', 'give the CA itself');
    }),
  errorsOfDefaults(values) {
    const [certificate] = readCertificates('certificate', values.get('certificate') ?? '');
    const key = readServerKey(values.get('key') ?? '');
    if (certificate.checkPrivateKey(key)) return [];
    const message = 'the private key is not that of the certificate';
    const help = 'give both of one pair; the certificate of the server itself comes first in its file';
    return [{ error: new ConfigError('bad_key', message, help), madeOf: new Set(['key']) }];
  },
  keysOf: () => NO_KEYS,
};

/** What a listener shows in TLS. The names of its values are those of the keys. */
export class ServerTls extends ReloadableCredentials {
  constructor(entries: readonly CredentialEntry[]) {
    super(entries, new Map(), judge);
  }

  /** Always the same, since its change needs no restart. */
  override toJSON(): unknown {
    return 'tls';
  }
}

/**
 * Reads `tls` of a listener. Reports `bad_certificate` and `bad_key`. Undefined when something is wrong with it.
 * @param node The node of the section.
 */
export function readServerTls(
  node: Node,
  { certificate, key, clientCa }: ServerTlsData,
  problems: Problems,
): ServerTls | undefined {
  if (!certificate || !key || problems.isBrokenBelow(node)) return undefined;
  const entries: CredentialEntry[] = [
    { name: 'certificate', node: certificate, isSecret: false, mayBeEmpty: false, format: 'pem' },
    { name: 'key', node: key, isSecret: true, mayBeEmpty: false, format: 'pem' },
    ...(clientCa
      ? [{ name: 'client_ca', node: clientCa, isSecret: false, mayBeEmpty: false, format: 'pem' as const }]
      : []),
  ];
  const wrong = entries.flatMap((entry) => {
    const error = judge.errorOf(entry.name, entry.node.text);
    return error ? [{ entry, error }] : [];
  });
  for (const { entry, error } of wrong) problems.add(error, entry.node);
  if (wrong.length > 0) return undefined;
  const tls = new ServerTls(entries);
  for (const { error } of judge.errorsOfDefaults(tls.current.values)) problems.add(error, nearest(node, 'key'));
  return tls;
}
