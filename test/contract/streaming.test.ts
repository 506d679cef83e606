import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { givenPlain, givenTokens } from './given.ts';

const MiB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('rule 14: the first byte of a request body goes on before the last has come', async (t) => {
  const { outrider, upstream } = await givenTokens(t);
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabc');
  const arrival = await upstream.request(1);
  await until('the first half', () => arrival.bodyLength === 3);
  await client.send('def');
  t.is((await client.answer()).status, 200);
  t.is((await arrival.body()).bytes.toString(), 'abcdef');
});

for (const framing of ['content-length: 6\r\n', 'transfer-encoding: chunked\r\n', 'connection: close\r\n']) {
  test(`rule 14: the first byte of an answer (${framing.trim()}) goes on before the last has come`, async (t) => {
    const more = gate();
    const isChunked = framing.startsWith('transfer');
    const { outrider } = await givenPlain(t, {
      handler: async (arrival) => {
        await arrival.write(`HTTP/1.1 200 OK\r\n${framing}\r\n${isChunked ? '3\r\nabc\r\n' : 'abc'}`);
        await more.opened;
        await arrival.write(isChunked ? '3;ext=1\r\ndef\r\n0\r\nX-Trailer: t\r\n\r\n' : 'def');
        if (framing.startsWith('connection')) arrival.end();
      },
    });
    const client = await rawClient(t, outrider.port);
    const whole = client.answer();
    await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
    t.is((await client.bodyBytes(3)).toString(), 'abc');
    more.open();
    t.is((await whole).text, 'abcdef');
  });
}

test.serial('rule 14: large random bodies arrive whole in both directions', async (t) => {
  const up = randomBytes(24 * MiB);
  const down = randomBytes(24 * MiB);
  const { outrider, upstream } = await givenTokens(t, {
    handler: async (arrival) => {
      await arrival.body();
      await arrival.reply(200, { body: down });
    },
  });
  for (const headers of [[], ['Transfer-Encoding', 'chunked']]) {
    const answer = await outrider.call('/api/x', { method: 'POST', body: up, headers });
    t.is(answer.status, 200);
    t.is(sha256(answer.body), sha256(down));
  }
  for (const request of upstream.requests) {
    t.is((await request.body()).length, up.length);
    t.is((await request.body()).sha256, sha256(up));
  }
  t.deepEqual(upstream.violations, []);
});

test('rule 14: bodies cut into single bytes arrive whole', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: (arrival) =>
      arrival.reply(200, {
        headers: ['transfer-encoding', 'chunked'],
        body: '4\r\nwxyz\r\n1\r\n!\r\n0\r\n\r\n',
        slice: 1,
      }),
  });
  t.is((await outrider.call('/api/x')).text, 'wxyz!');
});

test.serial(
  'rule 14: an upstream that does not read stops the caller, with a bounded number of bytes under way',
  async (t) => {
    const go = gate();
    const { outrider, upstream } = await givenPlain(t, {
      handler: async (arrival) => {
        arrival.pause();
        await go.opened;
        arrival.resume();
        await arrival.body();
        await arrival.reply(200);
      },
    });
    const total = 96 * MiB;
    const client = await rawClient(t, outrider.port);
    const whole = client.answer({ ms: 30_000 });
    await client.send(`POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${total}\r\n\r\n`);
    const block = Buffer.alloc(MiB, 'x');
    let sent = 0;
    let lastProgress = Date.now();
    const sending = (async () => {
      for (; sent < total; sent += block.length) {
        await client.send(block);
        lastProgress = Date.now();
      }
    })();
    await until('the caller to be stopped', () => sent >= total || Date.now() - lastProgress > 700, 20_000);
    t.true(sent < 48 * MiB, `${sent / MiB} MiB were taken though the upstream read nothing`);
    go.open();
    await sending;
    t.is((await whole).status, 200);
    t.is((await (await upstream.request(1)).body()).length, total);
  },
);

test.serial('rule 14: a caller that does not read stops the upstream', async (t) => {
  const total = 96 * MiB;
  let sent = 0;
  let lastProgress = Date.now();
  const { outrider } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
      const block = Buffer.alloc(MiB, 'y');
      for (; sent < total; sent += block.length) {
        await arrival.write(block);
        lastProgress = Date.now();
      }
    },
  });
  const res = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get(`${outrider.origin}/api/x`, { agent: false }, resolve).on('error', reject);
  });
  await until('the upstream to be stopped', () => sent >= total || Date.now() - lastProgress > 700, 20_000);
  t.true(sent < 48 * MiB, `${sent / MiB} MiB were taken though the caller read nothing`);
  let got = 0;
  for await (const chunk of res) got += (chunk as Buffer).length;
  t.is(got, total);
});

test('rule 14: compressed bodies pass untouched', async (t) => {
  const packed = gzipSync('{"amount":100}');
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.body();
      await arrival.reply(200, { headers: ['Content-Encoding', 'gzip', 'ETag', '"x"'], body: packed });
    },
  });
  const answer = await outrider.call('/api/x', {
    body: packed,
    headers: ['Content-Encoding', 'gzip', 'Accept-Encoding', 'gzip, br;q=0.5'],
  });
  t.deepEqual(answer.body, packed);
  t.is(answer.header('content-encoding'), 'gzip');
  t.is(upstream.requests[0]?.header('accept-encoding'), 'gzip, br;q=0.5');
  t.deepEqual((await upstream.requests[0]?.body())?.bytes, packed);
});

test('rule 14: server-sent events arrive as they are sent', async (t) => {
  const next = [gate(), gate(), gate()];
  const last = gate();
  const { outrider } = await givenTokens(t, {
    handler: async (arrival) => {
      await arrival.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
      for (const [i, step] of next.entries()) {
        await step.opened;
        await arrival.write(`9\r\ndata: ${i}\n\n\r\n`);
      }
      await last.opened;
      await arrival.write('0\r\n\r\n');
    },
  });
  const client = await rawClient(t, outrider.port);
  const whole = client.answer();
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await client.head();
  for (const [i, step] of next.entries()) {
    step.open();
    t.true((await client.bodyBytes((i + 1) * 9)).toString().endsWith(`data: ${i}\n\n`));
  }
  last.open();
  t.is((await whole).text, 'data: 0\n\ndata: 1\n\ndata: 2\n\n');
});

test('rule 14: trailers and chunk extensions are dropped in both directions', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.body();
      await arrival.write(
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0;c\r\nX-Sum: 1\r\n\r\n',
      );
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send(
    'POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y"\r\nabc\r\n0\r\nAuthorization: evil\r\nX-T: 1\r\n\r\n',
  );
  const answer = await client.answer();
  t.is(answer.text, 'abc');
  t.is(answer.trailers, '');
  t.false(client.received().includes('a=b'));
  const body = await upstream.requests[0]?.body();
  t.is(body?.bytes.toString(), 'abc');
  t.is(body?.trailers, '');
});

for (const informational of ['102 Processing\r\n', '103 Early Hints\r\nLink: </x>; rel=preload\r\n', '199 What\r\n']) {
  test(`rule 14: an upstream's ${informational.slice(0, 3)} is dropped, the answer behind it arrives`, async (t) => {
    const { outrider } = await givenPlain(t, {
      handler: async (arrival) => {
        await arrival.write(`HTTP/1.1 ${informational}\r\n`);
        await arrival.reply(200, { body: 'final' });
      },
    });
    const answer = await ask(t, outrider.port, 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
    t.is(answer.text, 'final');
    t.deepEqual(answer.informational, []);
  });
}
