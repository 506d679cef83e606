import test from 'ava';
import { until } from '../helpers/http1.ts';
import { rawClient } from '../helpers/raw.ts';
import type { Arrival } from '../helpers/upstream.ts';
import { givenTokens } from '../contract/given.ts';

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';
const rejection = (headers: string, body: string): string => `HTTP/1.1 401 Unauthorized\r\n${headers}\r\n\r\n${body}`;

const REJECTIONS: Readonly<Record<string, string>> = {
  'with an answer behind it': rejection('Content-Length: 2', `no${EVIL}`),
  'in chunks, with an answer behind it': rejection('Transfer-Encoding: chunked', `2\r\nno\r\n0\r\n\r\n${EVIL}`),
  'with a 103 and an answer behind it': rejection('Content-Length: 0', `HTTP/1.1 103 Early Hints\r\n\r\n${EVIL}`),
  'that closes, with an answer behind it': rejection('Content-Length: 2\r\nConnection: close', `no${EVIL}`),
  'whose body is an answer': rejection(`Content-Length: ${EVIL.length}`, EVIL),
  'longer than is worth reading': rejection('Content-Length: 300000', 'x'.repeat(150_000) + EVIL),
  'without end': rejection('Transfer-Encoding: chunked', `2\r\nno\r\n${EVIL}`),
};

for (const [what, bytes] of Object.entries(REJECTIONS)) {
  test(`rule 20: a rejection ${what} is not what the replay gets`, async (t) => {
    const { outrider, upstream, tokens, warm, clock } = await givenTokens(t);
    await warm();
    const isFirst = ({ target }: Arrival): boolean =>
      target.startsWith('/pay') && upstream.requests.filter((one) => one.target === target).length === 1;
    upstream.handler = async (arrival) => {
      if (isFirst(arrival)) return arrival.write(bytes);
      const { bytes: body } = await arrival.body();
      return arrival.reply(200, { body: `took ${body.toString()} at ${arrival.target}` });
    };
    // Once with the whole body at the provider before it rejects, and once with half of it.
    for (const isEarly of [false, true]) {
      const client = await rawClient(t, outrider.port);
      const target = `/pay/${isEarly ? 'early' : 'late'}`;
      await client.send(`POST /api${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabc`);
      if (isEarly) await until('the rejection', () => upstream.requests.at(-1)?.target === target);
      await client.send('def');
      t.is((await client.answer()).text, `took abcdef at ${target}`);
      t.is((await outrider.call(`/api/next${target}`)).text, `took  at /next${target}`);
      await clock.advance(10_000);
    }
    t.is(tokens.calls.length, 3, 'one renewal for each rejection');
  });
}
