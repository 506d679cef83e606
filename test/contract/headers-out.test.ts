import test from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Arrival } from '../helpers/upstream.ts';
import { givenPlain, givenTokens } from './given.ts';

const get = (headers: string): string => `GET /api/x HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;

/** The header lines as they arrived, less those that rule 13 sets aside and Via. */
const lines = (arrival: Arrival | undefined): string[] =>
  (arrival?.head ?? '')
    .split('\r\n')
    .slice(1, -2)
    .filter((line) => !/^(host|connection|content-length|transfer-encoding|via):/i.test(line));

test("rule 12: Host is the upstream's authority, with its port, and there is one", async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await ask(t, outrider.port, get(''));
  t.deepEqual(upstream.requests[0]?.headerAll('host'), [upstream.authority]);
});

test("rule 12: the caller can't set Host by the route's order of work", async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `routes: [{ name: api, match: { path: /api }, upstream: "http://localhost:${upstream.port}" }]`,
  );
  await ask(t, outrider.port, get('X-Host: evil.test\r\nX-HTTP-Host-Override: evil.test\r\n'));
  t.deepEqual(upstream.requests[0]?.headerAll('host'), [`localhost:${upstream.port}`]);
});

test('rule 12: hop-by-hop headers go, with those that Connection names', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const sent =
    'Connection: X-One, close\r\nX-One: 1\r\nA: kept\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: X-Sum\r\n' +
    'Proxy-Connection: keep-alive\r\nUpgrade: foo\r\nconnection:x-two ,X-THREE,,\r\nX-Two: 2\r\nx-three: 3\r\nX-Two-B: kept\r\n';
  t.is((await ask(t, outrider.port, get(sent))).status, 200);
  t.deepEqual(lines(upstream.requests[0]), ['A: kept', 'X-Two-B: kept']);
  t.notRegex(upstream.requests[0]?.header('connection') ?? '', /x-|close/i);
});

test("rule 12: the caller's Proxy-*, Forwarded, X-Forwarded-* and X-Original-URL go", async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const sent =
    'Proxy-Authorization: Basic eA==\r\nProxy-Authenticate: x\r\nproxy-anything: x\r\nProxy-Status: x\r\nForwarded: for=1.2.3.4\r\n' +
    'X-Forwarded-For: 1.2.3.4\r\nx-forwarded-host: evil\r\nX-Forwarded-Proto: https\r\nX-FORWARDED-Anything: x\r\n' +
    'X-Original-URL: /admin\r\nX-Original: kept\r\nX-Forwarder: kept\r\nForwarded-For: kept\r\nProxy: kept?\r\n';
  t.is((await ask(t, outrider.port, get(sent))).status, 200);
  const arrived = lines(upstream.requests[0]).filter((line) => !line.startsWith('Proxy:'));
  t.deepEqual(arrived, ['X-Original: kept', 'X-Forwarder: kept', 'Forwarded-For: kept']);
});

test("rule 12: Connection: authorization can't strip our credential", async (t) => {
  const { outrider, upstream } = await givenTokens(t);
  for (const name of ['authorization', 'Authorization, close', 'keep-alive, AUTHORIZATION']) {
    t.is((await ask(t, outrider.port, get(`Connection: ${name}\r\nAuthorization: Bearer theirs\r\n`))).status, 200);
  }
  t.is(upstream.requests.length, 3);
  for (const request of upstream.requests) t.deepEqual(request.headerAll('authorization'), ['Bearer token-1']);
});

test("rule 12: the route's remove, then its set, then the profile: credentials win", async (t) => {
  const { outrider, upstream } = await givenTokens(t, {
    route:
      'headers: { remove: [X-Gone, authorization, x-Twice], set: { X-Set: ours, authorization: Bearer route, x-twice: again, Via-Not: v } }',
  });
  const sent = 'x-gone: 1\r\nX-GONE: 2\r\nx-set: theirs\r\nX-Set: theirs too\r\nX-Twice: theirs\r\nKept: 1\r\n';
  t.is((await ask(t, outrider.port, get(sent))).status, 200);
  const [request] = upstream.requests;
  t.is(request?.header('x-gone'), undefined);
  t.deepEqual(request?.headerAll('x-set'), ['ours']);
  t.deepEqual(request?.headerAll('x-twice'), ['again']);
  t.deepEqual(request?.headerAll('authorization'), ['Bearer token-1']);
  t.is(request?.header('kept'), '1');
});

test("rule 12: a header that the caller's Connection names is still set by the route", async (t) => {
  const { outrider, upstream } = await givenPlain(t, { route: 'headers: { set: { x-set: ours } }' });
  t.is((await ask(t, outrider.port, get('Connection: x-set\r\nX-Set: theirs\r\n'))).status, 200);
  t.deepEqual(upstream.requests[0]?.headerAll('x-set'), ['ours']);
});

test('rule 12: Via is appended, with one id per process; only our own is a loop', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await ask(t, outrider.port, get(''));
  await ask(t, outrider.port, get('Via: 1.0 fred, 1.1 outrider-0000\r\nvia: 1.1 other (outrider)\r\n'));
  const [own, appended] = upstream.requests.map((request) => request.headerAll('via').join(', '));
  t.regex(own ?? '', /^1\.1 outrider-[\w-]+$/);
  t.is(appended, `1.0 fred, 1.1 outrider-0000, 1.1 other (outrider), ${own}`);

  for (const via of [
    `Via: ${own}`,
    `Via: 1.0 fred, ${own}`,
    `via: 1.0 fred\r\nVIA: ${own?.replace('1.1', 'HTTP/1.1')} (x)`,
  ]) {
    const looped = await ask(t, outrider.port, get(`${via}\r\n`));
    assertProblem(t, looped, { status: 508, code: 'loop_detected' });
  }
  t.is(upstream.requests.length, 2);
});

test('rule 12: two in the same process tell the loop from each other’s requests', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await ask(t, outrider.port, get(''));
  const own = upstream.requests[0]?.header('via') ?? '';
  const answer = await ask(t, outrider.port, get(`Via: ${own}x\r\n`));
  t.is(answer.status, 200, 'an id that merely begins like ours is not ours');
});

test('rule 12: a route that leads back to ourselves ends as a loop, not in a storm', async (t) => {
  const upstream = await startUpstream(t);
  let outrider = await startOutrider(
    t,
    `routes: [{ name: api, match: { path: /api }, upstream: "${upstream.origin}" }]`,
  );
  await outrider.reload(
    `routes: [{ name: api, match: { path: /api }, strip_prefix: false, upstream: "${outrider.origin}" }]`,
  );
  const answer = await ask(t, outrider.port, get(''));
  assertProblem(t, answer, { status: 508, code: 'loop_detected' });
});

test('rule 12: the caller’s Connection: close closes the caller’s connection, not the upstream’s', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  for (let i = 0; i < 3; i++) {
    const answer = await ask(t, outrider.port, get('Connection: close\r\n'));
    t.is(answer.status, 200);
    t.is(answer.header('connection')?.toLowerCase(), 'close');
    t.is(await answer.client.closed(), 'end');
  }
  t.is(upstream.connections, 1);
});

test('rule 12: Via is appended to that of the answer', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: (arrival) => arrival.reply(200, { headers: ['Via', '1.1 theirs'], body: 'ok' }),
  });
  t.regex((await ask(t, outrider.port, get(''))).headerAll('via').join(', '), /^1\.1 theirs, 1\.1 outrider-[\w-]+$/);
});

test('error answers: a provider’s answer passes with its status, headers and body as they came', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: (arrival) =>
      arrival.write(
        'HTTP/1.1 402 Pay First\r\nX-One: 1\r\nx-ONE: 2\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nServer: s\r\n' +
          'Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: X-Hop, keep-alive\r\nX-Hop: gone\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n' +
          'Content-Type: text/x\r\nX-Latin: caf\xe9\r\nContent-Length: 4\r\n\r\npay!',
      ),
  });
  const answer = await ask(t, outrider.port, get(''));
  t.is(answer.status, 402);
  t.true(answer.head.startsWith('HTTP/1.1 402 Pay First\r\n'), answer.head);
  t.is(answer.text, 'pay!');
  const kept = answer.head.split('\r\n').filter((line) => /^(x-|set-cookie|server|content-type|date)/i.test(line));
  t.deepEqual(kept, [
    'X-One: 1',
    'x-ONE: 2',
    'Set-Cookie: a=1; Path=/',
    'Set-Cookie: b=2',
    'Server: s',
    'Date: Thu, 01 Jan 2026 00:00:00 GMT',
    'Content-Type: text/x',
    'X-Latin: caf\xe9',
  ]);
  t.regex(answer.headerAll('via').join(', '), /1\.1 outrider-/);
  t.is(answer.header('content-length'), '4');
});
