import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import test from 'ava';
import { givenTokens, tokenYaml } from '../contract/given.ts';
import { keepSecret, secretsIn } from '../helpers/canary.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { granted, startTokenEndpoint, type TokenScript } from '../helpers/token-endpoint.ts';
import { type Handler, startUpstream } from '../helpers/upstream.ts';

const TOKEN = 'canary-that-is-echoed';
keepSecret('the token', TOKEN);

/** Answers that carry the credential where nobody would take it for one. */
const ECHOES: Readonly<Record<string, (credential: string) => string>> = {
  'in the status line': (credential) => `HTTP/1.1 2${credential}\r\n\r\n`,
  'as the version': (credential) => `${credential} 200 OK\r\n\r\n`,
  'in the name of a header': (credential) => `HTTP/1.1 200 OK\r\nX ${credential}: 1\r\n\r\n`,
  'behind a header without a colon': (credential) => `HTTP/1.1 200 OK\r\nX: 1\r\nnot a header ${credential}\r\n\r\n`,
  'as a length': (credential) => `HTTP/1.1 200 OK\r\nContent-Length: ${credential}\r\n\r\n`,
  'as a coding': (credential) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${credential}\r\n\r\n`,
  'as the size of a chunk': (credential) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${credential}\r\n`,
  'in a head that is too long': (credential) => `HTTP/1.1 200 OK\r\n${`X: ${credential}\r\n`.repeat(3_000)}\r\n`,
  'as a protocol to change to': (credential) =>
    `HTTP/1.1 101 ${credential}\r\nUpgrade: ${credential}\r\nConnection: upgrade\r\n\r\n`,
};

for (const [where, echo] of Object.entries(ECHOES)) {
  test(`a provider that echoes the credential ${where} gets it nowhere`, async (t) => {
    const handler: Handler = async (arrival) => {
      await arrival.write(echo(arrival.header('authorization') ?? ''));
      arrival.end();
    };
    const { outrider } = await givenTokens(t, { handler, script: () => granted(TOKEN) });
    const notices: string[] = [];
    outrider.app.events.on('notice', (notice) => notices.push(inspect(notice, { depth: 10 })));
    const { status } = await outrider.call('/api/x').catch(() => ({ status: 0 }));
    await outrider.logged(1);
    t.true([0, 502].includes(status));
    t.deepEqual(secretsIn(notices.join()), []);
    t.deepEqual(secretsIn(outrider.logText()), []);
  });
}

const SECRET = 'my-secret-of-the-demo';
const NO_TOKEN = 'canary-token-that-is-none';
keepSecret('what was no token', NO_TOKEN);

const both = (secret: string): string => `${secret} ${NO_TOKEN}`;

/** Answers that echo what they were asked with, and what might be a token, wherever there is room. */
const TOKEN_ANSWERS: Readonly<Record<string, TokenScript>> = {
  'a redirect': ({ body }) => ({ status: 302, headers: { location: `https://a.test/?${body}&t=${NO_TOKEN}` }, body }),
  'a refusal': ({ body }) => ({ status: 401, headers: { 'www-authenticate': `Bearer ${NO_TOKEN}` }, body }),
  'an outage': ({ body }) => ({ status: 503, headers: { 'content-type': 'text/html' }, body: `<p>${body}</p>` }),
  'a type of media': () => ({ status: 403, headers: { 'content-type': `text/${NO_TOKEN}` }, body: '' }),
  'a known error code': ({ body }) => ({ status: 400, body: { error: 'invalid_client', error_description: body } }),
  'an error code that is a secret': () => ({ status: 400, body: { error: NO_TOKEN, code: SECRET } }),
  'an expiry that is a token': () => ({ status: 200, body: { access_token: '', expires_in: both(SECRET) } }),
  'too many calls': ({ body }) => ({ status: 429, headers: { 'retry-after': NO_TOKEN }, body }),
  'a token that is cut off': () => ({ body: `{"access_token":"${NO_TOKEN}","client":"${SECRET}"` }),
  'a token in a list': () => ({ body: { access_token: [both(SECRET)] } }),
  'a token in two lines': () => ({ body: { access_token: `${NO_TOKEN}\r\n${SECRET}` } }),
  'a token of a strange type': () => ({ body: { access_token: NO_TOKEN, token_type: `${SECRET}\n` } }),
  'a token in another coding': () => ({
    headers: { 'content-encoding': 'gzip' },
    body: brotliCompressSync(both(SECRET)),
  }),
  'a token of strange bytes': () => ({ body: Buffer.concat([Buffer.from(both(SECRET)), Buffer.from([0xff, 0xfe])]) }),
  'a header that is none': ({ res, body }) => {
    res.socket?.end(`HTTP/1.1 200 ${NO_TOKEN}\r\n${body} ${NO_TOKEN}\r\n\r\n`);
    return undefined;
  },
  'two lengths': ({ res, body }) => {
    res.socket?.end(`HTTP/1.1 200 OK\r\nContent-Length: ${NO_TOKEN}\r\nContent-Length: 5\r\n\r\n${body}`);
    return undefined;
  },
  'half an answer': ({ res }) => {
    res.writeHead(200, { 'content-length': '500' }).write(`{"access_token":"${NO_TOKEN}`);
    res.socket?.destroySoon();
    return undefined;
  },
};

test('a token endpoint that echoes secrets, in whatever part of its answer, gets them nowhere', async (t) => {
  const { outrider, tokens, clock } = await givenTokens(t);
  for (const [what, script] of Object.entries(TOKEN_ANSWERS)) {
    tokens.script = script;
    const answer = await outrider.call('/api/x');
    assertProblem(t, answer, { status: 503, code: 'token_unavailable' });
    t.deepEqual(secretsIn(`${answer.text}\n${outrider.logText()}`), [], what);
    await clock.advance(120_000);
  }
  t.is(tokens.calls.length, Object.keys(TOKEN_ANSWERS).length, 'positive control: each was asked');
  t.true(tokens.calls.every(({ body }) => secretsIn(body).length > 0));
  t.regex(outrider.logText(), /"cause":\{.*"cause":\{"name":"Http1Error"/, 'causes are told at level debug');
});

const KEY = 'Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTAwMDAwMDAwMDE=';

for (const [how, settings] of [
  ['in its URL', (url: string) => `url: "redis://me:canary%2Fredis%20word@${url}/0"`],
  ['beside it', (url: string) => `url: "redis://${url}", username: me, password: "canary/redis word"`],
] as const) {
  test(`a Redis that quotes the password ${how}, as old ones do in their errors, gets it nowhere`, async (t) => {
    let heard = '';
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
        const words = [...chunk.toString().matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(([, word]) => `\`${word}\``);
        socket.write(`-ERR unknown command ${words[0]}, with args beginning with: ${words.slice(1).join(', ')}\r\n`);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const upstream = await startUpstream(t);
    const tokens = await startTokenEndpoint(t);
    const extra = `store: { kind: redis, ${settings(`127.0.0.1:${port}`)}, encryption_key: "${KEY}" }`;
    const outrider = await startOutrider(t, tokenYaml(upstream.origin, tokens.url, { extra }));
    await until('the password at the server', () => heard.includes('canary/redis word'));
    t.is((await outrider.call('/api/x')).status, 200);
    await until('a word of it', () => outrider.logText().includes('The token store does not work'));
    t.deepEqual(secretsIn(heard).length, 1, 'positive control');
    t.deepEqual(secretsIn(outrider.logText()), []);
  });
}
