import test from 'ava';
import fc from 'fast-check';
import { countOnlyKey, dropJsonMembers, placeJsonMember, readJsonScalar } from '../../src/auth/json.ts';
import { fromUnicode, toUnicode } from '../../src/core/byte-string.ts';

test('a member is placed behind the last one, and numbers keep their spelling', (t) => {
  t.is(
    placeJsonMember('{ "amount" : 1.10,\n  "id":12345678901234567890 , "e":1E+2}', 'sig', 'x'),
    '{ "amount" : 1.10,\n  "id":12345678901234567890 , "e":1E+2,"sig":"x"}',
  );
  t.is(placeJsonMember('{}', 'sig', 'x'), '{"sig":"x"}');
  t.is(placeJsonMember(' {\t} \n', 'sig', 'x'), ' {"sig":"x"\t} \n');
  t.is(placeJsonMember('{"a":[1,{"sig":2}]\n}', 'sig', 'x'), '{"a":[1,{"sig":2}],"sig":"x"\n}');
});

test('a member that is there is replaced where it stands, and its duplicates go', (t) => {
  t.is(
    placeJsonMember('{"sig": {"deep":[1]} ,"b":2, "s\\u0069g" : 3 , "c":4,"sig":5}', 'sig', 'x'),
    '{"sig": "x" ,"b":2 , "c":4}',
  );
  t.is(placeJsonMember('{"sig":1}', 'sig', 'x'), '{"sig":"x"}');
});

test('a member is dropped with one comma, wherever it stands', (t) => {
  const drop = (json: string): string => dropJsonMembers(json, new Set(['sig', 'sum']));
  t.is(drop('{ "a": 1 , "sig": 2 , "b": 3 }'), '{ "a": 1 , "b": 3 }');
  t.is(drop('{ "sig": 2 , "a": 1 }'), '{ "a": 1 }');
  t.is(drop('{"sum":1,"sig":2,"a":1,"s\\u0069g":[3],"sum":4}'), '{"a":1}');
  t.is(drop('{ "sig": {"a":1} }'), '{  }');
  t.is(drop('{"sig":1,"sum":2}'), '{}');
  t.is(drop('{"a":{"sig":1},"sigs":[{"sig":1}]}'), '{"a":{"sig":1},"sigs":[{"sig":1}]}');
  t.is(drop(' {\t} '), ' {\t} ');
});

test('what is placed is encoded as JSON', (t) => {
  t.is(placeJsonMember('{}', 'a"b', 'c\\d\n'), '{"a\\"b":"c\\\\d\\n"}');
  t.is(toUnicode(placeJsonMember('{}', fromUnicode('é'), fromUnicode('₹'))), '{"é":"₹"}');
});

test('strings are read decoded, other scalars as they are spelled', (t) => {
  const json = '{"a":{"b":1.10,"c":"x\\/y\\u00e9","d":null,"e":true},"f":[],"a.b":2,"big":12345678901234567890}';
  const read = (...path: string[]): unknown => readJsonScalar(json, path);
  t.deepEqual(read('a', 'b'), { text: '1.10' });
  t.deepEqual(read('a', 'c'), { text: fromUnicode('x/yé') });
  t.deepEqual(read('a', 'd'), { text: 'null', isNull: true });
  t.deepEqual(read('a', 'e'), { text: 'true' });
  t.deepEqual(read('big'), { text: '12345678901234567890' });
  t.deepEqual(read('a'), { problem: 'no_scalar' });
  t.deepEqual(read('f'), { problem: 'no_scalar' });
  t.deepEqual(read('f', '0'), { problem: 'absent' });
  t.deepEqual(read('a', 'x'), { problem: 'absent' });
  t.deepEqual(read('a', 'b', 'c'), { problem: 'absent' });
  t.deepEqual(readJsonScalar(' "alone" ', []), { text: 'alone' });
});

test('a key that stands twice on the way is told, also when it is escaped', (t) => {
  t.deepEqual(readJsonScalar('{"a":1,"\\u0061":2}', ['a']), { problem: 'twice' });
  t.deepEqual(readJsonScalar('{"b":{"a":1,"a":1}}', ['b', 'a']), { problem: 'twice' });
  t.deepEqual(readJsonScalar('{"b":{"a":1},"c":{"a":1}}', ['b', 'a']), { text: '1' });
});

