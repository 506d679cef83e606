import test from 'ava';
import fc from 'fast-check';
import { dropFields, placeField, readFields } from '../../src/auth/fields.ts';
import { fromUnicode, percentEncode } from '../../src/core/byte-string.ts';

const fieldValues = (list: string, name: string): string[] => readFields(list).get(name) ?? [];

test('a field goes behind the others, which keep every byte', (t) => {
  t.is(placeField('a=1&b=%7E%7e+x&&a=2&', 'key', 'v'), 'a=1&b=%7E%7e+x&&a=2&key=v');
  t.is(placeField('', 'key', 'v'), 'key=v');
  t.is(placeField('bare', 'key', ''), 'bare&key=');
});

test('a field replaces all of its name, wherever they stood and however they were spelled', (t) => {
  t.is(placeField('key=1&a=2&k%65y=3&KEY=4&b&key', 'key', 'v'), 'a=2&KEY=4&b&key=v');
  t.is(placeField('my+key=1&my%20key=2&x=3', 'my key', 'v'), 'x=3&my+key=v');
});

test('fields are dropped wherever they stand and however they are spelled, and the rest keeps every byte', (t) => {
  const drop = (list: string): string => dropFields(list, new Set(['key', 'my key']));
  t.is(drop('key=1&a=2&k%65y&my+key=3&&b=%7E&keys'), 'a=2&&b=%7E&keys');
  t.is(drop('key=1'), '');
  t.is(drop('a&'), 'a&');
});

test('values are encoded as a form, or percent-encoded in a query', (t) => {
  t.is(placeField('', 'a b', 'c d~e&f=g+h'), 'a+b=c+d%7Ee%26f%3Dg%2Bh');
  t.is(placeField('', 'a b', 'c d~e&f=g+h', percentEncode), 'a%20b=c%20d~e%26f%3Dg%2Bh');
  t.is(placeField('', 'n', fromUnicode('₹5')), 'n=%E2%82%B95');
});

test('values come back decoded, each of them', (t) => {
  t.deepEqual(fieldValues('a=1+2&b=x&%61=%E2%82%B9&a&a=%zz', 'a'), ['1 2', fromUnicode('₹'), '', '%zz']);
  t.deepEqual(fieldValues('a=1', 'b'), []);
});

const name = fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', '%61', '%', '+', '=', ' ', '~', '\xe9') });
const list = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '=', '%61', '%6', '+', '\xc3\xa9', ';', '"') }));

test('property: whatever the form, the field arrives once and as it was, and the rest is untouched', (t) => {
  fc.assert(
    fc.property(list, name, fc.string({ unit: 'binary' }).map(fromUnicode), (pieces, key, value) => {
      const before = pieces.join('&');
      const after = placeField(before, key, value);
      t.deepEqual(fieldValues(after, key), [value]);
      const others = (text: string): string[] =>
        text.split('&').filter((piece) => piece !== '' && fieldValues(piece, key).length === 0);
      t.deepEqual(others(after), others(before));
    }),
  );
  t.pass();
});

test('property: an independent parser reads the field back', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' }), (key, value) => {
      const form = new URLSearchParams(placeField('x=1&y=%20', fromUnicode(key), fromUnicode(value)));
      t.is(form.getAll(key).at(-1), value);
    }),
  );
  t.pass();
});
