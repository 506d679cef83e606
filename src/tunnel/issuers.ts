import type { Clock } from '../core/clock.ts';
import type { Authority } from './certificate.ts';
import { createLeaves, type Leaves } from './leaves.ts';

/** An authority with less than this left is not gone on with for the sake of those who trust it. */
const REST_MS = 24 * 3_600_000;

interface Issuer {
  readonly authority: Authority;
  readonly leaves: Leaves;
}

export interface Issuers extends Leaves {
  /** From now on certificates are for these hosts, and `authority` vouches for those that none before it may vouch for. */
  use(authority: Authority, hosts: Iterable<string>): void;
}

/**
 * The authorities of one process. A reload that adds a host makes a new one: whoever trusts the one before it must not be
 * cut off from the hosts that there were already.
 */
export function createIssuers(clock: Clock): Issuers {
  let issuers: readonly Issuer[] = [];
  const issuerFor = (host: string): Issuer | undefined =>
    issuers.find(({ authority }) => authority.hosts.includes(host) && authority.expiresAtMs > clock.now() + REST_MS) ??
    issuers.at(-1);
  return {
    use(authority, hosts) {
      if (!issuers.some((one) => one.authority.certificate === authority.certificate)) {
        issuers = [...issuers, { authority, leaves: createLeaves(authority, clock) }];
      }
      const needed = new Set([...hosts].map(issuerFor));
      issuers = issuers.filter((issuer, i) => needed.has(issuer) || i === issuers.length - 1);
    },
    async contextFor(host) {
      const issuer = issuerFor(host);
      if (!issuer) throw new Error('there is no CA');
      return issuer.leaves.contextFor(host);
    },
  };
}
