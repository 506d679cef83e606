import { type BodyForm, dropFields, listFields, placeField, readFields } from './fields.ts';
import { readMediaType } from './media-type.ts';
import { multipartForm } from './multipart.ts';

const URL_ENCODED: BodyForm = { list: listFields, read: readFields, drop: dropFields, place: placeField };

/**
 * The form format that a Content-Type names: multipart/form-data, else URL-encoded, which is also the default. Throws
 * `bad_body` for a multipart type without a usable boundary.
 */
export function formOf(contentType: string | undefined): BodyForm {
  if (contentType === undefined) return URL_ENCODED;
  const type = readMediaType(contentType);
  return type.essence === 'multipart/form-data' ? multipartForm(type) : URL_ENCODED;
}
