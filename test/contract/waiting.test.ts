import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { givenTokens } from './given.ts';

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
