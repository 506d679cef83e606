import { existsSync, readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import type { RouteConfig } from '../config/config.ts';
import { readException } from '../proxy/egress/egress.ts';
import type { Env } from './output.ts';

/** The variable that tells an `exec` within an `exec` that it is one. */
export const NESTED = 'OUTRIDER_EXEC';

/** The files in which systems keep their root certificates: Debian, Fedora, SUSE, Alpine and BSD, macOS. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/usr/local/etc/openssl@3/cert.pem',
];
/** The variables that name such a file, for OpenSSL and Go, curl, Python's requests, Node, git, the AWS tools and Deno. */
const BUNDLE_VARIABLES = [
  'SSL_CERT_FILE',
  'CURL_CA_BUNDLE',
  'REQUESTS_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
  'GIT_SSL_CAINFO',
  'AWS_CA_BUNDLE',
  'DENO_CERT',
];

const readable = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/** Root certificates in PEM: those of the system, those in the files that the environment names, and `certificate` (PEM). */
export function caBundle(env: Env, certificate: string): string {
  const named = BUNDLE_VARIABLES.flatMap((name) => env[name] || []);
  const system = SYSTEM_BUNDLES.find((file) => existsSync(file));
  const roots = system === undefined ? getCACertificates('default').join('\n') : readable(system);
  const texts = [roots, ...[...new Set(named)].filter((file) => file !== system).map(readable), certificate];
  return texts.map((text) => (text === '' || text.endsWith('\n') ? text : `${text}\n`)).join('');
}

/** `OUTRIDER_URL`, and `OUTRIDER_URL_<NAME>` for each route with a path. Of two equal names the first route has it. */
export function baseUrls(origin: string, routes: readonly RouteConfig[]): Record<string, string> {
  const urls: Record<string, string> = { OUTRIDER_URL: origin };
  for (const { name, match } of routes) {
    const variable = `OUTRIDER_URL_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
    if (match.path !== undefined) urls[variable] ??= match.path === '/' ? origin : origin + match.path;
  }
  return urls;
}

const entries = (list: string): string[] => list.split(/[\s,]+/).filter((entry) => entry !== '');

/** The variable that sends requests for our URL to another proxy. Undefined when none does, or `NO_PROXY` excepts the URL. */
export function detour(env: Env, { hostname, port }: URL): string | undefined {
  const isSpared = entries(env['no_proxy'] || env['NO_PROXY'] || '').some((entry) =>
    readException(entry.toLowerCase())?.(hostname, port),
  );
  return isSpared ? undefined : ['http_proxy', 'HTTP_PROXY'].find((name) => env[name]);
}

/**
 * `NO_PROXY` without the entries that except a host of `origins`, so that requests to it reach us. Undefined when it isn't set.
 */
export function noProxy(env: Env, origins: readonly URL[]): string | undefined {
  const before = env['no_proxy'] || env['NO_PROXY'];
  const keeps = (entry: string): boolean => {
    const isException = readException(entry.toLowerCase().replace(/^([^:]*|\[.*\]):\d+$/, '$1'));
    return !isException || !origins.some(({ hostname }) => isException(hostname, ''));
  };
  return before === undefined ? undefined : entries(before).filter(keeps).join(',');
}

/** An ini for PHP, whose curl and streams read no root certificates from the environment. */
export const phpIni = (bundleFile: string): string =>
  ['curl.cainfo', 'openssl.cafile'].map((setting) => `${setting} = "${bundleFile}"\n`).join('');

/** The directories in which PHP looks for further ini files: those from before, then `dir`. An empty one means PHP's own default. */
function phpScanDirs({ PHP_INI_SCAN_DIR: before }: Env, dir: string): string {
  // An empty variable means that there is no directory.
  return before === '' ? dir : `${before ?? ''}:${dir}`;
}

/**
 * The variables that make programs use the proxy for every URL, and trust its certificates.
 * @param proxy URL of the proxy, perhaps with credentials.
 * @param origins The origins that must reach the proxy whatever `NO_PROXY` says.
 * @param ca The path of the root certificates, see {@link caBundle}, and a directory with PHP's ini.
 */
export function interceptVariables(
  env: Env,
  proxy: string,
  origins: readonly URL[],
  ca: { readonly bundleFile: string; readonly iniDir: string },
): Record<string, string | undefined> {
  const exceptions = noProxy(env, origins);
  return {
    ...Object.fromEntries(['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, proxy])),
    NO_PROXY: exceptions,
    no_proxy: exceptions,
    NODE_USE_ENV_PROXY: '1',
    ...Object.fromEntries(BUNDLE_VARIABLES.map((name) => [name, ca.bundleFile])),
    PHP_INI_SCAN_DIR: phpScanDirs(env, ca.iniDir),
  };
}
