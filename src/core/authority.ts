/** The destination of a request at a forward door. */
export interface Destination {
  readonly scheme: 'http' | 'https';
  /** As `URL` normalises it: lower case, IPv4 dotted, IPv6 in brackets. It has no final dot. */
  readonly host: string;
  readonly port: number;
}

/** The port of a URL that names none. */
export const DEFAULT_PORT = { http: 80, https: 443 } as const;

/** Writes a destination as an origin: `https://host`, with the port unless it is the scheme's default. */
export const originOfDestination = ({ scheme, host, port }: Destination): string =>
  `${scheme}://${host}${port === DEFAULT_PORT[scheme] ? '' : `:${port}`}`;

/** Returns a host without the brackets that a URL puts around an IPv6 address (RFC 3986 §3.2.2). */
export const unbracket = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host);
