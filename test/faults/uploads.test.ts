import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { givenPlain } from '../contract/given.ts';
import { nothingLeft } from './cells.ts';

const BLOCK = Buffer.alloc(0x100000, 'x');
const BLOCKS = 256;

for (const [framing, head, block] of [
  ['one length', `Content-Length: ${BLOCK.length * BLOCKS}`, BLOCK],
  ['chunks', 'Transfer-Encoding: chunked', Buffer.concat([Buffer.from('100000\r\n'), BLOCK, Buffer.from('\r\n')])],
] as const) {
  test(`error upstream_timeout: an upstream that takes no more of a body in ${framing} is given up`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, {
      handler: (arrival) => arrival.pause(),
      extra: 'timeouts: { response: 400ms, connect: 30s, idle: 30s }\nreplay: { memory: 64KiB, spool: 1MiB }',
    });
    const client = await rawClient(t, outrider.port);
    const answer = client.answer({ ms: 30_000 });
    let isAnswered = false;
    void answer.finally(() => (isAnswered = true));
    await client.send(`POST /api/x HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n`);
    const began = Date.now();
    let sent = 0;
    const sending = (async () => {
      for (; !isAnswered && sent < BLOCKS; sent++) await client.send(block);
    })();
    assertProblem(t, await answer, {
      status: 504,
      code: 'upstream_timeout',
      outcome: 'unknown',
      detail: /took nothing/,
    });
    t.true(Date.now() - began >= 350);
    t.true(sent < BLOCKS / 2, `${sent} MiB were taken though the upstream read nothing`);
    client.socket.destroy();
    await sending;

    const arrival = upstream.requests[0];
    arrival?.resume();
    await arrival?.closed;
    t.false(arrival?.isComplete);
    upstream.handler = (next) => next.reply(200, { body: 'fine' });
    t.is((await outrider.call('/api/x')).text, 'fine');
    t.is(upstream.requests.length, 2);
  });
}

test.after.always('nothing is left when everything has stopped', nothingLeft);
