/** Returns a host without the brackets that a URL puts around an IPv6 address (RFC 3986 §3.2.2). */
export const unbracket = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host);
