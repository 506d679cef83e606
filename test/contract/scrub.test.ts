import { generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { givenTokens } from './given.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { until } from '../helpers/http1.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { assertProblem } from '../helpers/problem.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { type Handler, startUpstream } from '../helpers/upstream.ts';
import type { Arrival } from '../helpers/arrival.ts';

const SECRET = 'a secret/of+34=letters & "quotes"';
const PLAIN = 'secret-of-28-characters-0001';
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' });
const TOKEN = 'eyJhbGciOiJub25lIn0.e30.token-1';

/** How a credential gets into a request: the provider, the request's type and body, and what holds the secret on the wire. */
interface Kind {
  readonly provider: string;
  readonly body?: readonly [type: string, text: string];
  readonly sent: (arrival: Arrival, body: string) => string | undefined;
}

const target = ({ target: text }: Arrival): string => text.slice(text.indexOf('=') + 1);

const KINDS: Readonly<Record<string, Kind>> = {
  'a bearer token': {
    provider: `{ profile: bearer, credentials: { token: ${PLAIN} } }`,
    sent: (arrival) => arrival.header('authorization')?.slice('Bearer '.length),
  },
  'a password': {
    provider: `{ profile: basic, credentials: { username: me, password: '${SECRET}' } }`,
    sent: (arrival) => arrival.header('authorization')?.slice('Basic '.length),
  },
  'a short password': {
    provider: `{ profile: basic, credentials: { username: long-user-name-x, password: short } }`,
    sent: (arrival) => arrival.header('authorization')?.slice('Basic '.length),
  },
  'an API key': {
    provider: `{ profile: header, credentials: { name: x-api-key, value: '${SECRET}' } }`,
    sent: (arrival) => arrival.header('x-api-key'),
  },
  'a query parameter': {
    provider: `{ profile: query-key, credentials: { name: api_key, value: '${SECRET}' } }`,
    sent: target,
  },
  'a form field': {
    provider: `{ profile: in-form, credentials: { key: '${SECRET}' } }`,
    body: ['application/x-www-form-urlencoded', 'a=1'],
    sent: (_, body) => body.slice(body.lastIndexOf('=') + 1),
  },
  'a JSON field': {
    provider: `{ profile: in-json, credentials: { key: '${SECRET}' } }`,
    body: ['application/json', '{"a":1}'],
    sent: (_, body) => /"key":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1],
  },
  'a JWT of its own for each request': {
    provider: `{ profile: own-jwt, credentials: { private_key: ${JSON.stringify(KEY)} } }`,
    sent: (arrival) => arrival.header('authorization')?.slice('Bearer '.length),
  },
  'a secret beside what each request says': {
    provider: `{ profile: changing, credentials: { key: short-1 } }`,
    sent: (arrival) => arrival.header('x-key'),
  },
};

const PROFILES = `
profiles:
  in-form: { title: A, credentials: { key: { secret: true } }, inject: { form: { key: "{{credentials.key}}" } } }
  in-json: { title: B, credentials: { key: { secret: true } }, inject: { json: { key: "{{credentials.key}}" } } }
  own-jwt:
    title: D
    credentials: { private_key: { secret: true, format: pem } }
    jwt: { proof: { algorithm: ES256, key: "{{credentials.private_key}}", claims: { jti: "{{uuid}}" } } }
    inject: { headers: { authorization: "Bearer {{jwt.proof}}" } }
  changing:
    title: C
    credentials: { key: { secret: true } }
    values: { pair: "{{credentials.key}}:{{request.path}}:{{uuid}}" }
    inject: { headers: { x-key: "Key {{values.pair | base64}}" } }
`;

const yamlFor = (provider: string, upstream: string, route = ''): string => `${PROFILES}
providers: { p: ${provider} }
routes: [{ name: api, match: { path: /api }, provider: p, upstream: "${upstream}"${route} }]`;

const chunked = (text: string, size: number): string =>
  `${(text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n`;

