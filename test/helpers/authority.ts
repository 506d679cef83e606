import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { temporaryDirectory } from './directory.ts';

/** A certificate and its key, in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is for. */
export interface Issue {
  /** From now on; below 0, it has expired. */
  readonly days?: number;
  /** As OpenSSL writes it: `DNS:localhost,IP:127.0.0.1`. */
  readonly names?: string;
  /** Encrypts the key. */
  readonly passphrase?: string;
  readonly isCa?: boolean;
}

/** A CA that OpenSSL made, and signs with. */
export interface Authority extends Pair {
  /** A certificate with the subject `CN=name`, signed by this CA. */
  issue(name: string, issue?: Issue): Pair;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Makes a CA with the openssl program. */
export function makeAuthority(t: ExecutionContext, name = 'Test CA'): Authority {
  const dir = temporaryDirectory(t);
  const at = (file: string): string => path.join(dir, file);
  const read = (file: string): string => fs.readFileSync(at(file), 'utf8');
  openssl(
    'req',
    '-x509',
    ...EC,
    '-nodes',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '90',
    '-subj',
    `/CN=${name}`,
  );
  return {
    cert: read('ca.pem'),
    key: read('ca.key'),
    issue(subject, { days = 60, names, passphrase, isCa = false } = {}) {
      const hidden = passphrase === undefined ? ['-nodes'] : ['-passout', `pass:${passphrase}`];
      openssl('req', ...EC, ...hidden, '-keyout', at('key'), '-out', at('csr'), '-subj', `/CN=${subject}`);
      const extensions = [
        `basicConstraints=critical,CA:${isCa ? 'TRUE' : 'FALSE'}`,
        ...(names === undefined ? [] : [`subjectAltName=${names}`]),
      ];
      fs.writeFileSync(at('extensions'), extensions.join('\n'));
      const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
      openssl(
        'x509',
        '-req',
        '-in',
        at('csr'),
        ...by,
        '-days',
        String(days),
        '-extfile',
        at('extensions'),
        '-out',
        at('cert'),
      );
      return { cert: read('cert'), key: read('key') };
    },
  };
}

/** The names of a server on this machine. */
export const LOCAL = 'DNS:localhost,IP:127.0.0.1';
