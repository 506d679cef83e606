import test from 'ava';
import { givenStage, REFUSED, told, writes } from './play.ts';
import type { Script } from './play.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const LENGTH = 'Content-Length: 2\r\n\r\nab';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`;

const headers = (count: number, value: string): string =>
  Array.from({ length: count }, (_, i) => `X-${i}: ${value}\r\n`).join('');

test('error upstream_bad_response: a head may hold 64 KiB of names and values', async (t) => {
  const { play, next } = await givenStage(t);
  for (const [what, bytes, expected] of [
    ['one long value', `X: ${'v'.repeat(60_000)}\r\n`, '200 ab'],
    ['a thousand headers', headers(1_000, 'v'.repeat(50)), '200 ab'],
    ['a value that is too long', `X: ${'v'.repeat(66_000)}\r\n`, REFUSED],
    ['a name that is too long', `${'X'.repeat(66_000)}: v\r\n`, REFUSED],
    ['a thousand headers that are too long', headers(1_000, 'v'.repeat(70)), REFUSED],
    ['twenty thousand headers', headers(20_000, 'v'), REFUSED],
  ] as const) {
    const seen = await play(writes(OK + bytes + LENGTH));
    t.is(told(seen), expected, what);
    if (seen.kind === 'answer') t.true(seen.answer.head.includes(bytes), what);
    await next(what);
  }
});

/** Writes `unit` again and again, until the proxy has had enough. */
const endlessly =
  (begin: string, unit: string): Script =>
  async (arrival) => {
    let isOpen = true;
    void arrival.closed.then(() => (isOpen = false));
    await arrival.write(begin);
    while (isOpen) {
      await arrival.write(unit);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

for (const [what, begin, unit, expected] of [
  ['a head', OK, `X: ${'v'.repeat(1_000)}\r\n`, REFUSED],
  ['a header', `${OK}X: `, 'v'.repeat(1_000), REFUSED],
  ['a header’s name', OK, 'X'.repeat(1_000), REFUSED],
  ['a trailer section', `${CHUNKED}0\r\n`, `X: ${'v'.repeat(1_000)}\r\n`, 'cut'],
  ['a chunk’s extension', `${CHUNKED}1;`, 'x'.repeat(1_000), 'cut'],
  ['a chunk’s size', `${CHUNKED}`, '0'.repeat(1_000), 'cut'],
] as const) {
  test(`${what} without end is not read without end`, async (t) => {
    const { play, next } = await givenStage(t, 'timeouts: { idle: 500ms }');
    t.is(told(await play(endlessly(begin, unit))), expected);
    await next(what);
  });
}
