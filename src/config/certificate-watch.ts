import type { Clock, Timer } from '../core/clock.ts';
import type { NoticeRecord } from '../core/events.ts';
import type { ReloadableTls } from './tls.ts';

const DAY_MS = 86_400_000;

/** A `tls` section with its provider's name. */
export interface TlsSection {
  readonly name: string;
  readonly tls: ReloadableTls;
}

/**
 * Warns once a day of certificates that have expired or soon will. The first time is a day from now: loading the config has
 * told of them.
 * @returns A function that ends the watch.
 */
export function watchCertificates(
  sections: readonly TlsSection[],
  clock: Clock,
  onNotice: (notice: NoticeRecord) => void,
): () => void {
  if (sections.length === 0) return () => {};
  let timer: Timer = clock.after(DAY_MS, look);
  function look(): void {
    timer = clock.after(DAY_MS, look);
    for (const { name, tls } of sections) {
      for (const age of tls.ages) {
        onNotice({
          level: 'warn',
          message: `a certificate has to be renewed: ${age}`,
          fields: { provider: name, code: 'expiring_certificate' },
        });
      }
    }
  }
  return () => timer.cancel();
}
