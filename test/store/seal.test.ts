import { randomBytes } from 'node:crypto';
import test from 'ava';
import { createCodec } from '../../src/store/seal.ts';
import type { TokenRecord } from '../../src/store/store.ts';
import { KEY, OLD_KEY } from './shared-helpers.ts';

const RECORD: TokenRecord = {
  generation: 3,
  accessToken: 'access-token-of-the-test',
  tokenType: 'O-Bearer',
  refreshToken: 'refresh-token-of-the-test',
  issuedAtMs: 1_700_000_000_000,
  expiresAtMs: 1_700_000_360_000,
};
const SEALED = { key: KEY, oldKeys: [] };

function codec(encryption: Parameters<typeof createCodec>[0]) {
  const told: [key: string, reason: string][] = [];
  return { ...createCodec(encryption, (...what) => told.push(what)), told };
}

test('a record comes back from its text, sealed or not, with and without a refresh token', (t) => {
  for (const encryption of [undefined, SEALED]) {
    for (const record of [RECORD, { ...RECORD, refreshToken: undefined }]) {
      const { write, read, told } = codec(encryption);
      t.deepEqual(read('pincode', write('pincode', record)), record);
      t.deepEqual(told, []);
    }
  }
});

test('sealed, nothing of it can be read, and no two texts are alike', (t) => {
  const { write } = codec(SEALED);
  const texts = Array.from({ length: 100 }, () => write('pincode', RECORD));
  t.is(new Set(texts).size, 100);
  for (const text of texts) {
    t.regex(text, /^v1\.[0-9a-f]{8}\.[\w-]+$/);
    t.notRegex(text + Buffer.from(text.slice(12), 'base64url').toString('latin1'), /token-of-the-test|O-Bearer/);
  }
  t.is(new Set(texts.map((text) => Buffer.from(text.slice(12), 'base64url').toString('hex', 0, 12))).size, 100);
});

test('an old key still reads, and the new one is written with', (t) => {
  const before = codec({ key: OLD_KEY, oldKeys: [] });
  const after = codec({ key: KEY, oldKeys: [OLD_KEY] });
  t.deepEqual(after.read('pincode', before.write('pincode', RECORD)), RECORD);
  t.is(before.read('pincode', after.write('pincode', RECORD)), undefined);
  t.deepEqual(before.told, [['pincode', 'it is encrypted with a key that is not known']]);
});

test('what was not sealed for this key, by one of our keys, as it is now, counts as absent and is told', (t) => {
  const { write, read, told } = codec(SEALED);
  const text = write('pincode', RECORD);
  const [, name] = text.split('.');
  const bytes = Buffer.from(text.slice(12), 'base64url');
  const sealed = (changed: Uint8Array, keyName = name): string =>
    `v1.${keyName}.${Buffer.from(changed).toString('base64url')}`;
  for (const [key, broken, reason] of [
    ['phonepe', text, 'it does not decrypt'],
    ['pincode/other', text, 'it does not decrypt'],
    ['pincode', JSON.stringify(RECORD), 'it is not encrypted'],
    ['pincode', '', 'it is not encrypted'],
    ['pincode', sealed(bytes, '00000000'), 'it is encrypted with a key that is not known'],
    ['pincode', sealed(bytes.subarray(0, -1)), 'it does not decrypt'],
    ['pincode', sealed(bytes.subarray(0, 5)), 'it does not decrypt'],
    ['pincode', sealed(randomBytes(200)), 'it does not decrypt'],
  ] as const) {
    told.length = 0;
    t.is(read(key, broken), undefined, broken);
    t.deepEqual(told, [[key, reason]]);
  }
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed[i] = (changed[i] as number) ^ 1;
    t.is(read('pincode', sealed(changed)), undefined, `byte ${i}`);
  }
  t.deepEqual(read('pincode', text), RECORD);
});

test('the name of the key is bound to the text', (t) => {
  const theirs = codec({ key: OLD_KEY, oldKeys: [] }).write('pincode', RECORD);
  const [, theirName = ''] = theirs.split('.');
  const ours = codec(SEALED);
  const [, ourName = ''] = ours.write('pincode', RECORD).split('.');
  t.is(ours.read('pincode', theirs.replace(theirName, ourName)), undefined);
  t.deepEqual(ours.told, [['pincode', 'it does not decrypt']]);
});

test('without a key an encrypted record counts as absent', (t) => {
  const { read, told } = codec(undefined);
  t.is(read('pincode', codec(SEALED).write('pincode', RECORD)), undefined);
  t.deepEqual(told, [['pincode', 'it is encrypted and there is no key']]);
});

test('a text that is no record counts as absent, also one with a token that no header can hold', (t) => {
  const { read, told } = codec(undefined);
  const broken = [
    '',
    '{',
    'null',
    '[]',
    '"text"',
    '{}',
    ...[
      { generation: '3' },
      { generation: 1.5 },
      { accessToken: '' },
      { accessToken: 7 },
      { accessToken: 'a\r\nX-Evil: 1' },
      { tokenType: 'a\nb' },
      { refreshToken: 1 },
      { issuedAtMs: null },
      { expiresAtMs: 'soon' },
    ].map((change) => JSON.stringify({ ...RECORD, ...change })),
  ];
  for (const text of broken) t.is(read('pincode', text), undefined, text);
  t.is(told.length, broken.length);
  t.false(JSON.stringify(told).includes('token-of-the-test'));
});
