import { createHash, timingSafeEqual } from 'node:crypto';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { Secret } from '../core/secret.ts';

export interface GuardConfig {
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly accessTokens: readonly Secret[];
}

/** The part of a head that the guard judges by. */
export interface GuardedHead {
  readonly host: string;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly proxyAuthorization: string | undefined;
  readonly outriderTokens: readonly string[];
}

export interface Guard {
  /** Throws `host_denied` unless `host` is one of ours. `localAddress` undefined (a Unix socket): every host is. */
  checkHost(host: string, localAddress: string | undefined): void;
  /** Whether an authority (host, perhaps with a port) names this listener. */
  isSelf(authority: string, localAddress: string | undefined, localPort: number | undefined): boolean;
  /** Throws `origin_denied`; returns the headers that a listed origin's answers get, or nothing. */
  checkOrigin(head: Pick<GuardedHead, 'origin' | 'fetchSite'>): RawHeaders | undefined;
  /**
   * Throws `client_unauthenticated` unless a valid access token came, or none is needed.
   * @param asProxy Asks as a forward proxy does: 407.
   */
  checkAccess(head: GuardedHead, asProxy?: boolean): void;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const CACHE_MAX = 256;
const CHALLENGE = { headers: ['WWW-Authenticate', 'Bearer realm="outrider"'] };
const PROXY_CHALLENGE = {
  status: 407,
  headers: ['Proxy-Authenticate', 'Basic realm="outrider"', 'Proxy-Authenticate', 'Bearer realm="outrider"'],
};

/** The host of an authority in lower case, its port cut off. */
export function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return (colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority).toLowerCase();
}

/** Whether a browser's origin is that of the very listener it asks, which may serve pages of its own. The host must have been checked. */
export const isOwnOrigin = (origin: string | undefined, host: string): boolean =>
  [`http://${host}`, `https://${host}`].includes(origin ?? '');

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** An IP address as it stands in a URL: IPv6 in brackets, an IPv4-mapped one as IPv4. */
function addressInUrl(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  return address.includes(':') ? `[${address.toLowerCase()}]` : address;
}

/** Everything that the caller shows as an access token. */
function presentedTokens({ outriderTokens, proxyAuthorization }: GuardedHead): readonly string[] {
  const match = /^(bearer|basic) +(\S+)$/i.exec(proxyAuthorization ?? '');
  if (!match) return outriderTokens;
  const value = match[2] as string;
  if ((match[1] as string).toLowerCase() === 'bearer') return [...outriderTokens, value];
  const pair = Buffer.from(value, 'base64').toString();
  return pair.includes(':') ? [...outriderTokens, pair.slice(pair.indexOf(':') + 1)] : outriderTokens;
}

/**
 * Compiles who may come in: by which Host, from which origin, with which access token.
 * @param routeHosts Host names that routes match on, lower case.
 */
export function createGuard(config: GuardConfig, routeHosts: readonly string[]): Guard {
  const hosts = new Set([...LOOPBACK, ...routeHosts, ...config.allowedHosts.map((host) => host.toLowerCase())]);
  const origins = new Set(config.allowedOrigins);
  const tokens = config.accessTokens.map((token) => sha256(token.reveal()));
  const allowed = new Set<string>();

  const isAllowed = (authority: string, localAddress: string): boolean => {
    const host = hostOf(authority);
    return hosts.has(host) || host.endsWith('.localhost') || host === addressInUrl(localAddress);
  };

  return {
    checkHost(host, localAddress) {
      if (localAddress === undefined) return;
      const key = `${localAddress} ${host}`;
      if (allowed.has(key)) return;
      if (!isAllowed(host, localAddress)) {
        throw new OutriderError('host_denied', { detail: 'the Host header names none of the names of this proxy' });
      }
      if (allowed.size < CACHE_MAX) allowed.add(key);
    },

    isSelf(authority, localAddress, localPort) {
      if (localAddress === undefined || !isAllowed(authority, localAddress)) return false;
      const port = /:(\d+)$/.exec(authority)?.[1] ?? '80';
      return Number(port) === localPort;
    },

    checkOrigin({ origin, fetchSite }) {
      if (origin === undefined && fetchSite === undefined) return undefined;
      if (origin !== undefined) {
        if (origins.has(origin)) return ['Access-Control-Allow-Origin', origin, 'Vary', 'Origin'];
        throw new OutriderError('origin_denied', {
          detail: 'the request comes from a web page whose origin is not allowed',
        });
      }
      if (fetchSite === 'cross-site' || fetchSite === 'same-site') {
        throw new OutriderError('origin_denied', {
          detail: `the request comes from a web page (Sec-Fetch-Site: ${fetchSite})`,
        });
      }
      return undefined;
    },

    checkAccess(head, asProxy = false) {
      if (tokens.length === 0) return;
      const presented = presentedTokens(head);
      let isValid = false;
      for (const one of presented) {
        const digest = sha256(one);
        for (const token of tokens) isValid = timingSafeEqual(token, digest) || isValid;
      }
      if (isValid) return;
      throw new OutriderError('client_unauthenticated', {
        detail:
          presented.length === 0
            ? 'no access token came with the request'
            : 'the access token is not one of those configured',
        ...(asProxy ? PROXY_CHALLENGE : CHALLENGE),
      });
    },
  };
}
