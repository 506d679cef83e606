import { type ByteString, toBytes } from '../core/byte-string.ts';
import { headerValue, type RawHeaders } from '../core/headers.ts';
import { looksLike } from './body.ts';
import type { FormField } from './fields.ts';
import { formOf } from './form.ts';

/** The fields of a body in order, decoded; none of a body that is no form. Throws `bad_body` for a form that can't be read. */
export function fieldsOfForm(headers: RawHeaders, body: ByteString): readonly FormField[] {
  if (!looksLike('form', headers, toBytes(body))) return [];
  return formOf(headerValue(headers, 'content-type')).list(body);
}
