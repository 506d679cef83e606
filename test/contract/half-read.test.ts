import test, { type ExecutionContext } from 'ava';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { startOrigin, type Origin } from '../helpers/origin.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { rawClient, type RawClient } from '../helpers/raw.ts';
import { plainYaml } from './given.ts';
import { seen } from './judged.ts';

const SMUGGLED = 'DELETE /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
const NEXT = 'GET /api/next HTTP/1.1\r\nHost: localhost\r\n\r\n';
const HEAD = 'POST /api/1 HTTP/1.1\r\nHost: localhost\r\n';
const BODY = `${SMUGGLED}${SMUGGLED}`;
const FRAMED: Readonly<Record<string, string>> = {
  'of a length': `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'in chunks': `${HEAD}Transfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
};
/** Longer than a body is read on that nobody wants. */
const LONG_MS = 600;

/** An origin that answers each head at once, and a caller before it. */
async function given(
  t: ExecutionContext,
): Promise<{ origin: Origin; client: RawClient; clock: FakeClock; statuses: () => string[] }> {
  const clock = fakeClock();
  const origin = await startOrigin(t);
  origin.isHasty = true;
  const { port } = await startOutrider(t, plainYaml(origin.origin), { clock });
  const client = await rawClient(t, port);
  const statuses = (): string[] =>
    [
      ...client
        .received()
        .toString('latin1')
        .matchAll(/HTTP\/1\.1 (\d+)/g),
    ].map(([, status]) => status as string);
  return { origin, client, clock, statuses };
}

/** Of what the origin saw, nothing may stem from within the body. */
function assertNothingSmuggled(t: ExecutionContext, origin: Origin, where: string): void {
  const whole = [`POST /1 ${BODY}`, 'GET /next'];
  t.deepEqual(
    origin.requests.map(seen).filter((request) => !whole.includes(request)),
    [],
    where,
  );
  for (const text of [...origin.unfinished, ...origin.underWay]) t.regex(text, /^POST \/1 /, where);
  t.deepEqual(origin.violations, [], where);
}

for (const [framing, bytes] of Object.entries(FRAMED)) {
  const headLength = bytes.indexOf('\r\n\r\n') + 4;
  // With nothing of the body there, nothing is sent yet.
  const cuts = [5, 9, SMUGGLED.length, SMUGGLED.length + 4, bytes.length - headLength - 1];

  test(`rule 06: the rest of a body ${framing} that comes after the answer is that body, wherever it is cut`, async (t) => {
    for (const cut of cuts) {
      const { origin, client, statuses } = await given(t);
      await client.send(bytes.slice(0, headLength + cut));
      await until('the answer', () => client.received().includes('\r\n\r\n1.1'));
      await client.send(bytes.slice(headLength + cut) + NEXT);
      await until('the next answer, or the end', () => statuses().length > 1 || client.socket.readableEnded);
      t.true(['200', '200,200'].includes(statuses().join()), `${cut}: ${statuses().join()}`);
      assertNothingSmuggled(t, origin, `${cut}`);
    }
  });

  test(`rule 06: the rest of a body ${framing} that comes long after the answer finds the connection closed, wherever it is cut`, async (t) => {
    for (const cut of cuts) {
      const { origin, client, clock, statuses } = await given(t);
      await client.send(bytes.slice(0, headLength + cut));
      await until('the answer', () => client.received().includes('\r\n\r\n1.1'));
      await clock.advance(LONG_MS);
      await client.closed();
      await client.send(bytes.slice(headLength + cut) + NEXT);
      await until('no more of it', () => origin.underWay.length === 0);
      t.deepEqual(statuses(), ['200']);
      assertNothingSmuggled(t, origin, `${cut}`);
      t.false(origin.requests.map(seen).includes('GET /next'));
    }
  });

  test(`rule 06: a body ${framing} that breaks off after the answer is never completed, wherever it is cut`, async (t) => {
    for (const cut of cuts) {
      const { origin, client, statuses } = await given(t);
      await client.send(bytes.slice(0, headLength + cut));
      await until('the answer', () => client.received().includes('\r\n\r\n1.1'));
      client.socket.end();
      await client.closed();
      await until('the end at the origin', () => origin.unfinished.length > 0 && origin.underWay.length === 0);
      t.is(statuses()[0], '200');
      t.deepEqual(origin.requests, []);
      assertNothingSmuggled(t, origin, `${cut}`);
    }
  });
}
