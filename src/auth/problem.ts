import { OutriderError } from '../core/errors.ts';

/** The refusal of a body that the credential can't be put on, or can't be put on for certain. */
export function badBody(detail: string, remedy?: string): OutriderError {
  return new OutriderError('bad_body', { detail, ...(remedy !== undefined && { remedy }) });
}
