import { dropFields, placeField, readFields } from './fields.ts';
import { readMediaType } from './media-type.ts';
import { multipartForm } from './multipart.ts';
import type { ByteString } from './text.ts';

/** How the fields of a body are read and changed. Every byte that is not named stays. */
export interface BodyForm {
  /** The decoded values of every field, in order, by its decoded name. */
  read(body: ByteString): ReadonlyMap<ByteString, readonly ByteString[]>;
  /** The body without the fields called by one of `names`. */
  drop(body: ByteString, names: ReadonlySet<ByteString>): ByteString;
  /** The body with one field called `name`, which holds `value`. */
  place(body: ByteString, name: ByteString, value: ByteString): ByteString;
}

const URL_ENCODED: BodyForm = { read: readFields, drop: dropFields, place: placeField };

/** The form that a Content-Type names; without one, an URL-encoded form. Throws `bad_body`. */
export function formOf(contentType: string | undefined): BodyForm {
  if (contentType === undefined) return URL_ENCODED;
  const type = readMediaType(contentType);
  return type.essence === 'multipart/form-data' ? multipartForm(contentType, type) : URL_ENCODED;
}
