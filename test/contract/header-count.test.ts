import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const MOST = 10_000;
const get = (headers: number): string =>
  `GET /api/x HTTP/1.1\r\nHost: localhost\r\n${Array.from({ length: headers - 1 }, (_, n) => `A${n}: b\r\n`).join('')}\r\n`;

test('rule 9: with the highest limit that there is, no header is lost, and one more is 431', async (t) => {
  const extra = `limits: { headers: ${MOST}, header_bytes: 1MiB }`;
  const { outrider, upstream } = await givenPlain(t, { extra });
  t.is((await ask(t, outrider.port, get(MOST))).status, 200);
  const names = new Set((await upstream.request(1)).headers.filter((_, i) => i % 2 === 0));
  t.deepEqual(
    Array.from({ length: MOST - 1 }, (_, n) => `A${n}`).filter((name) => !names.has(name)),
    [],
  );
  for (const count of [MOST + 1, MOST + 2, 2 * MOST]) {
    const answer = await ask(t, outrider.port, get(count));
    assertProblem(t, answer, { status: 431, code: 'headers_too_large' });
  }
  t.is(upstream.requests.length, 1);
});
