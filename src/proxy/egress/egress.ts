import { unbracket } from '../../core/authority.ts';
import { BlockList, isIP } from 'node:net';
import { Secret } from '../../core/secret.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A forward proxy between us and the providers. */
export interface EgressProxy {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The value of Proxy-Authorization. */
  readonly authorization: Secret | undefined;
}

/** Returns the egress proxy for an origin; undefined: it is reached directly. */
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

/** Decodes percent escapes. A text with a broken escape is taken as it stands. */
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

/** Whether the host of a URL is this machine. `BlockList` looks into IPv4-mapped addresses by itself. */
export function isLoopbackHost(hostname: string): boolean {
  const host = unbracket(hostname);
  const family = isIP(host);
  if (family !== 0) return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
  return host === 'localhost' || host.endsWith('.localhost') || host === 'localhost.' || host.endsWith('.localhost.');
}

/** Whether a host (as `URL` writes it) and port are reached without a proxy. */
export type Exception = (hostname: string, port: string) => boolean;

/**
 * Reads one entry of NO_PROXY, in lower case: `*`, a name that includes everything below it, an IP address, or an address
 * range. Names and addresses may end in a port. Returns undefined for anything else.
 */
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

/** Yields the passwords of the proxies that the environment names. The log hides them. */
export function* egressPasswords(env: Env): Generator<string> {
  for (const names of [HTTP, HTTPS]) {
    const setting = first(env, ...names);
    const password = setting && urlOf(setting)?.password;
    if (password) yield decoded(password);
  }
}

/**
 * Reads the egress proxies from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. A variable in lower case goes before one in upper
 * case. Loopback is never proxied. Throws an Error when a value is not the URL of a proxy. The message doesn't hold the value.
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