/** Answers that hold `secret`. What is `expected` of the head and body has stars in its place. */
const FRAMINGS: Readonly<
  Record<string, (body: string) => { readonly head: string; readonly body: string; readonly closes?: true }>
> = {
  'with a length': (body) => ({ head: `Content-Length: ${body.length}`, body }),
  'in chunks': (body) => ({ head: 'Transfer-Encoding: chunked', body: `${chunked(body, 7)}\r\n` }),
  'up to the end of the connection': (body) => ({ head: 'X-No: length', body, closes: true }),
};

for (const [what, { provider, body, sent }] of Object.entries(KINDS)) {
  test(`${what} that comes back is overwritten, wherever it stands and however the answer is framed`, async (t) => {
    let secret = '';
    let framing = FRAMINGS['with a length'] as (typeof FRAMINGS)[string];
    const upstream = await startUpstream(t, async (arrival) => {
      secret = sent(arrival, (await arrival.body()).bytes.toString('latin1')) ?? '';
      const answer = framing(`${secret} in the middle ${secret} and at the end ${secret}`);
      const { length } = secret;
      await arrival.write(
        `HTTP/1.1 200 ${secret} Fine\r\nX-Echo: <${secret}>\r\nX-Twice: ${secret}\r\nX-Twice: ${secret}\r\n`,
      );
      await arrival.write(
        `X-Length: ${length}\r\nX-Name-${'a'.repeat(20)}: ${secret.slice(0, -5)}\r\n${answer.head}\r\n\r\n`,
      );
      // Not all at once, and cut within a secret.
      for (let at = 0; at < answer.body.length; at += length - 3)
        await arrival.write(answer.body.slice(at, at + length - 3));
      if (answer.closes) arrival.end();
    });
    const outrider = await startOutrider(t, yamlFor(provider, upstream.origin));
    for (const [how, frame] of Object.entries(FRAMINGS)) {
      framing = frame;
      const [type, text] = body ?? ['text/plain', 'x'];
      const head = `POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${text.length}\r\n\r\n`;
      const answer = await ask(t, outrider.port, head + text);
      const stars = '*'.repeat(secret.length);
      t.true(secret.length >= 12, 'positive control');
      t.is(answer.text, `${stars} in the middle ${stars} and at the end ${stars}`, how);
      t.true(answer.head.startsWith(`HTTP/1.1 200 ${stars} Fine\r\nX-Echo: <${stars}>\r\n`), how);
      t.deepEqual(answer.headerAll('x-twice'), [stars, stars]);
      t.is(answer.header('x-length'), String(secret.length));
      t.is(answer.header('content-length'), how === 'with a length' ? String(answer.text.length) : undefined);
      t.is(answer.header('transfer-encoding'), how === 'with a length' ? undefined : 'chunked');
    }
    const lines = await outrider.logged(3);
    t.deepEqual(
      lines.map((line) => (line as { scrubbed?: number }).scrubbed),
      [7, 7, 7],
    );
  });
}

test('after a replay the tokens of both attempts are overwritten; a 401 that stays has none either', async (t) => {
  const tokens = [`${TOKEN}-first`, `${TOKEN}-second`];
  const isGood = [true, false, true, false];
  const body = `${tokens.join()} ${tokens.join()}`;
  const { outrider, clock, warm } = await givenTokens(t, {
    script: ({ n }) => granted(tokens[n - 1] ?? ''),
    handler: (arrival) => arrival.reply(isGood.shift() ? 200 : 401, { headers: ['X-Seen', tokens.join()], body }),
  });
  const stars = (text: string): string => text.replaceAll(/[^, ]/g, '*');
  await warm();
  const replayed = await outrider.call('/api/x');
  t.is(replayed.status, 200);
  t.is(replayed.text, stars(body));
  t.is(replayed.header('x-seen'), stars(tokens.join()));
  await clock.advance(1_000);
  const rejected = await outrider.call('/api/x');
  t.is(rejected.status, 401);
  const [old = ''] = tokens;
  t.is(rejected.header('x-seen'), `${old},${'*'.repeat(tokens[1]?.length ?? 0)}`, 'the old token was in no attempt');
  const lines = await outrider.logged(3);
  t.deepEqual(
    lines.map(({ attempts }) => attempts),
    [1, 2, 1],
  );
});

