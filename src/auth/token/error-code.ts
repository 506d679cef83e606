import { TOKEN_ERRORS, type TokenSpec } from '../../config/profile/profile.ts';
import type { HttpAnswer } from '../../core/http.ts';
import { parseLoosely } from './parse.ts';
import { readPointer } from './pointer.ts';

/** The place of the error code by RFC 6749 §5.2. */
const STANDARD_POINTER = '/error';

/** The error codes of RFC 6749 §5.2. They are safe to show. */
const STANDARD: ReadonlySet<string> = new Set(TOKEN_ERRORS);

/**
 * The error code of an answer if it is known, else undefined. It is looked for where the profile says, then where RFC 6749 §5.2
 * does. A code of the provider's own is translated to that of the RFC, as the profile says. Any other text is never shown,
 * because it could hold anything.
 */
export function errorCode({ format, error }: TokenSpec['read'], { body }: HttpAnswer): string | undefined {
  const root = parseLoosely(format, body);
  for (const pointer of [error.pointer, STANDARD_POINTER]) {
    const found = readPointer(root, pointer);
    const code = typeof found === 'number' ? String(found) : found;
    if (typeof code !== 'string') continue;
    if (Object.hasOwn(error.known, code)) return error.known[code];
    if (STANDARD.has(code)) return code;
  }
  return undefined;
}
