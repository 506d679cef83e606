import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import type { TokenAnswer, TokenScript } from '../helpers/token-endpoint.ts';
import { givenTokens } from './given.ts';

const answer =
  (body: TokenAnswer['body'], headers: Record<string, string> = {}): TokenScript =>
  () => ({ body, headers });

const BAD: Readonly<Record<string, TokenScript>> = {
  'has no token': answer({ token_type: 'Bearer', expires_in: 60 }),
  'has an empty token': answer({ access_token: '', expires_in: 60 }),
  'has null for a token': answer({ access_token: null }),
  'has a number for a token': answer({ access_token: 12_345_678 }),
  'has true for a token': answer({ access_token: true }),
  'has an object for a token': answer({ access_token: { value: 'canary-token' } }),
  'has a list for a token': answer({ access_token: ['canary-token'] }),
  'has a line break in its token': answer({ access_token: 'canary-token\nX-Evil: 1' }),
  'has CRLF in its token': answer({ access_token: 'canary-token\r\nX-Evil: 1' }),
  'has NUL in its token': answer({ access_token: 'canary-token\u0000' }),
  'has a control character in its token': answer({ access_token: 'canary-token\u001b[31m' }),
  'has a character above ASCII in its token': answer({ access_token: 'canary-tokén' }),
  'has a line break in its type': answer({ access_token: 'canary-token', token_type: 'Bearer\r\nX-Evil: 1' }),
  'is an empty body': answer(''),
  'is an HTML page': answer('<!doctype html><title>canary-token</title>', { 'content-type': 'text/html' }),
  'is JSON cut short': answer('{"access_token":"canary-token"'),
  'is a JSON string': answer('"canary-token"'),
  'is a JSON list': answer('["canary-token"]'),
  'is null': answer('null'),
  'is a redirect': () => ({
    status: 302,
    headers: { location: 'http://127.0.0.1:1/' },
    body: { access_token: 'canary-token' },
  }),
  'is a 204': ({ res }) => void res.writeHead(204).end(),
  'breaks off': ({ res }) => {
    res.writeHead(200, { 'content-length': '1000' });
    res.write('{"access_token":"canary-token"', () => res.destroy());
    return undefined;
  },
  'closes without a word': ({ res }) => void res.destroy(),
  'lies about its coding': answer('{"access_token":"canary-token"}', { 'content-encoding': 'gzip' }),
};

for (const [what, script] of Object.entries(BAD)) {
  test(`rule 30: an answer that ${what} is a failure, not a token`, async (t) => {
    const { outrider, upstream, tokens } = await givenTokens(t, { script });
    const refused = await outrider.call('/api/x', { body: 'abc' });
    const problem = assertProblem(t, refused, { status: 503, code: 'token_unavailable', route: 'api' });
    t.regex(refused.header('retry-after') ?? '', /^[1-9]\d*$/);
    t.false(JSON.stringify(problem).includes('canary'));
    t.false(outrider.logText().includes('canary-tok'), outrider.logText());
    t.is(upstream.connections, 0);
    t.is(tokens.calls.length, 1);
  });
}

test('rule 30: a bad answer to a renewal leaves the old token in use', async (t) => {
  for (const script of Object.values(BAD).slice(0, 10)) {
    const { outrider, upstream, tokens, warm } = await givenTokens(t);
    await warm();
    upstream.handler = (arrival) => arrival.reply(401, { body: 'theirs' });
    tokens.script = script;
    t.is((await outrider.call('/api/x')).text, 'theirs');
    upstream.handler = (arrival) => arrival.reply(200);
    t.is((await outrider.call('/api/x')).status, 200);
    t.is(upstream.requests.at(-1)?.header('authorization'), 'Bearer token-1');
  }
});

test('rule 30: characters that a header can hold are a token', async (t) => {
  const odd = 'a b\tc!#$%&\'*+-./:;<=>?@[]^_`{|}~\\"(),';
  const { outrider, upstream } = await givenTokens(t, { script: answer({ access_token: odd, expires_in: 60 }) });
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(upstream.requests[0]?.header('authorization'), `Bearer ${odd}`);
});

test('the token call is the profile’s: method, form, no trace of the caller', async (t) => {
  const { outrider, tokens } = await givenTokens(t);
  await outrider.call('/api/x?secret=1', {
    body: 'abc',
    headers: ['Cookie', 'a=1', 'X-Mine', '1', 'Authorization', 'Bearer theirs'],
  });
  const [call] = tokens.calls;
  t.is(call?.method, 'POST');
  t.is(call?.url, '/oauth/token');
  t.regex(call?.headers['content-type'] ?? '', /^application\/x-www-form-urlencoded/);
  t.deepEqual(Object.fromEntries(call?.form ?? []), {
    client_id: 'me',
    client_secret: 'my-secret-of-the-demo',
    grant_type: 'client_credentials',
  });
  for (const name of ['cookie', 'x-mine', 'authorization', 'via']) t.is(call?.headers[name], undefined, name);
});
