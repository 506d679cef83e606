import { BlockList, isIP, type LookupFunction } from 'node:net';
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { networkInterfaces } from 'node:os';
import { DEFAULT_PORT, unbracket, type Destination } from '../core/authority.ts';
import { OutriderError } from '../core/errors.ts';

export type { Destination } from '../core/authority.ts';

/**
 * Special-purpose addresses (RFC 6890) that lie within this machine or network, and the addresses of cloud metadata services.
 */
const DENIED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
const DENIED_V6 = [
  '::/127',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/32',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

const denied = new BlockList();
for (const [ranges, family] of [
  [DENIED_V4, 'ipv4'],
  [DENIED_V6, 'ipv6'],
] as const) {
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    denied.addSubnet(address, Number(bits), family);
  }
}

/** Returns the eight 16-bit groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const text = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const [front = '', back] = text.split('::');
  const read = (part: string): number[] => (part === '' ? [] : part.split(':').map((hex) => Number.parseInt(hex, 16)));
  if (back === undefined) return read(front);
  const [first, last] = [read(front), read(back)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

const dotted = (high = 0, low = 0): string => `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;

/** Returns the IPv4 address within an IPv6 one (mapped, compatible, SIIT, NAT64, 6to4); undefined when there is none. */
function embeddedV4(groups: readonly number[]): string | undefined {
  const startsWith = (...prefix: readonly number[]): boolean => prefix.every((group, i) => groups[i] === group);
  const isInLastTwo =
    startsWith(0, 0, 0, 0, 0, 0) ||
    startsWith(0, 0, 0, 0, 0, 0xffff) ||
    startsWith(0, 0, 0, 0, 0xffff, 0) ||
    startsWith(0x64, 0xff9b, 0, 0, 0, 0);
  if (isInLastTwo) return dotted(groups[6], groups[7]);
  return startsWith(0x2002) ? dotted(groups[1], groups[2]) : undefined;
}

/** Whether an IP address is loopback, private, link-local, multicast, a metadata service's, or one of this machine's. */
export function isDeniedAddress(address: string): boolean {
  if (isIP(address) === 4) return denied.check(address, 'ipv4') || isOwn(address);
  const plain = address.replace(/%.*/, '');
  if (denied.check(plain, 'ipv6') || isOwn(plain)) return true;
  const v4 = embeddedV4(groupsOf(plain));
  return v4 !== undefined && (denied.check(v4, 'ipv4') || isOwn(v4));
}

/** Whether the address is one of this machine, on which our own listeners may be. */
const isOwn = (address: string): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === address));

/** Makes a `destination_denied` with its detail. The remedy is that of the error table by default. */
export const destinationDenied = (detail: string, remedy?: string): OutriderError =>
  new OutriderError('destination_denied', { detail, ...(remedy !== undefined && { remedy }) });

const privateAddress = (): OutriderError =>
  destinationDenied('without a route, loopback, private, link-local and metadata addresses are never dialled');

/**
 * Throws `destination_denied` when `host` is an IP address that must not be dialled. A name passes: {@link guardedLookup}
 * checks its addresses.
 */
export function checkHostAddress(host: string): void {
  const address = unbracket(host);
  if (isIP(address) !== 0 && isDeniedAddress(address)) throw privateAddress();
}

/**
 * Wraps a resolver so that it yields only addresses that may be dialled. Fails with `destination_denied` when none is left. The
 * connection uses the addresses that it yields, so a name can't pass the check with one address and be dialled at another.
 */
export function guardedLookup(lookup: LookupFunction = systemLookup as LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) {
        callback(error, '');
        return;
      }
      const all: readonly LookupAddress[] =
        typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const allowed = all.filter(({ address }) => !isDeniedAddress(address));
      const [first] = allowed;
      if (!first) callback(privateAddress() as NodeJS.ErrnoException & OutriderError, '');
      else if (options.all) callback(null, [...allowed]);
      else callback(null, first.address, first.family);
    });
  };
}

/** `URL` drops the default port of a scheme. */
const withoutFinalDot = (host: string): string => (host.endsWith('.') ? host.slice(0, -1) : host);

/** Reads an authority (`host`, `host:port`, `[v6]:port`). Returns undefined when it is not one, or its port is 0. */
export function readAuthority(authority: string, scheme: Destination['scheme']): Destination | undefined {
  if (!/^[^\s/?#@\\]+$/.test(authority) || !URL.canParse(`${scheme}://${authority}`)) return undefined;
  const destination = destinationOfUrl(`${scheme}://${authority}`);
  return destination.host === '' || destination.port === 0 ? undefined : destination;
}

/** Returns the destination of an http or https URL. */
export function destinationOfUrl(url: string): Destination {
  const { protocol, hostname, port } = new URL(url);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return { scheme, host: withoutFinalDot(hostname), port: port === '' ? DEFAULT_PORT[scheme] : Number(port) };
}

/** A key that is equal for one host and port alone. */
export const keyOf = ({ host, port }: Pick<Destination, 'host' | 'port'>): string => `${host}:${port}`;

/**
 * The keys under which the ways to a destination are found. A request in plain HTTP is carried over the route's own scheme, so
 * port 80 stands for an https port 443 too.
 */
export const placesOf = ({ scheme, host, port }: Destination): readonly string[] =>
  (scheme === 'https' && port === 443 ? [port, 80] : [port]).map((each) => keyOf({ host, port: each }));
