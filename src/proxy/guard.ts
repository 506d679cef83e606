import { createHash, timingSafeEqual } from 'node:crypto';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { Secret } from '../core/secret.ts';
import type { AbsoluteTarget } from './target.ts';

/** Who may come in, as the config says it. */
export interface GuardConfig {
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly accessTokens: readonly Secret[];
  /** What TLS needs. Undefined: the listener speaks plain HTTP. */
  readonly tls?: object | undefined;
}

/** The part of a request's head by which the guard judges. */
export interface GuardedHead {
  readonly host: string;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly proxyAuthorization: string | undefined;
  readonly outriderTokens: readonly string[];
}

/** Decides who may come in. */
export interface Guard {
  /**
   * Throws `host_denied` unless `host` is a name of this proxy. On a Unix socket (`localAddress` undefined) every host passes.
   */
  checkHost(host: string, localAddress: string | undefined): void;
  /** Whether the start of a URL names this listener. */
  isSelf(
    { scheme, authority }: Pick<AbsoluteTarget, 'scheme' | 'authority'>,
    localAddress: string | undefined,
    localPort: number | undefined,
  ): boolean;
  /**
   * Throws `origin_denied` for a web page whose origin is not listed. Returns the CORS headers for the answer to a listed
   * origin; undefined when the request comes from no web page of another site.
   */
  checkOrigin(head: Pick<GuardedHead, 'origin' | 'fetchSite'>): RawHeaders | undefined;
  /**
   * Throws `client_unauthenticated` unless a valid access token came, or none is configured.
   * @param asProxy Whether to ask as a forward proxy does, with 407 instead of 401.
   */
  checkAccess(head: GuardedHead, asProxy?: boolean): void;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const CACHE_MAX = 256;
/** What an answer to a stranger says besides: at the base-URL door, and at the forward doors. */
export const CHALLENGE = { headers: ['WWW-Authenticate', 'Bearer realm="outrider"'] };
export const PROXY_CHALLENGE = {
  status: 407,
  headers: ['Proxy-Authenticate', 'Basic realm="outrider"', 'Proxy-Authenticate', 'Bearer realm="outrider"'],
};

/** Returns the host of an authority, without its port, in lower case. */
export function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return (colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority).toLowerCase();
}

/** Whether an origin is that of the listener at `host`, which may serve pages of its own. The host must have been checked. */
export const isOwnOrigin = (origin: string | undefined, host: string): boolean =>
  [`http://${host}`, `https://${host}`].includes(origin ?? '');

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Writes an IP address as in a URL: IPv6 in brackets, an IPv4-mapped address as IPv4. */
function addressInUrl(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  return address.includes(':') ? `[${address.toLowerCase()}]` : address;
}

/** Returns everything that the caller presents as an access token. The password of `Basic` counts too. */
export function presentedTokens({
  outriderTokens,
  proxyAuthorization,
}: Pick<GuardedHead, 'outriderTokens' | 'proxyAuthorization'>): readonly string[] {
  const match = /^(bearer|basic) +(\S+)$/i.exec(proxyAuthorization ?? '');
  if (!match) return outriderTokens;
  const value = match[2] as string;
  if ((match[1] as string).toLowerCase() === 'bearer') return [...outriderTokens, value];
  const pair = Buffer.from(value, 'base64').toString();
  return pair.includes(':') ? [...outriderTokens, pair.slice(pair.indexOf(':') + 1)] : outriderTokens;
}

/**
 * Compiles the guard: which Host, which origin and which access token may come in.
 * @param routeHosts The host names that routes match on, in lower case. They are allowed as Host too.
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

    isSelf({ scheme, authority }, localAddress, localPort) {
      if (scheme === 'https' && !config.tls) return false;
      if (localAddress === undefined || !isAllowed(authority, localAddress)) return false;
      const port = /:(\d+)$/.exec(authority)?.[1] ?? (scheme === 'https' ? '443' : '80');
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
