import { type ByteString, formDecode, formEncode } from './text.ts';

/**
 * Lists of `name=value` joined by `&`: forms (application/x-www-form-urlencoded) and queries. Names are compared decoded;
 * what isn't named keeps every byte: its order, its escapes, its duplicates, even an empty piece between two `&`.
 */

const nameOf = (piece: string): ByteString => {
  const equals = piece.indexOf('=');
  return formDecode(equals < 0 ? piece : piece.slice(0, equals));
};

/** The decoded values of every field called `name` (itself not encoded), in order. */
export function fieldValues(list: ByteString, name: ByteString): ByteString[] {
  const values: ByteString[] = [];
  for (const piece of list.split('&')) {
    if (piece === '' || nameOf(piece) !== name) continue;
    const equals = piece.indexOf('=');
    values.push(equals < 0 ? '' : formDecode(piece.slice(equals + 1)));
  }
  return values;
}

/** The list without the fields called `name`, and `name=value` behind the rest, encoded. */
export function placeField(
  list: ByteString,
  name: ByteString,
  value: ByteString,
  encode: (text: ByteString) => ByteString = formEncode,
): ByteString {
  const rest = list
    .split('&')
    .filter((piece) => piece === '' || nameOf(piece) !== name)
    .join('&');
  const separator = rest === '' || rest.endsWith('&') ? '' : '&';
  return `${rest}${separator}${encode(name)}=${encode(value)}`;
}
