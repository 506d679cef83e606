import querystring from 'node:querystring';
import test from 'ava';
import { Needles } from '../../src/auth/needles.ts';
import { fromUnicode } from '../../src/core/byte-string.ts';
import { Secret } from '../../src/core/secret.ts';
import { Scrubber } from '../../src/proxy/scrub.ts';
import { randomFrom } from '../helpers/random.ts';

const needlesOf = (...texts: readonly string[]): Needles =>
  new Needles(texts.map((text) => new Secret(fromUnicode(text))));

/** What comes out of pieces, and how often something was overwritten. */
function scrubbed(
  needles: Needles,
  pieces: readonly Uint8Array[],
  isEventStream = false,
): { readonly out: Buffer; readonly count: number; readonly steps: readonly string[] } {
  const scrubber = new Scrubber(needles, { isEventStream });
  const out = pieces.map((piece) => Buffer.from(scrubber.push(piece)));
  out.push(Buffer.from(scrubber.end()));
  return { out: Buffer.concat(out), count: scrubber.count, steps: out.map(String) };
}

const cutAt = (bytes: Buffer, at: number): Buffer[] => [bytes.subarray(0, at), bytes.subarray(at)];
const stars = (text: string): string => '*'.repeat(Buffer.byteLength(text));

const SECRETS: Readonly<Record<string, string>> = {
  'a token': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl_-',
  'a password': 'p/q+r=s&t ~(x)*!<y>"z\'\\`',
  'a password of other letters': 'größe €uro 😀 pass/wort',
  'twelve characters': 'abcdefghijkl',
};

const escaped = (text: string, which: RegExp, isUpper = false): string =>
  text.replaceAll(which, (char) =>
    Array.from({ length: char.length }, (_, i) => {
      const digits = char.charCodeAt(i).toString(16).padStart(4, '0');
      return `\\u${isUpper ? digits.toUpperCase() : digits}`;
    }).join(''),
  );
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
const lowerHex = (text: string): string => text.replaceAll(/%../g, (escape) => escape.toLowerCase());
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What programs make of a text, by what is at hand here. */
const WRITERS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  encodeURIComponent,
  'encodeURIComponent in lower case': (text) => lowerHex(encodeURIComponent(text)),
  encodeURI,
  'a form': (text) => new URLSearchParams({ '': text }).toString().slice(1),
  'a form in lower case': (text) => lowerHex(new URLSearchParams({ '': text }).toString().slice(1)),
  'a query of node': (text) => querystring.escape(text),
  'RFC 3986': (text) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
  'JSON.stringify': inJson,
  'JSON with escaped slashes': (text) => inJson(text).replaceAll('/', '\\/'),
  'JSON in ASCII': (text) => escaped(inJson(text), /[^\0-\x7f]/gu),
  'JSON in ASCII, in upper case': (text) => escaped(inJson(text), /[^\0-\x7f]/gu, true),
  'JSON in ASCII with escaped slashes': (text) => escaped(inJson(text), /[^\0-\x7f]/gu).replaceAll('/', '\\/'),
  'JSON for HTML': (text) => escaped(inJson(text), /[<>&]/g),
  base64,
  'base64 without padding': (text) => base64(text).replaceAll('=', ''),
  base64url: (text) => Buffer.from(text).toString('base64url'),
  'base64url with padding': (text) => base64(text).replaceAll('+', '-').replaceAll('/', '_'),
};

for (const [what, secret] of Object.entries(SECRETS)) {
  for (const [how, write] of Object.entries(WRITERS)) {
    test(`${what}, written as ${how}, is overwritten wherever it is cut`, (t) => {
      const needles = needlesOf(secret);
      const written = write(secret);
      const text = `{"a": "${written}", "b": "${written.slice(0, -4)}`;
      const bytes = Buffer.from(text);
      const expected = text.replace(written, () => stars(written));
      const pieces = Array.from({ length: bytes.length + 1 }, (_, at) => cutAt(bytes, at));
      for (const cut of [...pieces, Array.from(bytes, (byte) => Buffer.of(byte))]) {
        const { out, count } = scrubbed(needles, cut);
        t.is(out.toString(), expected);
        t.is(count, 1);
      }
    });
  }
}

test('what only resembles a secret, or is shorter than twelve characters, passes as it came, without a copy', (t) => {
  const needles = needlesOf('abcdefghijkl', 'elevenchars', '');
  for (const text of [
    'abcdefghijk',
    'abcdefghijk_l',
    'Abcdefghijkl',
    'bcdefghijklm',
    'elevenchars',
    'a'.repeat(500),
    '',
  ]) {
    const bytes = Buffer.from(text);
    const scrubber = new Scrubber(needles);
    t.is(scrubber.end(bytes), bytes);
    t.is(scrubber.text(text), text);
    t.is(scrubber.count, 0);
    for (let at = 0; at <= bytes.length; at++) t.is(scrubbed(needles, cutAt(bytes, at)).out.toString(), text);
  }
  t.true(needlesOf('elevenchars').isEmpty);
});

