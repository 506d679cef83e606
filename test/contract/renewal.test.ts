import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { ask } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import type { Arrival } from '../helpers/upstream.ts';
import { accepting, givenTokens } from './given.ts';

const COOLDOWN = 5_000;

/** A head with the token taken out, to compare two attempts. */
const withoutToken = (arrival: Arrival | undefined): string => (arrival?.head ?? '').replace(/token-\d+/, 'token');

test('rule 20: the replay is the request as the caller sent it, but for the credential', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t);
  await warm();
  upstream.handler = accepting(new Set(['token-2']));
  const bytes =
    'PATCH /api/a%2Fb?x=1&x=2 HTTP/1.1\r\nX-First: 1\r\nHost: localhost\r\nIdempotency-Key: k-1\r\nauthorization: Bearer theirs\r\n' +
    'Cookie: a=1\r\nX-ODD: a\r\nx-odd: b\r\nConnection: x-hop\r\nX-Hop: gone\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n';
  t.is((await ask(t, outrider.port, bytes)).status, 200);
  const [, first, second] = upstream.requests;
  t.is(first?.header('authorization'), 'Bearer token-1');
  t.is(second?.header('authorization'), 'Bearer token-2');
  t.is(withoutToken(second), withoutToken(first));
  t.is(second?.header('idempotency-key'), 'k-1');
  t.is((await second?.body())?.bytes.toString(), 'hello world');
});

test('rule 20: a rejected older generation is replayed with the current token, without a token call', async (t) => {
  const late = gate();
  const { outrider, upstream, tokens, warm, clock } = await givenTokens(t);
  await warm();
  const valid = accepting(new Set(['token-2']));
  upstream.handler = async (arrival, n) => {
    if (arrival.target === '/straggler' && arrival.header('authorization') === 'Bearer token-1') await late.opened;
    return valid(arrival, n);
  };
  const straggler = outrider.call('/api/straggler', { body: 's' });
  await until('the straggler upstream', () => upstream.requests.some(({ target }) => target === '/straggler'));
  t.is((await outrider.call('/api/quick')).status, 200);
  t.is(tokens.calls.length, 2);
  // Within the cooldown of the new generation: the straggler's is compared first.
  await clock.advance(COOLDOWN / 5);
  late.open();
  t.is((await straggler).status, 200);
  t.is(tokens.calls.length, 2);
});

test('rule 20: a hundred concurrent rejections cost one token call and no caller sees one', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  upstream.handler = accepting(new Set(['token-2']));
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => outrider.call(`/api/${i}`, { body: `b${i}` })),
  );
  t.deepEqual(
    answers.map(({ status, text }) => [status, text]),
    Array.from({ length: 100 }, (_, i) => [200, `b${i}`]),
  );
  t.is(tokens.calls.length, 2);
  t.is(tokens.mostUnderWay, 1);
  t.true(upstream.requests.length <= 201);
});

test('rule 21: the answer to the replay goes to the caller, whatever it is; never a third attempt', async (t) => {
  for (const status of [401, 412, 500, 302]) {
    const { outrider, upstream, tokens, warm } = await givenTokens(t);
    await warm();
    upstream.handler = (arrival, n) =>
      n === 2 ? arrival.reply(401) : arrival.reply(status, { headers: ['X-Second', '1'], body: `second ${status}` });
    const answer = await outrider.call('/api/x', { body: 'abc' });
    t.is(answer.status, status);
    t.is(answer.text, `second ${status}`);
    t.is(answer.header('x-second'), '1');
    if (status === 401) t.regex(answer.headerAll('proxy-status').join(), /^outrider; ?details="/);
    t.is(upstream.requests.length, 3);
    t.is(tokens.calls.length, 2);
  }
});

test("rule 21: a replay that can't connect is 502 not_sent", async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  const held = gate();
  tokens.script = async () => {
    await held.opened;
    return granted('token-2');
  };
  upstream.handler = (arrival) => arrival.reply(401, { headers: ['Connection', 'close'] });
  const call = outrider.call('/api/x', { body: 'abc' });
  await tokens.call(2);
  await upstream.close();
  held.open();
  const answer = await call;
  t.is(answer.status, 502);
  const problem = JSON.parse(answer.text) as { code: string; outcome: string };
  t.is(problem.code, 'upstream_unreachable');
  t.is(problem.outcome, 'not_sent');
});

for (const how of ['end', 'reset'] as const) {
  test(`rule 21: a replay that breaks after bytes (${how}) is unknown and is not tried again`, async (t) => {
    const { outrider, upstream, warm } = await givenTokens(t);
    await warm();
    upstream.handler = async (arrival, n) => {
      await arrival.body();
      if (n === 2) return arrival.reply(401);
      arrival[how]();
    };
    const answer = await outrider.call('/api/x', { body: 'abc' });
    t.is(answer.status, 502);
    const problem = JSON.parse(answer.text) as { code: string; outcome: string };
    t.is(problem.code, 'upstream_failed');
    t.is(problem.outcome, 'unknown');
    t.is(upstream.requests.length, 3);
  });
}

