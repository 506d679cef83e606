import { randomBytes } from 'node:crypto';
import test from 'ava';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { accepting, givenTokens } from './given.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const KiB = 1024;

test('error overloaded: bodies that are collected to be signed stay within body_memory, all together', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
limits: { signed_body: 64KiB, body_memory: 64KiB }
profiles:
  own:
    title: Own
    credentials: { salt: { secret: true } }
    sign: [{ text: "{{request.body}}{{credentials.salt}}", algorithm: sha256, set: { header: x-sig, value: "{{signature}}" } }]
providers:
  own: { profile: own, credentials: { salt: salt-of-the-test } }
routes:
  - { name: api, match: { path: /api }, provider: own, upstream: "${upstream.origin}" }`,
  );
  const head = 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n';
  const part = Buffer.alloc(40_000, 'x');
  const first = await rawClient(t, outrider.port);
  await first.send(head);
  await first.send(part);
  // A whole exchange of somebody else's: what came before it has been read.
  t.is((await outrider.call('/none')).status, 404);
  const refused = await rawClient(t, outrider.port);
  await refused.send(head);
  await refused.send(part);
  const answer = await refused.answer();
  const problem = assertProblem(t, answer, { status: 503, code: 'overloaded', route: 'api' });
  t.regex(problem.detail, /body_memory/);
  t.is(answer.header('retry-after'), '1');
  t.is(upstream.connections, 0);

  await first.send(Buffer.alloc(10_000, 'x'));
  t.is((await first.answer()).status, 200);
  const next = await rawClient(t, outrider.port);
  await next.send(head);
  await next.send(part);
  await next.send(Buffer.alloc(10_000, 'x'));
  t.is((await next.answer()).status, 200, 'the memory was given back');
  t.is(upstream.requests.length, 2);
});

test('rule 24: with body_memory used up, a body is kept in a file and replayed all the same', async (t) => {
  const dir = temporaryDirectory(t);
  const { outrider, upstream, warm } = await givenTokens(t, {
    extra: `limits: { body_memory: 16KiB }\nreplay: { dir: "${dir}" }`,
  });
  await warm();
  upstream.handler = accepting(new Set(['token-2']));
  const body = randomBytes(700 * KiB);
  t.is((await outrider.call('/api/x', { method: 'POST', body })).status, 200);
  t.deepEqual((await upstream.requests[2]?.body())?.bytes, body);
});

test('rule 24: a spool that takes no body is told once, whatever number of bodies it does not take', async (t) => {
  const { outrider, upstream, warm, clock } = await givenTokens(t, {
    extra: 'replay: { memory: 1KiB, dir: /nonexistent/outrider }',
  });
  await warm();
  const body = Buffer.alloc(300 * KiB, 'x');
  const warnings = (): string[] =>
    outrider
      .logText()
      .split('\n')
      .filter((line) => line.includes('replay.dir'));
  for (let i = 0; i < 3; i++) t.is((await outrider.call('/api/x', { method: 'POST', body })).status, 200);
  t.is(warnings().length, 1, outrider.logText());
  t.regex(warnings()[0] ?? '', /"level":"warn".*ENOENT/);
  await clock.advance(10_000);
  t.is((await outrider.call('/api/x', { method: 'POST', body })).status, 200);
  await until('the next warning', () => warnings().length === 2);
  t.is(upstream.requests.length, 5);
});
