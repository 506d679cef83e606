import { brotliCompressSync } from 'node:zlib';
import test from 'ava';
import { givenTokens } from '../contract/given.ts';
import { keepSecret, secretsIn } from '../helpers/canary.ts';
import { assertProblem } from '../helpers/problem.ts';
import type { TokenScript } from '../helpers/token-endpoint.ts';

const SECRET = 'my-secret-of-the-demo';
const TOKEN = 'canary-token-that-is-none';
keepSecret('what was no token', TOKEN);

const both = (secret: string): string => `${secret} ${TOKEN}`;

/** Answers that echo what they were asked with, and what might be a token, wherever there is room. */
const ECHOES: Readonly<Record<string, TokenScript>> = {
  'a redirect': ({ body }) => ({ status: 302, headers: { location: `https://a.test/?${body}&t=${TOKEN}` }, body }),
  'a refusal': ({ body }) => ({ status: 401, headers: { 'www-authenticate': `Bearer ${TOKEN}` }, body }),
  'an outage': ({ body }) => ({ status: 503, headers: { 'content-type': 'text/html' }, body: `<p>${body}</p>` }),
  'too many calls': ({ body }) => ({ status: 429, headers: { 'retry-after': TOKEN }, body }),
  'a token that is cut off': () => ({ body: `{"access_token":"${TOKEN}","client":"${SECRET}"` }),
  'a token in a list': () => ({ body: { access_token: [both(SECRET)] } }),
  'a token in two lines': () => ({ body: { access_token: `${TOKEN}\r\n${SECRET}` } }),
  'a token of a strange type': () => ({ body: { access_token: TOKEN, token_type: `${SECRET}\n` } }),
  'a token in another coding': () => ({
    headers: { 'content-encoding': 'gzip' },
    body: brotliCompressSync(both(SECRET)),
  }),
  'a token of strange bytes': () => ({ body: Buffer.concat([Buffer.from(both(SECRET)), Buffer.from([0xff, 0xfe])]) }),
  'a header that is none': ({ res, body }) => {
    res.socket?.end(`HTTP/1.1 200 ${TOKEN}\r\n${body} ${TOKEN}\r\n\r\n`);
    return undefined;
  },
  'two lengths': ({ res, body }) => {
    res.socket?.end(`HTTP/1.1 200 OK\r\nContent-Length: ${TOKEN}\r\nContent-Length: 5\r\n\r\n${body}`);
    return undefined;
  },
  'half an answer': ({ res }) => {
    res.writeHead(200, { 'content-length': '500' }).write(`{"access_token":"${TOKEN}`);
    res.socket?.destroySoon();
    return undefined;
  },
};

test('a token endpoint that echoes secrets, in whatever part of its answer, gets them nowhere', async (t) => {
  const { outrider, tokens, clock } = await givenTokens(t);
  for (const [what, script] of Object.entries(ECHOES)) {
    tokens.script = script;
    const answer = await outrider.call('/api/x');
    assertProblem(t, answer, { status: 503, code: 'token_unavailable' });
    t.deepEqual(secretsIn(`${answer.text}\n${outrider.logText()}`), [], what);
    await clock.advance(120_000);
  }
  t.is(tokens.calls.length, Object.keys(ECHOES).length, 'positive control: each was asked');
  t.true(tokens.calls.every(({ body }) => secretsIn(body).length > 0));
  t.regex(outrider.logText(), /"cause":\{.*"cause":\{"name":"HTTPParserError"/, 'causes are told at level debug');
});
