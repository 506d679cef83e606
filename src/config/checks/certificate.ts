import { X509Certificate, type KeyObject } from 'node:crypto';
import { KeyError, readKey } from '../../keys/read.ts';
import { systemCode } from '../../core/system-code.ts';
import { ConfigError } from '../diagnostics/config-error.ts';

const DAY_MS = 86_400_000;
/** A certificate with less time left is worth a warning. */
export const SOON_MS = 14 * DAY_MS;

const BLOCK = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const LOOKS_LIKE_PATH = /^[\w./~-]{1,500}$/;

/** The remedy for a text that is no PEM. Mostly the path of the file was written in its place. */
const helpWith = (text: string, otherwise: string): string =>
  LOOKS_LIKE_PATH.test(text) ? 'write ${file:/path/to/it}: the value is the text itself, not its path' : otherwise;

/**
 * Reads all certificates of a PEM text, in their order. Throws a {@link ConfigError} (`bad_certificate`).
 * @param what The key of the config, for the message.
 */
export function readCertificates(what: string, text: string): readonly [X509Certificate, ...X509Certificate[]] {
  // A variable often has the line breaks as the two characters `\n`, as for a key.
  const [first, ...more] = text.replaceAll(/\\r\\n|\\n|\\r/g, '\n').match(BLOCK) ?? [];
  if (first === undefined) {
    const help = helpWith(text, 'give it in PEM: `openssl x509 -inform der -in FILE` turns DER into it');
    throw new ConfigError('bad_certificate', `the ${what} holds no certificate in PEM`, help);
  }
  const read = (block: string): X509Certificate => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      const message = `the ${what} can't be read as a certificate (${systemCode(error) || 'broken'})`;
      throw new ConfigError('bad_certificate', message, 'copy the file anew: a part of it is missing or changed');
    }
  };
  return [read(first), ...more.map(read)];
}

/**
 * Reads a private key in PEM (PKCS#8, PKCS#1, SEC1), encrypted or not. Throws a {@link ConfigError} (`bad_key`), whose texts hold
 * nothing of the key.
 * @param what The key of the config, for the message.
 * @param lockedHelp What helps where it is encrypted and no passphrase was given.
 */
export function readPrivateKey(
  what: string,
  text: string,
  passphrase: string | undefined,
  lockedHelp = 'give `passphrase` beside it',
): KeyObject {
  const bad = (message: string, help: string): ConfigError =>
    new ConfigError('bad_key', `the ${what} ${message}`, help);
  let key: KeyObject;
  try {
    key = readKey(text, 'pem', passphrase);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    // The reader's own help for this speaks of credentials.
    const needsPassphrase = error.message.includes('no passphrase');
    throw bad(error.message, needsPassphrase ? lockedHelp : helpWith(text, error.help));
  }
  if (key.type === 'private') return key;
  throw bad('is no private key', 'give the key of the certificate: it begins with -----BEGIN … PRIVATE KEY-----');
}

/** The subject of a certificate in one line. */
export const subjectOf = ({ subject }: X509Certificate): string =>
  (subject ?? '').split('\n').filter(Boolean).toReversed().join(',') || 'a certificate without a subject';

export const expiryOf = ({ validTo }: X509Certificate): number => Date.parse(validTo);

/** The date of a moment, as a validity is told. */
export const day = (time: number | string): string => new Date(time).toISOString().slice(0, 10);

/** The time left before a moment or after it, for people: "3 days". */
export function inDays(ms: number): string {
  const days = Math.floor(Math.abs(ms) / DAY_MS);
  return days === 0 ? 'less than a day' : `${days} ${days === 1 ? 'day' : 'days'}`;
}

/**
 * What is wrong with the moment of a certificate's expiry: it has passed, or is less than 14 days away. The result completes the
 * sentence "the certificate …". Undefined when nothing is.
 */
export function expirySoon(expiresAtMs: number, nowMs: number): string | undefined {
  const leftMs = expiresAtMs - nowMs;
  if (leftMs >= SOON_MS) return undefined;
  const when = `on ${day(expiresAtMs)}`;
  return leftMs < 0 ? `expired ${when}, ${inDays(leftMs)} ago` : `expires ${when}, in ${inDays(leftMs)}`;
}

/** As {@link expirySoon}, and also whether the certificate isn't valid yet. */
export function ageFault(certificate: X509Certificate, nowMs: number): string | undefined {
  const fromMs = Date.parse(certificate.validFrom);
  return fromMs > nowMs ? `is valid from ${day(fromMs)} on` : expirySoon(expiryOf(certificate), nowMs);
}
