import test from 'ava';
import { rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

test('rule 18: a caller who leaves in the middle of an answer is the one who is said to have gone', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: (arrival) => arrival.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning'),
  });
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await client.bodyBytes(13);
  client.reset();
  t.like((await outrider.logged(1))[0], { status: 200, code: 'caller_gone', outcome: 'unknown', bytes_out: 13 });
});

test('rule 18: a provider who breaks an answer off is the one who failed', async (t) => {
  const { outrider } = await givenPlain(t, {
    async handler(arrival) {
      await arrival.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning');
      arrival.end();
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await client.closed();
  t.like((await outrider.logged(1))[0], { status: 200, code: 'upstream_failed', outcome: 'unknown' });
});