test('rule 21: for a caller who has gone there is no replay, while the renewal goes on for the others', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  const held = gate();
  tokens.script = async ({ n }) => {
    await held.opened;
    return granted(`token-${n}`);
  };
  upstream.handler = accepting(new Set(['token-2']));
  const leaver = new AbortController();
  const gone = outrider.call('/api/gone', { body: 'abc', signal: leaver.signal, agent: false as never });
  await tokens.call(2);
  const stayer = outrider.call('/api/stays', { body: 'abc' });
  await until('both upstream', () => upstream.requests.length === 3);
  leaver.abort();
  await t.throwsAsync(gone);
  await until('the caller to be gone', () => outrider.logs().length >= 2, 500).catch(() => {});
  held.open();
  t.is((await stayer).status, 200);
  t.is(tokens.calls.length, 2);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/warm', '/gone', '/stays', '/stays'],
  );
});

test('rule 21: a renewal that brings the same access token again is no new generation: no replay', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t, { script: () => granted('token-same') });
  await warm();
  upstream.handler = accepting(new Set());
  const answer = await outrider.call('/api/x', { body: 'abc' });
  t.is(answer.status, 401);
  t.is(answer.text, '{"code":"UNAUTHORIZED"}');
  t.is(answer.header('x-why'), 'token');
  t.regex(answer.header('proxy-status') ?? '', /^outrider; ?details="/);
  t.is(upstream.requests.length, 2);
  t.is(tokens.calls.length, 2);
});

test('rule 22: a generation younger than the cooldown that is rejected passes, and no token call is made', async (t) => {
  const { outrider, upstream, tokens, clock } = await givenTokens(t, { handler: accepting(new Set()) });
  const answer = await outrider.call('/api/x', { body: 'abc' });
  t.is(answer.status, 401);
  t.is(answer.text, '{"code":"UNAUTHORIZED"}');
  t.regex(answer.header('proxy-status') ?? '', /^outrider; ?details="/);
  await clock.advance(COOLDOWN - 1);
  t.is((await outrider.call('/api/x')).status, 401);
  t.is(tokens.calls.length, 1);
  t.is(upstream.requests.length, 2);
  await clock.advance(1);
  t.is((await outrider.call('/api/x')).status, 401);
  t.is(tokens.calls.length, 2, 'at the cooldown it is renewed');
  t.is(upstream.requests.length, 4);
});

test("rule 22: the age counts to the rejection's arrival, not the request's", async (t) => {
  const held = gate();
  const { outrider, upstream, tokens, clock } = await givenTokens(t);
  t.is((await outrider.call('/api/x')).status, 200);
  const valid = accepting(new Set(['token-2']));
  upstream.handler = async (arrival, n) => {
    if (n === 2) await held.opened;
    return valid(arrival, n);
  };
  const call = outrider.call('/api/x');
  await upstream.request(2);
  await clock.advance(COOLDOWN + 1);
  held.open();
  t.is((await call).status, 200);
  t.is(tokens.calls.length, 2);
});

test('rule 22: an upstream that rejects everything costs one token call per cooldown', async (t) => {
  const { outrider, tokens, clock } = await givenTokens(t, { handler: accepting(new Set()) });
  for (let second = 0; second < 20; second++) {
    const answers = await Promise.all(Array.from({ length: 5 }, () => outrider.call('/api/x', { body: 'abc' })));
    t.true(answers.every(({ status }) => status === 401));
    await clock.advance(1_000);
  }
  t.true(tokens.calls.length >= 3 && tokens.calls.length <= 5, `${tokens.calls.length} token calls in 20 s`);
});

test('rule 23: when the renewal fails the caller gets the provider’s own rejection, and the token stays in use', async (t) => {
  const { outrider, upstream, tokens, warm, clock } = await givenTokens(t);
  await warm();
  const valid = new Set<string>();
  upstream.handler = accepting(valid);
  tokens.script = () => ({ status: 500, body: 'down' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => outrider.call('/api/x', { body: 'abc' })));
  for (const answer of answers) {
    t.is(answer.status, 401);
    t.is(answer.text, '{"code":"UNAUTHORIZED"}');
    t.is(answer.header('x-why'), 'token');
    t.regex(answer.header('proxy-status') ?? '', /^outrider; ?details="/);
  }
  t.is(tokens.calls.length, 2);
  t.is((await outrider.call('/api/x')).status, 401);
  t.is(tokens.calls.length, 2, 'further rejections pass until the back-off ends');
  valid.add('token-1');
  t.is((await outrider.call('/api/x')).status, 200, 'the token is still in use');
  valid.clear();
  tokens.script = ({ n }) => granted(`token-${n}`);
  valid.add('token-3');
  await clock.advance(61_000);
  t.is((await outrider.call('/api/x')).status, 200, 'after the back-off it is renewed');
  t.is(tokens.calls.length, 3);
});
