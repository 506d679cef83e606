import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { tokenYaml } from './given.ts';

test('rule 29: a connection that a provider is just giving up fails no token call, and nobody waits for a back-off', async (t) => {
  const clock = fakeClock();
  const used = new Set<number>();
  let tokens = 0;
  let isRevoked = false;
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    const isUsed = used.has(arrival.connection);
    used.add(arrival.connection);
    if (arrival.target !== '/token') {
      const isGood = !isRevoked && arrival.header('authorization') === `Bearer token-${tokens}`;
      return arrival.reply(isGood ? 200 : 401);
    }
    // What is on its way when the other side closes is lost.
    if (isUsed) return arrival.reset();
    isRevoked = false;
    return arrival.reply(200, { body: JSON.stringify({ access_token: `token-${++tokens}`, expires_in: 3600 }) });
  });
  const outrider = await startOutrider(t, tokenYaml(upstream.origin, `${upstream.origin}/token`), { clock });
  for (const n of [1, 2, 3]) {
    const answer = await outrider.call('/api/x');
    t.is(answer.status, 200, answer.text);
    t.is(tokens, n);
    await clock.advance(10_000);
    isRevoked = true;
  }
});