test('the memory of a piece is never written to', (t) => {
  const bytes = Buffer.from('x abcdefghijkl x');
  const { out } = scrubbed(needlesOf('abcdefghijkl'), cutAt(bytes, 16));
  t.is(out.toString(), 'x ************ x');
  t.is(bytes.toString(), 'x abcdefghijkl x');
});

test('secrets that overlap, touch or lie within each other are overwritten as all of them, in whatever pieces', (t) => {
  const random = randomFrom(11);
  const pick = (max: number): number => Math.floor(random() * max);
  const word = (length: number): string => Array.from({ length }, () => 'ab'.charAt(pick(2))).join('');
  for (let round = 0; round < 300; round++) {
    const first = word(12 + pick(6));
    const secrets = [first, first.slice(pick(3)) + word(12), word(3) + first + word(pick(30))];
    const parts = Array.from({ length: 12 }, () => {
      const secret = secrets[pick(3)] as string;
      return secret.slice(pick(4), secret.length - pick(4)) + word(pick(4));
    });
    const text = parts.join('');
    const marks = text.split('');
    for (const secret of secrets) {
      for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1))
        marks.fill('*', at, at + secret.length);
    }
    const bytes = Buffer.from(text);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const next = at + 1 + pick(30);
      pieces.push(bytes.subarray(at, next));
      at = next;
    }
    t.is(scrubbed(needlesOf(...secrets), pieces).out.toString(), marks.join(''));
    t.is(Buffer.from(new Scrubber(needlesOf(...secrets)).end(bytes)).toString(), marks.join(''));
  }
});

test('what each request adds is found in its answer, and in no other, however many came before and after it', (t) => {
  const random = randomFrom(12);
  const word = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('');
  const shared = word(40);
  const base = needlesOf(shared);
  // Like JWTs, some begin alike; some are shorter than what they are added to.
  const added = Array.from({ length: 300 }, (_, n) =>
    n % 2 === 0 ? `same-beginning-${word(40)}` : word(12 + (n % 40)),
  );
  const all = added.map((text) => [text, base.with([new Secret(text), new Secret(`Bearer ${text}`)])] as const);
  for (const [text, needles] of [...all, ...all.toReversed()]) {
    const other = added[Math.floor(random() * added.length)] as string;
    const body = `${other}, ${text}, ${shared}, ${btoa(text)}`;
    const expected = [other === text ? stars(text) : other, text, shared, btoa(text)];
    const hidden = [expected[0], ...expected.slice(1).map((one) => stars(one as string))].join(', ');
    t.is(scrubbed(needles, cutAt(Buffer.from(body), Math.floor(random() * body.length))).out.toString(), hidden);
    t.true(needles.mayStandIn(`x-echo ${text} ${'.'.repeat(40)}`));
  }
});

const MIB = 1024 * 1024;

test('a secret that begins within the first MiB is overwritten, and none behind it', (t) => {
  const secret = 'abcdefghijkl-secret';
  for (const [start, isFound] of [
    [MIB - 1, true],
    [MIB - 30, true],
    [MIB, false],
    [MIB + 1, false],
  ] as const) {
    const bytes = Buffer.from(`${'.'.repeat(start)}${secret}${'.'.repeat(100)}${secret}`);
    for (const size of [bytes.length, 4_096, 1_000, start + 5]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const { out, count } = scrubbed(needlesOf(secret), pieces);
      t.is(out.toString('latin1', start, start + secret.length), isFound ? stars(secret) : secret, `${start} ${size}`);
      t.is(out.length, bytes.length);
      t.is(out.toString('latin1', bytes.length - secret.length), secret);
      t.is(count, isFound ? 1 : 0);
    }
  }
});

test('a finished event is never held, and the secret of one that is not is overwritten', (t) => {
  // Its beginning looks like the end of an event.
  const secret = 'key\n\nwith an empty line';
  const pieces = ['data: key\n\n', 'data: abcdefgh', 'ijkl\n\n', 'data: key\r\n\r\n'].map((text) => Buffer.from(text));
  const { steps } = scrubbed(needlesOf(secret, 'abcdefghijkl'), pieces, true);
  t.deepEqual(steps, ['data: key\n\n', 'data: ', '************\n\n', 'data: key\r\n\r\n', '']);
  t.deepEqual(scrubbed(needlesOf(secret), pieces.slice(0, 1)).steps, ['data: ', 'key\n\n'], 'other bodies wait');
});

test('a text that is made to be compared without end takes no quadratic time', (t) => {
  const secret = `${'a'.repeat(8_000)}b${'a'.repeat(8_000)}`;
  const body = Buffer.alloc(MIB, 'a');
  const startMs = performance.now();
  scrubbed(needlesOf(secret), [body]);
  t.true(performance.now() - startMs < 5_000);
});
