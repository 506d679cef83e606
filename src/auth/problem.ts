import { OutriderError } from '../core/errors.ts';

/** The error `bad_body`: the credential can't be put on this body, or not reliably. */
export function badBody(detail: string, remedy?: string): OutriderError {
  return new OutriderError('bad_body', { detail, ...(remedy !== undefined && { remedy }) });
}
