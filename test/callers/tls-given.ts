import fs from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeAuthority, LOCAL, type Authority, type Issue, type Pair } from '../helpers/authority.ts';
import { until } from '../helpers/http1.ts';
import { temporaryDirectory } from '../helpers/directory.ts';
import { startOutrider, type Outrider, type OutriderOptions } from '../helpers/outrider.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';
import { caller } from './given.ts';

export interface Secured {
  readonly upstream: Upstream;
  readonly outrider: Outrider;
  /** Signs the server's certificates, and is what clients trust. */
  readonly authority: Authority;
  /** Signs those of callers. */
  readonly callersAuthority: Authority;
  /** The path of a file in the test's directory. */
  readonly at: (file: string) => string;
  /** Writes a pair as `NAME.crt` and `NAME.key`. Each file is replaced as a whole. */
  readonly write: (name: string, pair: Pair) => void;
  /** Replaces the CAs of callers. */
  readonly trust: (...certificates: readonly string[]) => void;
  /** Makes the certificate of a client and writes it. */
  readonly client: (name: string, issue: Issue, by?: Authority) => Pair;
}

/** Resolves when the files have been taken over for the n-th time; the first is the start. */
export const taken = ({ outrider }: Pick<Secured, 'outrider'>, version: number): Promise<void> =>
  until(`version ${version} of the files`, () => outrider.app.config.listen.tls?.current.version === version, 10_000);

/** Replaces a file as Kubernetes and certbot do: whole. */
function replace(file: string, text: string): void {
  fs.writeFileSync(`${file}.next`, text);
  fs.renameSync(`${file}.next`, file);
}

/** The callers of these tests: one by token, three by certificate. */
const CALLERS = [
  caller('by-token'),
  '  - { name: by-uri, certificate: { uri: "spiffe://acme/shop" }, routes: "*" }',
  '  - { name: by-dns, certificate: { dns: Reports.Example }, routes: "*" }',
  '  - { name: by-cn, certificate: { cn: batch }, routes: [a] }',
];

/** A proxy that speaks TLS in front of a recording upstream, route `a`. */
export async function givenTls(
  t: ExecutionContext,
  options: OutriderOptions & { readonly callers?: readonly string[]; readonly extra?: string } = {},
): Promise<Secured> {
  const { callers = CALLERS, extra = '' } = options;
  const dir = temporaryDirectory(t);
  const at = (file: string): string => path.join(dir, file);
  const authority = makeAuthority(t, 'Server CA');
  const callersAuthority = makeAuthority(t, 'Callers CA');
  const write = (name: string, { cert, key }: Pair): void => {
    replace(at(`${name}.crt`), cert);
    replace(at(`${name}.key`), key);
  };
  write('server', authority.issue('server', { names: LOCAL }));
  replace(at('ca.pem'), authority.cert);
  replace(at('callers.pem'), callersAuthority.cert);
  const upstream = await startUpstream(t);
  const yaml = `
listen:
  address: 127.0.0.1:0
  tls: { certificate: "\${file:${at('server.crt')}}", key: "\${file:${at('server.key')}}", client_ca: "\${file:${at('callers.pem')}}" }
callers:
${callers.join('\n')}
routes:
  - { name: a, match: { path: /a }, upstream: "${upstream.origin}", websocket: true }
${extra}`;
  const outrider = await startOutrider(t, yaml, options);
  return {
    upstream,
    outrider,
    authority,
    callersAuthority,
    at,
    write,
    trust: (...certificates) => replace(at('callers.pem'), certificates.join('')),
    client(name, issue, by = callersAuthority) {
      const pair = by.issue(name, issue);
      write(name, pair);
      return pair;
    },
  };
}
