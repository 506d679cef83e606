import type { Clock } from '../core/clock.ts';
import type { LocalCa } from './certificate.ts';
import { createLeaves, type Leaves } from './leaves.ts';

/** An older CA that expires sooner than this is not used any more, even if clients trust only that one. */
const REST_MS = 24 * 3_600_000;

interface Issuer {
  readonly ca: LocalCa;
  readonly leaves: Leaves;
}

/** The certificates of all CAs of one process. */
export interface Issuers extends Leaves {
  /** Sets the hosts for which certificates are needed. `ca` issues those that no earlier CA may issue. */
  use(ca: LocalCa, hosts: Iterable<string>): void;
}

/**
 * Keeps the CAs of one process. A reload that adds a host makes a new CA. Clients that trust only an earlier one must still
 * reach the hosts that it covers, so those keep their CA.
 */
export function createIssuers(clock: Clock): Issuers {
  let issuers: readonly Issuer[] = [];
  const issuerFor = (host: string): Issuer | undefined =>
    issuers.find(({ ca }) => ca.hosts.includes(host) && ca.expiresAtMs > clock.now() + REST_MS) ?? issuers.at(-1);
  return {
    use(ca, hosts) {
      if (!issuers.some((one) => one.ca.certificate === ca.certificate)) {
        issuers = [...issuers, { ca, leaves: createLeaves(ca, clock) }];
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
