import { type ByteString } from '../core/byte-string.ts';
import { formDecode, formEncode } from './text.ts';

/** How the fields of a body are read and changed. Every byte that is not named stays. */
export interface BodyForm {
  /** The decoded values of every field, in order, by its decoded name. */
  read(body: ByteString): ReadonlyMap<ByteString, readonly ByteString[]>;
  /** The body without the fields called by one of `names`. */
  drop(body: ByteString, names: ReadonlySet<ByteString>): ByteString;
  /** The body with one field called `name`, which holds `value`. */
  place(body: ByteString, name: ByteString, value: ByteString): ByteString;
}

/**
 * Lists of `name=value` joined by `&`: forms (application/x-www-form-urlencoded) and queries. Names are compared decoded;
 * what isn't named keeps every byte: its order, its escapes, its duplicates, even an empty piece between two `&`.
 */

const nameOf = (piece: string): ByteString => {
  const equals = piece.indexOf('=');
  return formDecode(equals < 0 ? piece : piece.slice(0, equals));
};

/** The decoded values of every field, in order, by its decoded name. */
export function readFields(list: ByteString): Map<ByteString, ByteString[]> {
  const fields = new Map<ByteString, ByteString[]>();
  for (const piece of list.split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const value = equals < 0 ? '' : formDecode(piece.slice(equals + 1));
    const name = nameOf(piece);
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
  return fields;
}

/** The list without the fields called by one of `names`. */
export function dropFields(list: ByteString, names: ReadonlySet<ByteString>): ByteString {
  return list
    .split('&')
    .filter((piece) => piece === '' || !names.has(nameOf(piece)))
    .join('&');
}

/** The list without the fields called `name`, and `name=value` behind the rest, encoded. */
export function placeField(
  list: ByteString,
  name: ByteString,
  value: ByteString,
  encode: (text: ByteString) => ByteString = formEncode,
): ByteString {
  const rest = dropFields(list, new Set([name]));
  const separator = rest === '' || rest.endsWith('&') ? '' : '&';
  return `${rest}${separator}${encode(name)}=${encode(value)}`;
}
