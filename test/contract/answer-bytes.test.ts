import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import type { Handler } from '../helpers/upstream.ts';
import { givenPlain, plainYaml } from './given.ts';

const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';

const FRAMINGS = {
  'a length': ['Content-Length: 2\r\n', 'ok'],
  chunks: ['Transfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\n\r\n'],
  'the end of the connection': ['Connection: close\r\n', 'ok'],
} as const;

for (const [framing, [field, body]] of Object.entries(FRAMINGS)) {
  test(`rule 14: bytes above 127 in an answer’s values arrive as they came, with ${framing}`, async (t) => {
    const { upstream, outrider } = await givenPlain(t);
    for (const value of ['\xe4\xb8\xad.pdf', '\xc3\xa9.pdf', '\xe9.pdf', '\x80\xff']) {
      const disposition = `attachment; filename="${value}"`;
      for (const name of ['Content-Disposition', 'X-Name', 'Location']) {
        upstream.handler = async (arrival) => {
          await arrival.write(
            Buffer.from(`HTTP/1.1 201 Cr\xe9\xe9\r\n${field}${name}: ${disposition}\r\n\r\n${body}`, 'latin1'),
          );
          if (field.startsWith('Connection')) arrival.end();
        };
        const answer = await ask(t, outrider.port, GET);
        t.is(answer.status, 201, answer.text);
        t.is(answer.header(name.toLowerCase()), disposition);
        t.is(answer.text, 'ok');
      }
    }
  });
}

test('rule 14: the head of an answer may have `limits.answer_header_bytes`, and the error says which limit it was', async (t) => {
  const cookies = Array.from({ length: 100 }, (_, i) => `Set-Cookie: c${i}=${'x'.repeat(764)}\r\n`).join('');
  const head = `HTTP/1.1 200 OK\r\n${cookies}Content-Length: 2\r\n\r\n`;
  t.true(head.length > 78_000);
  const handler: Handler = (arrival) => arrival.write(`${head}ok`);
  const strict = await givenPlain(t, { handler });
  assertProblem(t, await ask(t, strict.outrider.port, GET), {
    status: 502,
    code: 'upstream_bad_response',
    outcome: 'unknown',
    detail: /head .* larger than `limits\.answer_header_bytes`/,
  });
  const wide = await givenPlain(t, { handler, extra: 'limits: { answer_header_bytes: 100KiB }' });
  const answer = await ask(t, wide.outrider.port, GET);
  t.is(answer.status, 200);
  t.is(answer.headers.filter((name) => name.toLowerCase() === 'set-cookie').length, 100);
});

test('rule 14: a limit that is raised holds for connections that are kept', async (t) => {
  const head = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(2_000)}\r\nContent-Length: 0\r\n\r\n`;
  const { upstream, outrider } = await givenPlain(t);
  upstream.handler = (arrival) => arrival.write(head);
  const yamlWith = (bytes: string): string =>
    plainYaml(upstream.origin, '', `limits: { answer_header_bytes: ${bytes} }`);
  t.is((await ask(t, outrider.port, GET)).status, 200);
  await outrider.reload(yamlWith('1KiB'));
  t.is((await ask(t, outrider.port, GET)).status, 502);
  t.is(upstream.connections, 1);
  await outrider.reload(yamlWith('4KiB'));
  t.is((await ask(t, outrider.port, GET)).status, 200);
});

for (const [what, before] of [
  ['an interim head', 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'],
  ['an empty line', '\r\n'],
] as const) {
  test(`rule 14: a head has its limit to the byte, and by itself, with ${what} before it`, async (t) => {
    const head = (bytes: number): string => {
      const rest = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ';
      return `${rest}${'x'.repeat(bytes - rest.length - 4)}\r\n\r\n`;
    };
    const { upstream, outrider } = await givenPlain(t, { extra: 'limits: { answer_header_bytes: 1KiB }' });
    for (const [bytes, status] of [
      [1000, 200],
      [1024, what === 'an empty line' ? 502 : 200],
      [1025, 502],
    ] as const) {
      upstream.handler = (arrival) => arrival.write(before + head(bytes));
      t.is((await ask(t, outrider.port, GET)).status, status, String(bytes));
    }
  });
}

test('rule 14: a large interim head, and large trailers, are told as such', async (t) => {
  const { upstream, outrider } = await givenPlain(t, { extra: 'limits: { answer_header_bytes: 1KiB }' });
  const large = `X: ${'x'.repeat(1024)}\r\n`;
  upstream.handler = (arrival) =>
    arrival.write(`HTTP/1.1 103 Early\r\n${large}\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`);
  assertProblem(t, await ask(t, outrider.port, GET), {
    status: 502,
    code: 'upstream_bad_response',
    outcome: 'unknown',
    detail: /answer_header_bytes/,
  });
  upstream.handler = (arrival) =>
    arrival.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${large}\r\n`);
  await t.throwsAsync(ask(t, outrider.port, GET), undefined, 'too late for an error: the connection breaks');
});
