import { ageFault, expiryOf, inDays, readCertificates } from '../../config/checks/certificate.ts';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { failure, ok, warning, type Finding } from './finding.ts';

const REMEDY = 'put a new pair into the files of `listen.tls`: they are watched, and no restart is needed';

/** How long the certificate of the listener is good for. Nothing where it speaks plain HTTP. */
export function checkListenerTls({ listen: { tls } }: Config, clock: Clock): readonly Finding[] {
  const text = tls?.current.values.get('certificate');
  if (text === undefined) return [];
  const [certificate] = readCertificates('certificate', text);
  const nowMs = clock.now();
  const fault = ageFault(certificate, nowMs);
  const leftMs = expiryOf(certificate) - nowMs;
  if (fault === undefined) {
    return [ok('listener', 'listener_tls_ok', `the certificate of \`listen.tls\` is valid for ${inDays(leftMs)}`)];
  }
  const message = `the certificate of \`listen.tls\` ${fault}`;
  const isGood = leftMs > 0 && Date.parse(certificate.validFrom) <= nowMs;
  return [
    isGood
      ? warning('listener', { code: 'certificate_expires_soon', message, remedy: REMEDY })
      : failure('listener', { code: 'certificate_expired', message, remedy: REMEDY }),
  ];
}
