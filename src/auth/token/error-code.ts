import { TOKEN_ERRORS, type TokenSpec } from '../../config/profile/profile.ts';
import type { HttpAnswer } from '../../core/http.ts';
import { parseLoosely } from './parse.ts';
import { readPointer } from './pointer.ts';

/** Where RFC 6749 §5.2 has it. */
const STANDARD_POINTER = '/error';

/** They may always be shown. */
const STANDARD: ReadonlySet<string> = new Set(TOKEN_ERRORS);

/**
 * The known error code of an answer, as the profile reads it, in the words of RFC 6749 where it says what is meant. Looks where
 * the profile says, then where the RFC does. Anything else that stands there is not known, and never shown.
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
