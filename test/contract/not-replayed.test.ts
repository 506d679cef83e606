import test from 'ava';
import type { Outrider } from '../helpers/outrider.ts';
import { accepting, givenTokens } from './given.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly route?: string;
  readonly reason?: string;
  readonly request_id?: string;
  readonly detail?: string;
}

/** What the log says of rejections that were passed on. */
const told = (outrider: Outrider): Line[] =>
  outrider
    .logText()
    .split('\n')
    .filter((line) => line.includes('"rejected request not sent again"'))
    .map((line) => JSON.parse(line) as Line);

const details = (why: string): string => `outrider; details="the token was rejected, the request not replayed: ${why}"`;

test('a token that is too young to be renewed: how old it is, and what the cooldown is', async (t) => {
  const { outrider, clock } = await givenTokens(t, { handler: accepting(new Set()), renew: '{ cooldown: 1m }' });
  const first = await outrider.call('/api/x', { headers: ['X-Request-Id', 'mine-1'] });
  t.is(first.header('proxy-status'), details('the token is 0 ms old, younger than renew.cooldown 1m'));
  await clock.advance(2_900);
  const why = 'the token is 2 s old, younger than renew.cooldown 1m';
  t.is((await outrider.call('/api/x')).header('proxy-status'), details(why));
  t.is(told(outrider).length, 1, 'once in a while');
  t.like(told(outrider)[0], { level: 'warn', route: 'api', reason: 'cooldown', request_id: 'mine-1' });
  t.regex(told(outrider)[0]?.detail ?? '', /younger than renew\.cooldown 1m$/);
  await clock.advance(7_200);
  await outrider.call('/api/x', { headers: ['X-Request-Id', 'mine-2'] });
  t.like(told(outrider)[1], { request_id: 'mine-2', detail: 'the token is 10 s old, younger than renew.cooldown 1m' });
});

for (const [what, length, headers] of [
  ['that says its length', 5_000, []],
  ['in chunks', 5_000, ['Transfer-Encoding', 'chunked']],
] as const) {
  test(`a body ${what} and is larger than may be kept: what the limit is`, async (t) => {
    const { outrider, upstream, warm } = await givenTokens(t, { extra: 'replay: { memory: 1KiB, spool: 4KiB }' });
    await warm();
    upstream.handler = accepting(new Set(['token-2']));
    const answer = await outrider.call('/api/x', { method: 'POST', body: 'a'.repeat(length), headers });
    t.is(answer.header('proxy-status'), details('the body is larger than replay.spool 4KiB: body_too_large'));
    t.like(told(outrider), [
      { reason: 'body_too_large', detail: 'the body is larger than replay.spool 4KiB: body_too_large' },
    ]);
  });
}

for (const [what, replay, why] of [
  [
    'no file can be written',
    'memory: 1KiB, spool: 4MiB, dir: /nonexistent/outrider',
    'the body was not kept: no file can be written in replay.dir: spool_failed',
  ],
  [
    'the room for all files is used up',
    'memory: 1KiB, spool: 4MiB, spool_total: 64KiB',
    'the body was not kept: replay.spool_total is used up: spool_full',
  ],
] as const) {
  test(`rule 24: a body that was not kept because ${what}: not that it is too large`, async (t) => {
    const { outrider, upstream, warm } = await givenTokens(t, { extra: `replay: { ${replay} }` });
    await warm();
    upstream.handler = accepting(new Set(['token-2']));
    const answer = await outrider.call('/api/x', {
      method: 'POST',
      body: 'a'.repeat(1_000_000),
      headers: ['Transfer-Encoding', 'chunked'],
    });
    t.is(answer.header('proxy-status'), details(why));
    t.like(told(outrider), [{ reason: why.split(': ').at(-1), detail: why }]);
  });
}

test('a route that never replays says so, and one of several reasons does not keep another quiet', async (t) => {
  const { outrider, upstream, warm, clock } = await givenTokens(t, { route: 'replay: false' });
  await warm();
  upstream.handler = accepting(new Set());
  const why = 'the route says `replay: false`: replay_off';
  t.is((await outrider.call('/api/x')).header('proxy-status'), details(why));
  await clock.advance(1_000);
  t.is((await outrider.call('/api/x')).header('proxy-status'), details(why));
  t.deepEqual(
    told(outrider).map(({ reason }) => reason),
    ['replay_off'],
  );
});

test('a renewal that brings the same token again says so', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  upstream.handler = accepting(new Set());
  tokens.script = () => ({ body: { access_token: 'token-1', expires_in: 3600 } });
  const answer = await outrider.call('/api/x');
  t.is(answer.header('proxy-status'), details('the renewal brought the same token again: renewal_failed'));
});

test('what stands in `details` is a string of visible ASCII, whatever the endpoint is called', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  upstream.handler = accepting(new Set());
  tokens.script = () => ({ status: 400, body: { error: 'say "ü\\"' } });
  t.regex(
    (await outrider.call('/api/x')).header('proxy-status') ?? '',
    /^outrider; details="[\x20-\x21\x23-\x5b\x5d-\x7e]*"$/,
  );
});
