import { type ByteString } from '../core/byte-string.ts';
import { formDecode, formEncode } from './text.ts';

/** A field of a form, decoded. */
export type FormField = readonly [name: ByteString, value: ByteString];

/**
 * Reads and changes the fields of a form body. Bytes that belong to no named field never change. The methods throw `bad_body`
 * for a body that can't be read for certain; a URL-encoded one always can.
 */
export interface BodyForm {
  /** Every field in order, decoded. */
  list(body: ByteString): readonly FormField[];
  /** The decoded values of every field, in order, by its decoded name. */
  read(body: ByteString): ReadonlyMap<ByteString, readonly ByteString[]>;
  /** The body without the fields whose names are in `names`. */
  drop(body: ByteString, names: ReadonlySet<ByteString>): ByteString;
  /** The body with a single field `name` that holds `value`; other fields of that name are removed. */
  place(body: ByteString, name: ByteString, value: ByteString): ByteString;
}

/**
 * The functions below work on lists of `name=value` joined by `&`: URL-encoded forms (application/x-www-form-urlencoded) and
 * queries. Names are compared after decoding. Everything that is not named keeps its bytes: order, escapes, duplicates, and
 * even an empty piece between two `&`.
 */

const nameOf = (piece: string): ByteString => {
  const equals = piece.indexOf('=');
  return formDecode(equals < 0 ? piece : piece.slice(0, equals));
};

/** Every field in order, decoded. */
export function listFields(list: ByteString): FormField[] {
  return list.split('&').flatMap((piece): FormField[] => {
    if (piece === '') return [];
    const equals = piece.indexOf('=');
    return [[nameOf(piece), equals < 0 ? '' : formDecode(piece.slice(equals + 1))]];
  });
}

/** The values of every field, in order, by its name. */
export const readFields = (list: ByteString): Map<ByteString, ByteString[]> => byName(listFields(list));

/** Gathers the values of fields of one name. */
export function byName(list: readonly FormField[]): Map<ByteString, ByteString[]> {
  const fields = new Map<ByteString, ByteString[]>();
  for (const [name, value] of list) {
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
  return fields;
}

/** The list without the fields whose names are in `names`. */
export function dropFields(list: ByteString, names: ReadonlySet<ByteString>): ByteString {
  return list
    .split('&')
    .filter((piece) => piece === '' || !names.has(nameOf(piece)))
    .join('&');
}

/** The list with `name=value` at its end, encoded; other fields of that name are removed. */
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
