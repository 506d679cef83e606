import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

/** Bodies, targets and secrets as odd as a caller may send them and the proxy still takes them: their bytes must survive. */

/** Any text that a secret may be. */
export const secret: Arbitrary<string> = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });

const PLAIN = 'a Z 0 9 - _ ~ ! $ & \' ( ) * + , ; = : @ | ^ ` { } < > "'.split(' ');
const ESCAPED = ['%2F', '%2f', '%7e', '%7E', '%41', '%5C', '%25', '%20', '%E2%82%B9', '%ff'];
const PATH_PIECES = [...PLAIN, ...ESCAPED, 'v1.2', ';x=1'];
const segment = fc.string({ unit: fc.constantFrom(...PATH_PIECES), minLength: 1, maxLength: 6 });

/** A path below some base: odd characters, escapes that nobody asked for, empty segments, a slash at the end. */
export const path: Arbitrary<string> = fc
  .tuple(segment, fc.array(fc.oneof(segment, fc.constant('')), { maxLength: 3 }))
  .map((segments) => `/${segments.flat().join('/')}`);

/** The query with its `?`, or nothing: duplicates, empty pieces, bad escapes. */
export const query: Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.constant('') },
  {
    weight: 3,
    arbitrary: fc
      .array(fc.string({ unit: fc.constantFrom(...PATH_PIECES, '%zz', '?', '/', '=', '&', '%'), maxLength: 5 }))
      .map((pieces) => `?${pieces.join('&')}`),
  },
);

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 });
const NUMBERS = ['0', '-0', '1.10', '1.0', '12345678901234567890', '1e5', '1E+05', '-0.0', '0.1e-7', '1e400'];
export const jsonNumber: Arbitrary<string> = fc.constantFrom(...NUMBERS);
const STRING_PIECES = [
  'a',
  '₹',
  '😀',
  ' ',
  '/',
  "'",
  '\\"',
  '\\\\',
  '\\/',
  '\\n',
  '\\u0000',
  '\\u20b9',
  '\\uD83D\\ude00',
];
/** A JSON string, quotes and all; it means Unicode. */
export const jsonString: Arbitrary<string> = fc
  .string({ unit: fc.constantFrom(...STRING_PIECES), maxLength: 6 })
  .map((text) => `"${text}"`);
const anyString = fc.oneof({ weight: 9, arbitrary: jsonString }, { weight: 1, arbitrary: fc.constant('"\\ud800"') });
const scalar = fc.oneof(jsonNumber, anyString, fc.constantFrom('true', 'false', 'null'));

const padded = (inner: Arbitrary<string>): Arbitrary<string> =>
  fc.tuple(space, inner, space).map((pieces) => pieces.join(''));
const list = (open: string, items: Arbitrary<string>, close: string): Arbitrary<string> =>
  fc
    .tuple(space, fc.array(items, { maxLength: 4 }))
    .map(([gap, all]) => `${open}${all.length > 0 ? all.join(',') : gap}${close}`);

/** `"key" : value` with its spaces; few keys, so that some come twice. */
const memberOf = (value: Arbitrary<string>): Arbitrary<string> =>
  fc
    .tuple(space, fc.constantFrom('"a"', '"b"', '"\\u0061"', '""', '"x.y"'), space, padded(value))
    .map(([before, key, after, rest]) => `${before}${key}${after}:${rest}`);

const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('array'), tie('object')),
  array: list('[', padded(tie('value')), ']'),
  object: list('{', memberOf(tie('value')), '}'),
}));

/** Any JSON text: spaces, odd numbers, escapes, duplicate keys. */
export const json: Arbitrary<string> = padded(value);
/** One member of an object whose key is none of those that a test names. */
export const jsonMember: Arbitrary<string> = memberOf(value);
/** `name: value` as a member with odd spaces. */
export const member = (name: string, inner: Arbitrary<string>): Arbitrary<string> =>
  fc
    .tuple(space, space, padded(inner))
    .map(([before, after, rest]) => `${before}${JSON.stringify(name)}${after}:${rest}`);

/** Each byte of a text as it is, or escaped in either case; a space also as a plus. */
const spell = (text: string): Arbitrary<string> =>
  fc.infiniteStream(fc.nat(3)).map((choices) => {
    const bytes = [...Buffer.from(text)];
    return bytes
      .map((byte) => {
        const choice = choices.next().value;
        const hex = byte.toString(16).padStart(2, '0');
        const isPlain = /[A-Za-z0-9*\-._~!'(),:;@/?|]/.test(String.fromCharCode(byte));
        if (byte === 0x20 && choice % 2 === 0) return '+';
        if (isPlain && choice < 2) return String.fromCharCode(byte);
        return `%${choice % 2 === 0 ? hex : hex.toUpperCase()}`;
      })
      .join('');
  });

/** `name=value`, both spelled oddly. */
export const formField = (name: string, text: Arbitrary<string> = fc.string({ unit: 'grapheme', maxLength: 12 })) =>
  text.chain((chosen) => fc.tuple(spell(name), spell(chosen)).map(([left, right]) => `${left}=${right}`));

/** A piece of a form that no profile names: bad escapes, no equals sign, several, nothing at all. */
export const formPiece: Arbitrary<string> = fc.oneof(
  fc.constantFrom('', '=', 'x', 'x=', 'x=1=2', '%zz=%', 'y=%ff', 'a+b=c+d', '%', 'ha%73h2=1', 'x=₹'),
  fc.constantFrom('x', 'y', 'ke', 'Hash').chain((name) => formField(name)),
);
