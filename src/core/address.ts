/** Where to listen: a TCP address or a Unix socket. */
export type Address = { readonly host: string; readonly port: number } | SocketAddress;

/** A Unix socket. */
export interface SocketAddress {
  readonly path: string;
  /** The mode of its file, which says who may connect; default: 0600. */
  readonly mode?: number;
  /** The group of its file, by name or number; default: that of the process. */
  readonly group?: string;
}

/** `sun_path` has 108 bytes on Linux and 104 on other systems, a zero at its end included. */
const MAX_SOCKET_PATH = 103;
const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.]+)?)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):(\d{1,5})$/;

/** What {@link parseAddress} reads, for messages. */
export const ADDRESS_HELP =
  'write host:port (127.0.0.1:8080, [::1]:8080; port 0 is any free one) or unix:/path/to.sock';

/**
 * Reads `host:port`, `[address]:port` or `unix:/path`. The path of a Unix socket is as it is written, so it may be relative.
 * Undefined for any other text.
 */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    const isFit = path !== '' && !path.includes('\0') && Buffer.byteLength(path) <= MAX_SOCKET_PATH;
    return isFit ? { path } : undefined;
  }
  const [, bracketed, name, digits] = HOST_PORT.exec(text) ?? [];
  const port = Number(digits);
  const host = bracketed ?? name;
  if (host === undefined || !(port <= 65_535)) return undefined;
  if (bracketed !== undefined && !URL.canParse(`http://[${bracketed.replace(/%.*/, '')}]`)) return undefined;
  return { host, port };
}

/** Writes an address as in the config. */
export const addressText = (address: Address): string =>
  'path' in address
    ? `unix:${address.path}`
    : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
