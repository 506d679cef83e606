import { unbracket } from '../core/authority.ts';
import { isIP } from 'node:net';

/** The OID of the extension for name constraints (RFC 5280 §4.2.1.10). */
export const NAME_CONSTRAINTS = '2.5.29.30';

const SEQUENCE = 0x30;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;
/** A DNS name that nobody can have. To permit it alone forbids all other DNS names. */
const NOBODY = 'outrider.invalid';

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [front = '', back] = address.split('::');
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [read(front), read(back ?? '')];
  const groups = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function baseOf(host: string): Buffer {
  const name = unbracket(host);
  if (isIP(name) === 0) return der(DNS_NAME, Buffer.from(name, 'latin1'));
  const address = addressBytes(name);
  return der(IP_ADDRESS, address, Buffer.alloc(address.length, 0xff));
}

/**
 * Writes, in DER, the name constraints of a CA that may issue certificates for `hosts` (as `URL` writes them) and for no
 * others.
 */
export function encodeNameConstraints(hosts: Iterable<string>): Buffer {
  const all = [...new Set(hosts)];
  const names = all.filter((host) => isIP(unbracket(host)) === 0);
  const addresses = all.filter((host) => isIP(unbracket(host)) !== 0);
  const permitted = [...(names.length > 0 ? names : [NOBODY]), ...addresses].map((host) => der(SEQUENCE, baseOf(host)));
  const anyAddress = [8, 32].map((bytes) => der(SEQUENCE, der(IP_ADDRESS, Buffer.alloc(bytes))));
  return der(SEQUENCE, der(PERMITTED, ...permitted), ...(addresses.length === 0 ? [der(EXCLUDED, ...anyAddress)] : []));
}

/** Yields the tag and the contents of each element in a sequence of DER elements. */
function* readDer(bytes: Buffer): Generator<readonly [tag: number, contents: Buffer]> {
  for (let at = 0; at + 2 <= bytes.length;) {
    const short = bytes[at + 1] as number;
    const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
    const start = at + 2 + lengthBytes;
    const length = lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, lengthBytes);
    yield [bytes[at] as number, bytes.subarray(start, start + length)];
    at = start + length;
  }
}

function nameOf(tag: number, contents: Buffer): string {
  if (tag === DNS_NAME) return contents.toString('latin1');
  const address = contents.subarray(0, contents.length / 2);
  if (address.length === 4) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(i * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname;
}

/** Returns the hosts that name constraints permit. It reads what {@link encodeNameConstraints} wrote. */
export function decodeNameConstraints(bytes: Uint8Array): string[] {
  const hosts: string[] = [];
  for (const [, sequence] of readDer(Buffer.from(bytes))) {
    for (const [kind, subtrees] of readDer(sequence)) {
      if (kind !== PERMITTED) continue;
      for (const [, subtree] of readDer(subtrees)) {
        for (const [tag, contents] of readDer(subtree)) hosts.push(nameOf(tag, contents));
      }
    }
  }
  return hosts.filter((host) => host !== NOBODY);
}