test('a lone surrogate is no text', (t) => {
  t.deepEqual(readJsonScalar('{"a":"\\ud800"}', ['a']), { problem: 'no_scalar' });
  t.is(countOnlyKey('{"\\ud800":1}', '\\ufffd'), 0);
});

test('whether an object has one key alone, and how often', (t) => {
  t.is(countOnlyKey(' { "a" : 1 }', 'a'), 1);
  t.is(countOnlyKey('{"a":1,"\\u0061":{"b":2}}', 'a'), 2);
  for (const json of ['{}', '{"b":1}', '{"a":1,"b":2}', '{"b":1,"a":2}', '[]', '"a"']) t.is(countOnlyKey(json, 'a'), 0);
});

test('deep nesting and long texts are walked without recursion', (t) => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  t.deepEqual(readJsonScalar(`{"a":${deep},"b":1}`, ['b']), { text: '1' });
  t.deepEqual(readJsonScalar(`{"a":"${'\\"\\\\'.repeat(100_000)}","b":1}`, ['b']), { text: '1' });
});

/** JSON texts with free spaces, escapes and duplicates, and their members as written. */
const space = fc.constantFrom('', ' ', '\n', '\t\r\n ');
const value = fc.oneof(
  fc.json(),
  fc.constantFrom('1.10', '12345678901234567890', '-0', '1e400', '"\\u007d\\"{"', '[ "}" , {"sig":1} ]'),
);
const member = fc.tuple(
  fc.constantFrom('"a"', '"b"', '"sig"', '"\\u0073ig"', '"\\\\"', '"{"'),
  space,
  space,
  value,
  space,
  space,
);
const spell = (members: readonly (readonly string[])[]): string =>
  `{${members.map(([key, s1, s2, v, s3, s4]) => `${s4}${key}${s1}:${s2}${v}${s3}`).join(',')}}`;

test('property: a placed member is read back, and every other member is as the caller wrote it', (t) => {
  fc.assert(
    fc.property(fc.array(member), fc.string({ unit: 'grapheme' }), (members, text) => {
      const before = fromUnicode(spell(members));
      const after = placeJsonMember(before, 'sig', fromUnicode(text));
      t.is((JSON.parse(toUnicode(after) as string) as Record<string, unknown>)['sig'], text);
      t.deepEqual(readJsonScalar(after, ['sig']), { text: fromUnicode(text) });
      // Independent of the scanner: take out what was put in, and the pieces of the caller's text must be left, in order.
      const isSig = ([key]: readonly string[]): boolean => JSON.parse(key as string) === 'sig';
      const others = members
        .filter((one) => !isSig(one))
        .map(([key, s1, s2, v]) => fromUnicode(`${key}${s1}:${s2}${v}`));
      let at = 0;
      for (const other of others) {
        const found = after.indexOf(other, at);
        t.true(found >= at, `${other} in ${after}`);
        at = found + other.length;
      }
      t.is(Object.keys(JSON.parse(toUnicode(after) as string) as object).filter((key) => key === 'sig').length, 1);
      if (!members.some(isSig)) {
        const at = after.lastIndexOf(`${members.length > 0 ? ',' : ''}"sig":`);
        const placed = `${members.length > 0 ? ',' : ''}"sig":${fromUnicode(JSON.stringify(text))}`;
        t.is(after.slice(0, at) + after.slice(at + placed.length), before);
      }
    }),
  );
  t.pass();
});

test('property: dropping what was placed is dropping what stood there, and the other members keep their bytes', (t) => {
  const names = new Set(['sig']);
  fc.assert(
    fc.property(fc.array(member), (members) => {
      const before = fromUnicode(spell(members));
      const dropped = dropJsonMembers(before, names);
      t.is(dropJsonMembers(placeJsonMember(before, 'sig', 'x'), names), dropped);
      t.is(dropJsonMembers(dropped, names), dropped);
      const others = members.filter(([key]) => JSON.parse(key as string) !== 'sig');
      t.is(dropped.replaceAll(/\s/g, ''), fromUnicode(spell(others).replaceAll(/\s/g, '')));
      if (others.length === members.length) t.is(dropped, before);
    }),
  );
  t.pass();
});
