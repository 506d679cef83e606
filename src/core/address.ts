/** Where to listen: a TCP address or a Unix socket. */
export type Address = { readonly host: string; readonly port: number } | SocketAddress;

export interface SocketAddress {
  readonly path: string;
  /** Who may connect; default 0600. */
  readonly mode?: number;
  /** The group of its file, by name or number; default: the process's own. */
  readonly group?: string;
}

/** sun_path has 108 bytes on Linux, 104 elsewhere. */
const MAX_SOCKET_PATH = 103;
const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.]+)?)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):(\d{1,5})$/;

/** What {@link parseAddress} reads, for messages. */
export const ADDRESS_HELP =
  'write host:port (127.0.0.1:8080, [::1]:8080; port 0 is any free one) or unix:/path/to.sock';

/** `host:port`, `[address]:port` or `unix:/path` (the path stays as written) → where that is; anything else → undefined. */
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

/** An address as the config writes it. */
export const addressText = (address: Address): string =>
  'path' in address
    ? `unix:${address.path}`
    : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