test('what has no body, and a part of one, keep their framing', async (t) => {
  let reply: Handler = (arrival) => arrival.reply(200);
  const upstream = await startUpstream(t, (arrival, n) => reply(arrival, n));
  const outrider = await startOutrider(
    t,
    yamlFor(`{ profile: bearer, credentials: { token: ${PLAIN} } }`, upstream.origin),
  );
  const request = (method: string): string =>
    `${method} /api/x HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-9\r\n\r\n`;
  reply = (arrival) => arrival.write(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX-Echo: ${PLAIN}\r\n\r\n`);
  const head = await ask(t, outrider.port, request('HEAD'), { toHead: true });
  t.is(head.header('content-length'), '5000');
  t.is(head.header('x-echo'), '*'.repeat(PLAIN.length));
  reply = (arrival) => arrival.reply(304, { headers: ['ETag', `"${PLAIN}"`, 'Content-Length', '77'] });
  const notModified = await ask(t, outrider.port, request('GET'));
  t.is(notModified.status, 304);
  t.is(notModified.header('etag'), `"${'*'.repeat(PLAIN.length)}"`);
  reply = (arrival) => arrival.reply(206, { headers: ['Content-Range', 'bytes 5-34/99'], body: `<${PLAIN}>` });
  const part = await ask(t, outrider.port, request('GET'));
  t.is(part.text, `<${'*'.repeat(PLAIN.length)}>`);
  t.is(part.header('content-range'), 'bytes 5-34/99');
  t.is(upstream.requests.at(-1)?.header('range'), 'bytes=0-9', 'a range passes without strict');
  reply = (arrival) =>
    arrival.write(
      `HTTP/1.1 103 Early\r\nLink: <${PLAIN}>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('fine', 2)}X-Echo: ${PLAIN}\r\n\r\n`,
    );
  const { client, trailers, text } = await ask(t, outrider.port, request('GET'));
  t.is(text, 'fine');
  t.is(trailers, '');
  t.false(client.received().includes(PLAIN));
});

test('an event is there before the next one is sent, though it ends as a secret begins', async (t) => {
  const steps: (() => Promise<void>)[] = [];
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const text of [`data: ${PLAIN.slice(0, 20)}\n\n`, `data: ${PLAIN}\n\n`]) {
      steps.push(() => arrival.write(`${text.length.toString(16)}\r\n${text}\r\n`));
    }
    await steps[0]?.();
  });
  const outrider = await startOutrider(
    t,
    yamlFor(`{ profile: bearer, credentials: { token: ${PLAIN} } }`, upstream.origin),
  );
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const first = `data: ${PLAIN.slice(0, 20)}\n\n`;
  t.is((await client.bodyBytes(first.length)).toString(), first);
  await steps[1]?.();
  const both = `${first}data: ${'*'.repeat(PLAIN.length)}\n\n`;
  t.is((await client.bodyBytes(both.length)).toString(), both);
});

const CODED = gzipSync(`coded ${PLAIN}`);
const coded: Handler = (arrival) =>
  arrival.reply(200, { headers: ['Content-Encoding', 'gzip', 'X-Echo', PLAIN], body: CODED });
const BEARER = `{ profile: bearer, credentials: { token: ${PLAIN} } }`;

test('a body with a content coding passes as it came, its head without secrets', async (t) => {
  const upstream = await startUpstream(t, coded);
  const outrider = await startOutrider(t, yamlFor(BEARER, upstream.origin));
  const answer = await ask(t, outrider.port, 'GET /api/x HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n');
  t.deepEqual(answer.body, CODED);
  t.is(answer.header('x-echo'), '*'.repeat(PLAIN.length));
  t.is(upstream.requests[0]?.header('accept-encoding'), 'gzip');
});

test('strict asks for bodies that can be searched, and refuses others', async (t) => {
  const upstream = await startUpstream(t, coded);
  const outrider = await startOutrider(
    t,
    yamlFor(BEARER, upstream.origin, ', scrub: strict, headers: { set: { ACCEPT-encoding: br } }'),
  );
  const request = (method: string): string =>
    `${method} /api/x HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nRange: bytes=1-2\r\nIf-Range: "a"\r\nX-Kept: 1\r\n\r\n`;
  const refused = await outrider.call('/api/x', { headers: ['Range', 'bytes=1-2'] });
  assertProblem(t, refused, { status: 502, code: 'upstream_bad_response', outcome: 'unknown' });
  t.is(
    (await ask(t, outrider.port, request('HEAD'), { toHead: true })).status,
    200,
    'without a body there is nothing to refuse',
  );
  for (const { headers } of upstream.requests) {
    t.deepEqual(
      headers.filter((name, i) => i % 2 === 0 && /^(accept-encoding|range|if-range)$/i.test(name)),
      ['Accept-Encoding'],
    );
    t.is(headers[headers.findIndex((name) => name === 'Accept-Encoding') + 1], 'identity');
  }
  upstream.handler = (arrival) => arrival.reply(200, { headers: ['Content-Encoding', 'identity'], body: PLAIN });
  t.is((await outrider.call('/api/x')).text, '*'.repeat(PLAIN.length));
});

test('an answer to a WebSocket handshake has no secrets, and what follows a 101 is untouched', async (t) => {
  const wires = [
    `HTTP/1.1 101 ${PLAIN}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Echo: ${PLAIN}\r\n\r\n${PLAIN}`,
    `HTTP/1.1 403 No\r\nX-Echo: ${PLAIN}\r\nContent-Length: ${PLAIN.length}\r\n\r\n${PLAIN}`,
  ];
  const upstream = await startUpstream(t, (arrival, n) => arrival.write(wires[n - 1] ?? ''));
  const outrider = await startOutrider(t, yamlFor(BEARER, upstream.origin, ', websocket: true'));
  const stars = '*'.repeat(PLAIN.length);
  const handshake =
    'GET /api/x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const client = await rawClient(t, outrider.port);
  await client.send(handshake);
  await until('the bytes behind the 101', () => client.received().toString().endsWith(`\r\n\r\n${PLAIN}`));
  const [head = ''] = client.received().toString().split('\r\n\r\n');
  t.true(head.startsWith(`HTTP/1.1 101 ${stars}\r\n`));
  t.true(head.includes(`X-Echo: ${stars}`));
  const refused = await ask(t, outrider.port, handshake);
  t.is(refused.header('x-echo'), stars);
  t.is(refused.text, stars);
});

test('after a reload the new credential is looked for', async (t) => {
  const rotated = 'secret-of-28-characters-0002';
  const upstream = await startUpstream(t, (arrival) => arrival.reply(200, { body: `${PLAIN} ${rotated}` }));
  const outrider = await startOutrider(t, yamlFor(BEARER, upstream.origin));
  const stars = '*'.repeat(PLAIN.length);
  t.is((await outrider.call('/api/x')).text, `${stars} ${rotated}`);
  await outrider.reload(yamlFor(BEARER.replace(PLAIN, rotated), upstream.origin));
  t.is((await outrider.call('/api/x')).text, `${PLAIN} ${stars}`);
});

test('off leaves answers as they are, for all routes or for one', async (t) => {
  const upstream = await startUpstream(t, (arrival) => arrival.reply(200, { headers: ['X-Echo', PLAIN], body: PLAIN }));
  const yaml = `scrub: off
providers: { p: ${BEARER} }
routes:
  - { name: api, match: { path: /api }, provider: p, upstream: "${upstream.origin}" }
  - { name: on, match: { path: /on }, provider: p, upstream: "${upstream.origin}", scrub: on }
  - { name: bare, match: { path: /bare }, upstream: "${upstream.origin}", scrub: strict }`;
  const outrider = await startOutrider(t, yaml);
  t.is((await outrider.call('/api/x')).text, PLAIN);
  t.is((await outrider.call('/api/x')).header('x-echo'), PLAIN);
  t.is((await outrider.call('/on/x')).text, '*'.repeat(PLAIN.length));
  t.is((await outrider.call('/bare/x')).text, PLAIN, 'a route without a credential has no secrets');
  t.is(upstream.requests.at(-1)?.header('accept-encoding'), undefined);
});

test("signatures, short secrets, and what is the caller's own come back", async (t) => {
  const upstream = await startUpstream(t, async (arrival) =>
    arrival.reply(200, { body: `${arrival.head}${(await arrival.body()).bytes.toString()}` }),
  );
  const yaml = `
profiles:
  signed:
    title: Signed
    credentials: { key: {}, salt: { secret: true }, pin: { secret: true } }
    inject: { headers: { x-pin: "{{credentials.pin}}", x-key: "{{credentials.key}}", x-hash: "{{values.hash}}" } }
    values: { digest: "{{request.path}}{{credentials.salt}}", hash: "{{values.digest | sha256 | hex}}" }
    sign: [{ text: "{{request.body}}{{credentials.salt}}", algorithm: sha256, set: { header: x-sign, value: "{{signature}}" } }]
providers: { p: { profile: signed, credentials: { key: the-public-key-of-mine, salt: the-salt-of-the-provider, pin: short-pin } } }
routes: [{ name: api, match: { path: /api }, provider: p, upstream: "${upstream.origin}" }]`;
  const outrider = await startOutrider(t, yaml);
  const answer = await outrider.call('/api/x', {
    method: 'POST',
    body: 'hello',
    headers: ['X-Own', 'a-secret-of-the-callers-own'],
  });
  const sent = upstream.requests[0] as Arrival;
  for (const name of ['x-pin', 'x-key', 'x-hash', 'x-sign', 'x-own']) {
    t.true(answer.text.includes(sent.header(name) ?? '?'), name);
  }
  t.false(answer.text.includes('*'.repeat(12)));
  upstream.handler = (arrival) => arrival.reply(200, { body: 'salted with the-salt-of-the-provider' });
  t.is((await outrider.call('/api/x', { method: 'POST', body: 'x' })).text, 'salted with ************************');
});

test('what was overwritten is told in the log, in a metric and in the API, and warned of once', async (t) => {
  const upstream = await startUpstream(t, (arrival) =>
    arrival.reply(200, { body: arrival.target.includes('echo') ? PLAIN : 'fine' }),
  );
  const outrider = await startOutrider(t, `admin: { address: 127.0.0.1:0 }\n${yamlFor(BEARER, upstream.origin)}`);
  for (const path of ['/api/echo', '/api/fine', '/api/echo']) await outrider.call(path);
  await outrider.logged(3);
  const lines = outrider
    .logText()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(
    lines.filter(({ message }) => message === 'request').map(({ scrubbed }) => scrubbed),
    [1, undefined, 1],
  );
  const warnings = lines.filter(({ level }) => level === 'warn');
  t.is(warnings.length, 1);
  t.like(warnings[0], { provider: 'p', route: 'api' });
  const metrics = await (await fetch(`${outrider.adminOrigin}/metrics`)).text();
  t.regex(metrics, /^outrider_scrubbed_total\{route="api"\} 2$/m);
  const { requests } = (await (await fetch(`${outrider.adminOrigin}/api/requests`)).json()) as {
    requests: { scrubbed: number }[];
  };
  t.deepEqual(
    requests.map(({ scrubbed }) => scrubbed),
    [1, 0, 1],
  );
});
