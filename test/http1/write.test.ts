import test from 'ava';
import { chunkLine, headText, message } from '../../src/http1/write.ts';

test('a head is its first line, its fields and a blank line, byte for byte', (t) => {
  t.is(headText('GET / HTTP/1.1', ['host', 'a', 'X-é', 'ÿ']), 'GET / HTTP/1.1\r\nhost: a\r\nX-é: ÿ\r\n\r\n');
  t.is(headText('HTTP/1.1 200 OK', []), 'HTTP/1.1 200 OK\r\n\r\n');
});

test('nothing in a head can end its line', (t) => {
  for (const odd of ['a\r\nb', 'a\nb', 'a\rb', 'a\0b', 'a\u010ab', 'a\u4e0db', 'a\u{1f60a}b']) {
    t.like(
      t.throws(() => headText(`GET /${odd} HTTP/1.1`, [])),
      { code: 'bad_field' },
    );
    t.like(
      t.throws(() => headText('GET / HTTP/1.1', ['a', odd])),
      { code: 'bad_field' },
    );
    t.like(
      t.throws(() => headText('GET / HTTP/1.1', [odd, 'a'])),
      { code: 'bad_field' },
    );
  }
});

test('a head and its body are one piece', (t) => {
  t.deepEqual(message('a\xff', Buffer.from([0, 255])), Buffer.from([0x61, 0xff, 0, 255]));
  t.is(chunkLine(255), 'ff\r\n');
});
