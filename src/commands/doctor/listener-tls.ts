import { ageFault, expiryOf, inDays, readCertificates } from '../../config/checks/certificate.ts';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { failure, ok, warning, type Finding } from './finding.ts';

/** How long the certificate of a listener is good for, by the certificate in PEM and the key of its section. */
function checkCertificate(section: string, text: string, nowMs: number): Finding {
  const [certificate] = readCertificates('certificate', text);
  const fault = ageFault(certificate, nowMs);
  const leftMs = expiryOf(certificate) - nowMs;
  if (fault === undefined) {
    return ok('listener', 'listener_tls_ok', `the certificate of \`${section}\` is valid for ${inDays(leftMs)}`);
  }
  const message = `the certificate of \`${section}\` ${fault}`;
  const remedy = `put a new pair into the files of \`${section}\`: they are watched, and no restart is needed`;
  const isGood = leftMs > 0 && Date.parse(certificate.validFrom) <= nowMs;
  return isGood
    ? warning('listener', { code: 'certificate_expires_soon', message, remedy })
    : failure('listener', { code: 'certificate_expired', message, remedy });
}

/** How long the certificates of the listeners are good for. Nothing where they speak plain HTTP. */
export function checkListenerTls({ listen, callbacksListen }: Config, clock: Clock): readonly Finding[] {
  const sections = { 'listen.tls': listen.tls, 'callbacks_listen.tls': callbacksListen?.tls };
  return Object.entries(sections).flatMap(([section, tls]) => {
    const text = tls?.current.values.get('certificate');
    return text === undefined ? [] : [checkCertificate(section, text, clock.now())];
  });
}
