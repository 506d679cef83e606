import type { webcrypto } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { issueLeaf, makeKeys, pemOfKey, type LocalCa } from './certificate.ts';

const LIFETIME_MS = 24 * 3_600_000;
/** How long a certificate is used for new connections. Half its lifetime is left by then. */
const SHOWN_MS = 12 * 3_600_000;
const KEPT_MAX = 256;

interface Kept {
  readonly context: Promise<SecureContext>;
  readonly madeAtMs: number;
}

/** Server certificates for the hosts of routes. */
export interface Leaves {
  /** Resolves with a TLS context that shows a certificate for `host`. It is made when it is first asked for. */
  contextFor(host: string): Promise<SecureContext>;
}

/**
 * Makes server certificates with a CA. It keeps the newest {@link KEPT_MAX}. All of them share one key, so that a new one costs
 * a single signature.
 */
export function createLeaves(ca: LocalCa, clock: Clock): Leaves {
  const kept = new Map<string, Kept>();
  let keys: Promise<webcrypto.CryptoKeyPair> | undefined;

  const issue = async (host: string): Promise<SecureContext> => {
    keys ??= makeKeys();
    const pair = await keys;
    const leaf = await issueLeaf(ca, pair, host, { nowMs: clock.now(), lifetimeMs: LIFETIME_MS });
    return createSecureContext({ cert: leaf.certificate, key: pemOfKey(pair.privateKey), minVersion: 'TLSv1.2' });
  };

  return {
    contextFor(host) {
      const now = clock.now();
      const known = kept.get(host);
      // After the clock was set back, a certificate may lie in the future. Then it is made anew.
      if (known && now >= known.madeAtMs && now < known.madeAtMs + SHOWN_MS) return known.context;
      const context = issue(host);
      kept.delete(host);
      kept.set(host, { context, madeAtMs: now });
      context.catch(() => kept.delete(host));
      const oldest = kept.keys().next();
      if (kept.size > KEPT_MAX && !oldest.done) kept.delete(oldest.value);
      return context;
    },
  };
}
