import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import test from 'ava';
import { describeKey, isWeak, kindOf, KeyError, readKey, type KeyFormat } from '../../src/keys/read.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' | 'spki'): string =>
  key.export({ format: 'pem', type } as { format: 'pem'; type: 'pkcs8' }) as string;
const locked = (key: KeyObject, type: 'pkcs8' | 'pkcs1'): string =>
  key.export({ format: 'pem', type, cipher: 'aes-256-cbc', passphrase: 'open sesame' });

const failure = (text: string, format: KeyFormat, passphrase?: string): string => {
  try {
    readKey(text, format, passphrase);
  } catch (error) {
    if (error instanceof KeyError) return `${error.message} | ${error.help}`;
    throw error;
  }
  return 'none';
};

test('a private key is read as PKCS#8, PKCS#1 and SEC1', (t) => {
  const same = (text: string, key: KeyObject): boolean => t.true(readKey(text, 'pem').equals(key));
  same(pem(rsa.privateKey, 'pkcs8'), rsa.privateKey);
  same(pem(rsa.privateKey, 'pkcs1'), rsa.privateKey);
  same(pem(p256.privateKey, 'sec1'), p256.privateKey);
  same(pem(p256.privateKey, 'pkcs8'), p256.privateKey);
  same(pem(ed25519.privateKey, 'pkcs8'), ed25519.privateKey);
});

test('a PEM is read with whatever its line breaks have become, and with text around it', (t) => {
  const text = pem(p256.privateKey, 'pkcs8');
  for (const changed of [
    text.replaceAll('\n', '\r\n'),
    text.replaceAll('\n', String.raw`\n`),
    text.replaceAll('\n', String.raw`\r\n`),
    text.trim(),
    `\n\n${text}\n`,
    `Bag Attributes\n    friendlyName: shop\nKey Attributes: <No Attributes>\n${text}`,
  ])
    t.true(readKey(changed, 'pem').equals(p256.privateKey));
});

test("openssl's key on a curve is read with the block of parameters in front", (t) => {
  const text = execFileSync('openssl', ['ecparam', '-name', 'secp384r1', '-genkey'], { encoding: 'utf8' });
  t.true(text.startsWith('-----BEGIN EC PARAMETERS-----'));
  t.is(kindOf(readKey(text, 'pem')), 'p-384');
});

test('an encrypted key is read with its passphrase alone, PKCS#8 and PKCS#1', (t) => {
  for (const type of ['pkcs8', 'pkcs1'] as const) {
    const text = locked(rsa.privateKey, type);
    t.true(readKey(text, 'pem', 'open sesame').equals(rsa.privateKey));
    t.regex(failure(text, 'pem'), /^is encrypted, and there is no passphrase \|/);
    t.regex(failure(text, 'pem', ''), /^is encrypted, and there is no passphrase \|/);
    t.regex(failure(text, 'pem', 'open barley'), /^is not opened by its passphrase \|/);
  }
  t.true(readKey(pem(rsa.privateKey, 'pkcs8'), 'pem', 'not needed').equals(rsa.privateKey));
});

test('a public key and a certificate are read as public keys', (t) => {
  const key = readKey(pem(p256.publicKey, 'spki'), 'pem');
  t.is(key.type, 'public');
  t.is(describeKey(key), 'an EC public key on P-256');
  t.true(readKey(pem(rsa.privateKey, 'pkcs8') + pem(rsa.publicKey, 'spki'), 'pem').equals(rsa.privateKey));
});

test('what is no key is told without a word of it', (t) => {
  const text = pem(rsa.privateKey, 'pkcs8');
  const [, line = ''] = text.split('\n');
  const cases: readonly (readonly [string, KeyFormat, RegExp])[] = [
    ['', 'pem', /^is not PEM/],
    [line, 'pem', /^is not PEM/],
    [text.slice(0, 400), 'pem', /^is cut off/],
    [text.replace(line, line.slice(4)), 'pem', /private key/],
    [text.replace(line, `${line}!`), 'pem', /private key/],
    [`${text}${text}`, 'pem', /^holds more than one private key/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', 'pem', /^holds a public key that can't be read/],
    ['c2VjcmV0!', 'base64', /^is not base64/],
    ['ab-/', 'base64', /^is not base64/],
    ['abcde', 'base64', /^is not base64/],
    ['abc', 'hex', /^is not hex/],
    ['0xab', 'hex', /^is not hex/],
    ['', 'hex', /^is not hex/],
  ];
  for (const [given, format, expected] of cases) {
    const said = failure(given, format);
    t.regex(said, expected);
    if (line !== '') t.false(said.includes(line.slice(8, 40)));
  }
});

test("OpenSSH's format is named, with the command that changes it", (t) => {
  const text = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE=\n-----END OPENSSH PRIVATE KEY-----\n';
  t.regex(failure(text, 'pem'), /^is in OpenSSH's own format \| `ssh-keygen -p -m PKCS8/);
});

test('shared secrets are read as text, hex and either base64', (t) => {
  const bytes = Buffer.from('fbff3e0102', 'hex');
  const read = (text: string, format: KeyFormat): string => readKey(text, format).export().toString('hex');
  t.is(read('+/8+AQI=', 'base64'), bytes.toString('hex'));
  t.is(read('-_8-AQI', 'base64'), bytes.toString('hex'));
  t.is(read('+/8+\nAQI=\n', 'base64'), bytes.toString('hex'));
  t.is(read('FBff3e0102', 'hex'), bytes.toString('hex'));
  t.is(read('é', 'text'), 'c3a9');
});

test('keys are told apart by kind, and short RSA keys are weak', (t) => {
  t.is(kindOf(rsa.privateKey), 'rsa');
  t.is(kindOf(p256.privateKey), 'p-256');
  t.is(kindOf(ed25519.privateKey), 'ed25519');
  t.is(kindOf(readKey('secret', 'text')), 'secret');
  t.is(kindOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey), undefined);
  t.is(describeKey(rsa.privateKey), 'an RSA key of 2048 bits');
  t.is(describeKey(ed25519.privateKey), 'a key of type ed25519');
  t.false(isWeak(rsa.privateKey));
  t.true(isWeak(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey));
});
