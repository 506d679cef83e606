import test from 'ava';
import { until } from '../helpers/http1.ts';
import { numberFrom, randomFrom } from '../helpers/random.ts';
import { rawClient } from '../helpers/raw.ts';
import type { RawClient } from '../helpers/raw.ts';
import type { Arrival } from '../helpers/upstream.ts';
import { givenPlain } from '../contract/given.ts';

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';

/** What nobody asked for. */
const PLANTS: Readonly<Record<string, string>> = {
  'an answer': EVIL,
  'three answers': EVIL.repeat(3),
  'an answer in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL\r\n0\r\n\r\n',
  'an answer without end': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL\r\n',
  'an answer that only a FIN would end': 'HTTP/1.1 200 OK\r\n\r\nEVIL',
  'half a head': EVIL.slice(0, 21),
  'the first byte of a head': 'H',
  'a head but for its end': 'HTTP/1.1 200 OK\r\nX-Evil: ',
  'a 100': 'HTTP/1.1 100 Continue\r\n\r\n',
  'a 103 and an answer': `HTTP/1.1 103 Early Hints\r\n\r\n${EVIL}`,
  'a 101': 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: evil\r\n\r\n',
  'line breaks and an answer': `\r\n\r\n${EVIL}`,
  'a line break': '\r\n',
  NULs: '\0\0\0\0',
  'another protocol': '\x15\x03\x03\x00\x02\x01\x00',
  'a megabyte': 'EVIL'.repeat(250_000),
};

const answerFor = (target: string): string => {
  const body = `for ${target}`;
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

test('an upstream’s unasked-for bytes on an idle connection close it, and are delivered to nobody', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival) => arrival.write(answerFor(arrival.target)),
  });
  const client = await rawClient(t, outrider.port);
  let asked = 0;
  const ask = async (): Promise<void> => {
    const target = `/${++asked}`;
    await client.send(`POST /api${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`);
    t.is((await client.answer()).text, `for ${target}`);
  };
  for (const [what, bytes] of Object.entries(PLANTS)) {
    for (const sliced of bytes.length < 100 ? [false, true] : [false]) {
      await ask();
      const idle = upstream.requests.at(-1) as Arrival;
      for (const part of sliced ? bytes : [bytes]) await idle.write(part);
      await idle.closed;
      await ask();
      t.not(upstream.requests.at(-1)?.connection, idle.connection, what);
    }
  }
  t.is(upstream.requests.length, asked, 'nothing was asked for twice');
  t.deepEqual(upstream.violations, []);
});

test('unasked-for bytes in one segment with an answer are delivered to nobody', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  let asked = 0;
  for (const [what, bytes] of Object.entries(PLANTS)) {
    for (const plant of [bytes, '']) {
      upstream.handler = (arrival) => arrival.write(answerFor(arrival.target) + plant);
      const target = `/${++asked}`;
      await client.send(`GET /api${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      t.is((await client.answer()).text, `for ${target}`, what);
    }
  }
  t.is(upstream.requests.length, asked);
});

/** `OUTRIDER_POISON_SEED=7` for other plants. */
const SEED = numberFrom('OUTRIDER_POISON_SEED', 1);
const CALLERS = 32;
const ROUNDS = 25;

test(`many callers at once get their own answers, though the upstream plants others in the same turn as they ask (seed ${SEED})`, async (t) => {
  const random = randomFrom(SEED);
  const plants = Object.values(PLANTS).filter((bytes) => bytes.length < 1000);
  const aPlant = (): string => plants[Math.floor(random() * plants.length)] as string;
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival) => arrival.write(answerFor(arrival.target) + (random() < 0.2 ? aPlant() : '')),
  });
  const callers = await Promise.all(Array.from({ length: CALLERS }, () => rawClient(t, outrider.port)));
  const spoiled = new Set<number>();
  let seen = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // Only what is written before a caller asks can be told from the answer to it.
    const idle = new Map(upstream.requests.slice(seen).map((arrival) => [arrival.connection, arrival]));
    seen = upstream.requests.length;
    for (const [connection, arrival] of idle) {
      if (random() < 0.5) continue;
      void arrival.write(aPlant());
      spoiled.add(connection);
    }
    const ask = async (client: RawClient, i: number): Promise<void> => {
      const target = `/${round}-${i}`;
      await client.send(`GET /api${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      t.is((await client.answer()).text, `for ${target}`);
    };
    await Promise.all(callers.map(ask));
    const again = upstream.requests.slice(seen).find(({ connection }) => spoiled.has(connection));
    t.is(again, undefined, 'a connection with unasked-for bytes is not used again');
  }
  t.is(upstream.requests.length, CALLERS * ROUNDS);
  t.true(spoiled.size > 100, `${spoiled.size} connections spoiled`);
  await until('the spoiled connections to close', () => upstream.openConnections <= CALLERS);
});
