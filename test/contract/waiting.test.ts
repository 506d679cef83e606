import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { gate, until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { granted, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { givenTokens, tokenYaml } from './given.ts';

test('error overloaded: who has left no longer counts among those who wait for a token', async (t) => {
  const held = gate();
  const { outrider, tokens, upstream } = await givenTokens(t, {
    extra: 'limits: { waiting: 2 }',
    async script({ n }) {
      await held.opened;
      return granted(`token-${n}`);
    },
  });
  let started = 0;
  outrider.app.events.on('started', () => started++);
  const staying = outrider.call('/api/staying');
  await tokens.call(1);
  const leaving = await rawClient(t, outrider.port);
  await leaving.send('GET /api/leaving HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('both to wait', () => started === 2);
  leaving.reset();
  t.like((await outrider.logged(1))[0], { code: 'caller_gone', attempts: 0 });
  const taking = outrider.call('/api/taking');
  await until('another to wait', () => started === 3);
  assertProblem(t, await outrider.call('/api/too-many'), { status: 503, code: 'overloaded', outcome: 'not_sent' });
  held.open();
  t.deepEqual([(await staying).status, (await taking).status], [200, 200]);
  t.deepEqual(upstream.requests.map(({ target }) => target).toSorted(), ['/staying', '/taking']);
  t.is(tokens.calls.length, 1);
});

test('error overloaded: users who come and leave have no more token calls made than may wait', async (t) => {
  const held = gate();
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t, async ({ n }) => {
    await held.opened;
    return granted(`token-${n}`);
  });
  const yaml = tokenYaml(upstream.origin, tokens.url, { extra: 'limits: { waiting: 3 }' });
  const outrider = await startOutrider(
    t,
    yaml.replace('token:\n', 'token:\n      subject: "{{request.headers.x-user}}"\n'),
    { clock: fakeClock() },
  );
  const as = (user: string): string => `GET /api/x HTTP/1.1\r\nHost: localhost\r\nX-User: ${user}\r\n\r\n`;
  for (const [i, user] of ['a', 'b', 'c'].entries()) {
    const client = await rawClient(t, outrider.port);
    await client.send(as(user));
    await tokens.call(i + 1);
    client.reset();
    await outrider.logged(i + 1);
  }
  const another = await rawClient(t, outrider.port);
  await another.send(as('d'));
  assertProblem(t, await another.answer(), { status: 503, code: 'overloaded', outcome: 'not_sent' });
  const joining = await rawClient(t, outrider.port);
  await joining.send(as('b'));
  await another.send(as('d'));
  assertProblem(t, await another.answer(), { status: 503, code: 'overloaded', outcome: 'not_sent' });
  held.open();
  t.is((await joining.answer()).status, 200);
  t.is(tokens.calls.length, 3);
});
