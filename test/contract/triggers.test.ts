import test from 'ava';
import { accepting, givenPlain, givenTokens } from './given.ts';

for (const status of [401, 412]) {
  test(`rule 19: a ${status} renews the token and the request is sent again; the caller sees the second answer`, async (t) => {
    const valid = new Set(['token-1']);
    const { outrider, upstream, tokens, warm } = await givenTokens(t, { handler: accepting(valid, { status }) });
    await warm();
    valid.clear();
    valid.add('token-2');
    const answer = await outrider.call('/api/pay', { body: '{"amount":1}' });
    t.is(answer.status, 200);
    t.is(answer.text, '{"amount":1}');
    t.is(tokens.calls.length, 2);
    t.deepEqual(
      upstream.requests.map((request) => request.header('authorization')),
      ['Bearer token-1', 'Bearer token-1', 'Bearer token-2'],
    );
    t.is(answer.header('x-why'), undefined, 'nothing of the first answer is left');
  });
}

for (const name of ['If-Match', 'If-None-Match', 'if-modified-since', 'If-Unmodified-Since']) {
  test(`rule 19: a 412 to a request with ${name} is the caller's own and passes`, async (t) => {
    const { outrider, upstream, tokens, warm } = await givenTokens(t);
    await warm();
    upstream.handler = accepting(new Set(), { status: 412, body: 'precondition' });
    const answer = await outrider.call('/api/x', { headers: [name, '"etag"'] });
    t.is(answer.status, 412);
    t.is(answer.text, 'precondition');
    t.is(upstream.requests.length, 2);
    t.is(tokens.calls.length, 1);
  });

  test(`rule 19: a 401 to a request with ${name} is a rejection all the same`, async (t) => {
    const valid = new Set(['token-1']);
    const { outrider, tokens, warm } = await givenTokens(t, { handler: accepting(valid) });
    await warm();
    valid.clear();
    valid.add('token-2');
    t.is((await outrider.call('/api/x', { headers: [name, '"etag"'] })).status, 200);
    t.is(tokens.calls.length, 2);
  });
}

for (const status of [400, 403, 404, 407, 409, 418, 429, 500, 502, 503, 504]) {
  test(`rule 19, 25: a ${status} passes, nothing is renewed or replayed`, async (t) => {
    const { outrider, upstream, tokens, warm } = await givenTokens(t);
    await warm();
    upstream.handler = accepting(new Set(), { status, body: 'theirs' });
    const answer = await outrider.call('/api/pay', { body: 'x' });
    t.is(answer.status, status);
    t.is(answer.text, 'theirs');
    t.is(upstream.requests.length, 2);
    t.is(tokens.calls.length, 1);
  });
}

test('rule 19: a 401 on a route without a token passes', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { handler: accepting(new Set()) });
  const answer = await outrider.call('/api/x');
  t.is(answer.status, 401);
  t.is(answer.header('x-why'), 'token');
  t.is(upstream.requests.length, 1);
});

test('rule 19: a body in on_body is a rejection, another body of that status is not', async (t) => {
  const valid = new Set(['token-1']);
  const { outrider, upstream, tokens, warm } = await givenTokens(t, {
    handler: accepting(valid, { status: 200, body: '{"status":"ERROR","subCode":"403"}' }),
    renew: '{ on_status: [], on_body: [{ status: 200, pointer: /subCode, equals: ["403"] }] }',
  });
  await warm();
  valid.clear();
  valid.add('token-2');
  t.is((await outrider.call('/api/x')).text, 'ok');
  t.is(tokens.calls.length, 2);
  for (const body of [
    '{"subCode":"200"}',
    '{"subCode":["403"]}',
    '{"other":{"subCode":"403"}}',
    'no JSON',
    '',
    '"403"',
  ]) {
    upstream.handler = (arrival) => arrival.reply(200, { body });
    t.is((await outrider.call('/api/x')).text, body);
  }
  t.is(tokens.calls.length, 2);
});

test('rule 19: a header in on_header is a rejection, another one of that status is not', async (t) => {
  const valid = new Set(['token-1']);
  let challenge = 'Bearer realm="api", error="invalid_token"';
  const { outrider, upstream, tokens, warm } = await givenTokens(t, {
    async handler(arrival) {
      await arrival.body();
      if (valid.has(arrival.header('authorization')?.replace(/^Bearer /, '') ?? '')) return arrival.reply(200);
      return arrival.reply(400, { headers: ['WWW-Authenticate', challenge], body: 'theirs' });
    },
    renew: '{ on_status: [], on_header: [{ status: 400, name: www-authenticate, contains: invalid_token }] }',
  });
  await warm();
  valid.clear();
  valid.add('token-2');
  t.is((await outrider.call('/api/pay', { body: 'x' })).status, 200);
  t.is(upstream.requests.length, 3);
  t.is(tokens.calls.length, 2);
  valid.clear();
  challenge = 'Bearer error="insufficient_scope"';
  const answer = await outrider.call('/api/pay', { body: 'x' });
  t.deepEqual([answer.status, answer.text], [400, 'theirs']);
  t.is(tokens.calls.length, 2);
});

test('rule 19: an entry of on_body with several fields needs them all', async (t) => {
  const valid = new Set(['token-1']);
  let body = '{"error":{"type":"auth","reason":"expired"}}';
  const { outrider, tokens, warm } = await givenTokens(t, {
    handler: (...arrival) => accepting(valid, { status: 400, body })(...arrival),
    renew:
      '{ on_status: [], on_body: [{ status: 400, all: [{ pointer: /error/type, equals: [auth] }, { pointer: /error/reason, equals: [expired, revoked] }] }] }',
  });
  await warm();
  valid.clear();
  valid.add('token-2');
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(tokens.calls.length, 2);
  valid.clear();
  for (body of ['{"error":{"type":"auth","reason":"scope"}}', '{"error":{"reason":"expired"}}', '{}']) {
    t.is((await outrider.call('/api/x')).text, body);
  }
  t.is(tokens.calls.length, 2);
});
