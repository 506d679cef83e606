import net from 'node:net';
import tls from 'node:tls';
import test from 'ava';
import { startDeaf } from '../helpers/deaf.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { FAULTS, startShim } from '../helpers/shim.ts';
import type { Fault, Strike } from '../helpers/shim.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CERTIFICATE } from '../contract/certificate.ts';
import { plainYaml } from '../contract/given.ts';
import { givenCells, METHODS, nothingLeft, readTable } from './cells.ts';

tls.setDefaultCACertificates([...tls.getCACertificates('default'), CERTIFICATE]);

const PHASES = {
  accepted: {},
  'client hello': { way: 'up', bytes: 30 },
  'server hello': { way: 'down', bytes: 30 },
} as const satisfies Record<string, Omit<Strike, 'fault'>>;

/** What the caller is told when the fault comes before TLS is there, whatever the method: nothing was sent. */
const EXPECTED = readTable<keyof typeof PHASES, Fault>(`
                latency  slow  slices  reset        half close   stall          garbage      truncation
  accepted      200      200   200     unreachable  unreachable  no connection  unreachable  unreachable
  client hello  200      200   200     unreachable  unreachable  no connection  unreachable  unreachable
  server hello  200      200   200     unreachable  unreachable  no connection  unreachable  unreachable
`);

/** A connection that could not be made is tried once more (rule 25); one that talks nonsense is not. */
const TRIED_TWICE: ReadonlySet<Fault> = new Set(['reset', 'half close', 'truncation']);

for (const phase of Object.keys(PHASES) as (keyof typeof PHASES)[]) {
  test(`rule 25: a connection that fails before TLS is there (${phase}) has sent nothing, and nothing stays behind`, async (t) => {
    const rows = EXPECTED.filter(([row]) => row === phase);
    const cells = rows.flatMap(([, fault, expected]) =>
      METHODS.map((method) => ({
        what: `${phase}, ${fault}, ${method}`,
        method,
        strike: { fault, ...PHASES[phase] },
        expected,
        connections: TRIED_TWICE.has(fault) ? 2 : 1,
      })),
    );
    t.is(cells.length, FAULTS.length * METHODS.length);
    await (await givenCells(t, cells, 'behind it')).run();
  });
}

test('rule 25: a plain connection that breaks as soon as it is there is `not_sent` only if nothing was', async (t) => {
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    await arrival.reply(200, { headers: ['Connection', 'close'], body: 'ok' });
  });
  const shim = await startShim(t, upstream.port);
  const outrider = await startOutrider(t, plainYaml(`http://127.0.0.1:${shim.port}`));
  for (const fault of ['reset', 'half close', 'garbage', 'truncation'] as const) {
    shim.strike = { fault };
    const before = upstream.requests.length;
    const answer = await outrider.call('/api/x', { body: 'abc' });
    t.is(answer.status, 502, `${fault}: ${answer.text}`);
    const { code, outcome } = JSON.parse(answer.text) as { code: string; outcome: string };
    t.is(outcome, code === 'upstream_unreachable' ? 'not_sent' : 'unknown');
    if (outcome === 'not_sent') t.is(upstream.requests.length, before, fault);
    shim.strike = undefined;
    await until(`${fault}: nothing broken stays open`, () => shim.openBroken === 0, 20_000);
    t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200, fault);
  }
});

test('error upstream_unreachable: a provider that refuses connections gets the next request when it is there', async (t) => {
  const gone = await startUpstream(t);
  await gone.close();
  const outrider = await startOutrider(t, plainYaml(gone.origin));
  for (const method of ['GET', 'POST']) {
    const answer = await outrider.call('/api/x', { method, body: 'abc' });
    assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
  }
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback'));
  });
  await new Promise<void>((resolve) => server.listen(gone.port, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  t.is((await outrider.call('/api/x')).text, 'back');
});

test('error upstream_timeout: a connection that is never made is 504 `not_sent` within `connect`', async (t) => {
  const deaf = await startDeaf(t);
  const outrider = await startOutrider(
    t,
    plainYaml(`http://127.0.0.1:${deaf.port}`, '', 'timeouts: { connect: 400ms }'),
  );
  const began = Date.now();
  const answers = await Promise.all(
    ['GET', 'POST'].map((method) => outrider.call('/api/x', { method, ...(method === 'POST' && { body: 'abc' }) })),
  );
  for (const answer of answers)
    assertProblem(t, answer, { status: 504, code: 'upstream_timeout', outcome: 'not_sent', route: 'api' });
  t.true(Date.now() - began >= 350 && Date.now() - began < 15_400, `${Date.now() - began} ms`);
  deaf.hear();
  let text = '';
  for (let tries = 0; text !== 'heard' && tries < 20; tries++) ({ text } = await outrider.call('/api/x'));
  t.is(text, 'heard');
});

test.after.always('nothing is left when everything has stopped', nothingLeft);
