import test from 'ava';
import { givenStage, REFUSED, told, writes } from './play.ts';

const FINAL = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab';

const interim = (status: string, headers = ''): string => `HTTP/1.1 ${status}\r\n${headers}\r\n`;

const TABLE: Readonly<Record<string, string>> = {
  [interim('100 Continue') + FINAL]: '200 ab',
  [interim('100') + FINAL]: '200 ab',
  [interim('102 Processing', 'X: y\r\n') + FINAL]: '200 ab',
  [interim('100 Continue') + interim('103 Early Hints', 'Link: </a>\r\nLink: </b>\r\n') + interim('199 ?') + FINAL]:
    '200 ab',
  [interim('103 Early Hints', 'Connection: close\r\n') + FINAL]: '200 ab',
  [interim('103 Early Hints', 'Connection: upgrade\r\nUpgrade: websocket\r\n') + FINAL]: '200 ab',
  [interim('103 Early Hints', 'Content-Length: 5\r\n') + FINAL]: '200 ab',
  [interim('103 Early Hints', 'Content-Length: 5\r\nContent-Length: 6\r\n') + FINAL]: '200 ab',
  [interim('103 Early Hints', 'Transfer-Encoding: chunked\r\n') + FINAL]: '200 ab',
  [`HTTP/1.0 103 Early Hints\r\n\r\n${FINAL}`]: '200 ab',
  [interim('101 Switching Protocols') + FINAL]: REFUSED,
  [interim('101 Switching Protocols', 'Connection: upgrade\r\nUpgrade: websocket\r\n') + FINAL]: REFUSED,
  [interim('103 Early Hints') + interim('101 Switching Protocols') + FINAL]: REFUSED,
  [interim('103 Early Hints') + FINAL.replace('1.1', '2.0')]: REFUSED,
  [`HTTP/2.0 103 Early Hints\r\n\r\n${FINAL}`]: REFUSED,
  [interim('103 Early Hints', 'X: y\r\n z\r\n') + FINAL]: REFUSED,
  [interim('103 Early Hints', 'X : y\r\n') + FINAL]: REFUSED,
  [interim('103 Early Hints', `X: y\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n`) + FINAL]: REFUSED,
  [`HTTP/1.1 103 Early Hints\r\n${FINAL}`]: REFUSED,
  [`HTTP/1.1 103 Early Hints\r\n\n${FINAL}`]: REFUSED,
};

test('rule 14: an upstream’s 1xx is dropped whatever it says of itself, but it must be one', async (t) => {
  const { play, next } = await givenStage(t);
  for (const [bytes, expected] of Object.entries(TABLE)) {
    for (const method of ['GET', 'HEAD']) {
      const seen = await play(writes(method === 'HEAD' ? bytes.replace(/ab$/, '') : bytes), { method });
      const what = `${method} ${JSON.stringify(bytes)}`;
      // An answer to HEAD has no body.
      t.is(told(seen), method === 'GET' ? expected : expected.slice(0, 3), what);
      if (seen.kind === 'answer') t.deepEqual(seen.answer.informational, [], what);
      await next(what);
    }
  }
});

test('rule 14: 1xx answers are dropped in whatever pieces they come', async (t) => {
  const { play, next } = await givenStage(t);
  const bytes = interim('100 Continue') + interim('103 Early Hints', 'Link: </a>\r\n') + FINAL;
  for (const slice of [1, 2, 7, 30]) {
    const seen = await play(async (arrival) => {
      for (let at = 0; at < bytes.length; at += slice) {
        await arrival.write(bytes.slice(at, at + slice));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    t.is(told(seen), '200 ab');
    await next(`slices of ${slice}`);
  }
});

test('rule 14: a 100 before the body was read is no answer to it', async (t) => {
  const { play, upstream } = await givenStage(t);
  const seen = await play(
    async (arrival) => {
      await arrival.write(interim('100 Continue'));
      const { bytes } = await arrival.body();
      await arrival.reply(200, { body: bytes });
    },
    { method: 'POST', rest: 'Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc' },
  );
  t.is(told(seen), '200 abc');
  t.is(upstream.requests[0]?.header('expect'), undefined);
});

test('rule 14: ten thousand 1xx answers are dropped, and the answer behind them arrives', async (t) => {
  const { play, next } = await givenStage(t);
  const flood = (interim('102 Processing') + interim('103 Early Hints', 'Link: </a>\r\n')).repeat(50);
  const seen = await play(async (arrival) => {
    for (let i = 0; i < 100; i++) await arrival.write(flood);
    await arrival.write(FINAL);
  });
  t.is(told(seen), '200 ab');
  await next('the flood');
});

test('error upstream_timeout: 1xx answers do not put the end of `response` off', async (t) => {
  const { play, next } = await givenStage(t, 'timeouts: { response: 300ms }');
  let isOpen = true;
  const seen = await play(async (arrival) => {
    void arrival.closed.then(() => (isOpen = false));
    while (isOpen) {
      await arrival.write(interim('102 Processing'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  t.is(told(seen), '504 upstream_timeout unknown');
  await next('an endless wait');
});

for (const [what, bytes] of [
  ['a status line', 'HTTP/1.1 200 '],
  ['a field of a 1xx', 'HTTP/1.1 103 Early Hints\r\nX: '],
] as const) {
  test(`error upstream_bad_response: ${what} that never ends is given up`, async (t) => {
    const { play, next } = await givenStage(t);
    let isOpen = true;
    const seen = await play(async (arrival) => {
      void arrival.closed.then(() => (isOpen = false));
      await arrival.write(bytes);
      for (let i = 0; isOpen && i < 10_000; i++) await arrival.write('a'.repeat(1000));
    });
    t.is(told(seen), REFUSED);
    await next(what);
  });
}
