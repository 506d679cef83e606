import test from 'ava';
import { rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const FIRST_HALF = 'POST /api/x HTTP/1.1\r\nHost: localh';
const SECOND_HALF = 'ost\r\nContent-Length: 3\r\n\r\nabc';
const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Longer than connections without a request are kept. */
const PAUSE_MS = 400;

for (const isUsed of [true, false]) {
  const which = isUsed ? 'used' : 'new';
  test(`rule 32: on a ${which} connection, a request whose head is half there counts as under way`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, { extra: 'timeouts: { lame_duck: 0ms, drain: 5s }' });
    const client = await rawClient(t, outrider.port);
    if (isUsed) {
      await client.send(GET);
      t.is((await client.answer()).status, 200);
    }
    await client.send(FIRST_HALF);
    // So that it has been read.
    t.is((await outrider.call('/api/y')).status, 200);
    const stopped = outrider.app.stop({ signal: 'SIGTERM' });
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    await client.send(SECOND_HALF);
    const answer = await client.answer();
    t.is(answer.status, 200);
    t.is(answer.header('connection')?.toLowerCase(), 'close');
    t.is((await upstream.requests.at(-1)?.body())?.bytes.toString(), 'abc');
    t.is(await client.closed(), 'end');
    await stopped;
  });
}

test('rule 32: a body that is still being sent is waited for', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { extra: 'timeouts: { lame_duck: 0ms, drain: 5s }' });
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await upstream.request(1);
  const stopped = outrider.app.stop({ signal: 'SIGTERM' });
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  await client.send('3\r\ndef\r\n0\r\n\r\n');
  const answer = await client.answer();
  t.is(answer.status, 200);
  t.is(answer.header('connection')?.toLowerCase(), 'close');
  t.is((await upstream.requests[0]?.body())?.bytes.toString(), 'abcdef');
  await stopped;
});
