import { unbracket } from '../../core/authority.ts';
import { BlockList, isIP } from 'node:net';
import { Secret } from '../../core/secret.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A proxy between us and the providers. */
export interface EgressProxy {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The value of Proxy-Authorization. */
  readonly authorization: Secret | undefined;
}

/** Which proxy, if any, leads to an origin. */
export type Egress = (origin: string) => EgressProxy | undefined;

const DIRECT: Egress = () => undefined;

interface Setting {
  readonly name: string;
  readonly value: string;
}

const first = (env: Env, ...names: readonly string[]): Setting | undefined => {
  for (const name of names) {
    const value = env[name];
    if (value) return { name, value };
  }
  return undefined;
};

/** Percent escapes undone; a text with broken ones is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function urlOf({ value }: Setting): URL | undefined {
  const text = value.includes('://') ? value : `http://${value}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

function readProxy(setting: Setting | undefined): EgressProxy | undefined {
  if (!setting) return undefined;
  const url = urlOf(setting);
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    // The value may hold a password.
    throw new Error(`the environment variable ${setting.name} is not the http:// or https:// URL of a proxy`);
  }
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  const authorization = pair === ':' ? undefined : new Secret(`Basic ${Buffer.from(pair).toString('base64')}`);
  return { origin: url.origin, authorization };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** A host of a URL that is this machine; BlockList sees IPv4-mapped addresses through. */
export function isLoopbackHost(hostname: string): boolean {
  const host = unbracket(hostname);
  const family = isIP(host);
  if (family !== 0) return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
  return host === 'localhost' || host.endsWith('.localhost') || host === 'localhost.' || host.endsWith('.localhost.');
}

/** Whether a host is reached without a proxy. */
export type Exception = (hostname: string, port: string) => boolean;

/** One entry of NO_PROXY: `*`, a name with everything below it, an IP address, a range; each may end in a port. */
export function readException(entry: string): Exception | undefined {
  if (entry === '*') return () => true;
  const range = /^([0-9a-f:.]+)\/(\d{1,3})$/.exec(entry);
  if (range) {
    const [, address = '', bits] = range;
    const family = isIP(address);
    if (family === 0 || Number(bits) > (family === 6 ? 128 : 32)) return undefined;
    const block = new BlockList();
    block.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
    return (hostname) => {
      const host = unbracket(hostname);
      return isIP(host) !== 0 && block.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
    };
  }
  const withPort = isIP(entry) === 6 ? null : /^(.*):(\d{1,5})$/.exec(entry);
  const port = withPort?.[2];
  const name = unbracket((withPort?.[1] ?? entry).replace(/^\*/, '')).replace(/\.$/, '');
  if (name === '') return undefined;
  const suffix = name.startsWith('.') ? name : `.${name}`;
  return (hostname, ofPort) => {
    if (port !== undefined && port !== ofPort) return false;
    const host = unbracket(hostname).replace(/\.$/, '');
    return host === suffix.slice(1) || (isIP(host) === 0 && host.endsWith(suffix));
  };
}

const HTTP = ['http_proxy', 'HTTP_PROXY'];
const HTTPS = ['https_proxy', 'HTTPS_PROXY'];

/** The passwords of the proxies that the environment names, for the log to hide. */
export function* egressPasswords(env: Env): Generator<string> {
  for (const names of [HTTP, HTTPS]) {
    const setting = first(env, ...names);
    const password = setting && urlOf(setting)?.password;
    if (password) yield decoded(password);
  }
}

/**
 * Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, the lower-case ones first. Loopback is never proxied.
 * Throws an Error, without the value, when one is not a proxy's URL.
 */
export function readEgress(env: Env): Egress {
  const http = readProxy(first(env, ...HTTP));
  const https = readProxy(first(env, ...HTTPS));
  if (!http && !https) return DIRECT;
  const exceptions = (first(env, 'no_proxy', 'NO_PROXY')?.value ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .flatMap((entry) => readException(entry) ?? []);
  return (origin) => {
    const { protocol, hostname, port } = new URL(origin);
    const isSecure = protocol === 'https:';
    const proxy = isSecure ? https : http;
    if (!proxy || isLoopbackHost(hostname)) return undefined;
    const ofPort = port || (isSecure ? '443' : '80');
    return exceptions.some((isException) => isException(hostname, ofPort)) ? undefined : proxy;
  };
}
