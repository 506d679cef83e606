import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { givenPlain } from './given.ts';

const get = (target: string, headers = ''): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;

test("errors: request_id is the caller's X-Request-Id where it is plain, else ours", async (t) => {
  const { outrider } = await givenPlain(t);
  const idOf = async (headers: string): Promise<string> =>
    assertProblem(t, await ask(t, outrider.port, get('/nowhere', headers)), { status: 404, code: 'route_not_found' })
      .request_id;
  t.is(await idOf('X-Request-Id: my-id_1\r\n'), 'my-id_1');
  t.is(await idOf(`x-request-id: ${'a'.repeat(64)}\r\n`), 'a'.repeat(64));
  const ours = [
    await idOf(''),
    await idOf(''),
    await idOf('X-Request-Id: a b\r\n'),
    await idOf(`X-Request-Id: ${'a'.repeat(65)}\r\n`),
    await idOf('X-Request-Id:\r\n'),
    await idOf('X-Request-Id: <script>\r\n'),
  ];
  t.is(new Set(ours).size, ours.length, 'each request has its own');
  for (const id of ours) t.notRegex(id, /script|aaa| /);
});

test('errors: an answer to HEAD has the headers and no body, and the connection stays in step', async (t) => {
  const { outrider } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  const first = client.answer({ toHead: true });
  await client.send('HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await first).status, 404);
  t.regex((await first).header('proxy-status') ?? '', /^outrider; error=/);
  await client.send(get('/api/x'));
  t.is((await client.answer()).status, 200);
});

test('errors: the body of a request that is refused is not taken for the next request', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  const smuggled = get('/api/smuggled');
  await client.send(
    `POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  );
  assertProblem(t, await client.answer(), { status: 404, code: 'route_not_found' });
  await client.send(get('/api/x'));
  await Promise.race([client.answer().catch(() => {}), client.closed().catch(() => {})]);
  t.true(upstream.requests.every(({ target }) => target === '/x'));
});

test('error route_not_found: no route for the path, the method or the header', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `routes:
  - { name: pay, match: { path: /pay, methods: [POST], headers: { x-tenant: acme } }, upstream: "${upstream.origin}" }`,
  );
  for (const bytes of [
    get('/elsewhere'),
    get('/pay', 'X-Tenant: acme\r\n'),
    'POST /pay HTTP/1.1\r\nHost: localhost\r\nX-Tenant: other\r\nContent-Length: 0\r\n\r\n',
    'POST /pay HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
  ]) {
    const problem = assertProblem(t, await ask(t, outrider.port, bytes), { status: 404, code: 'route_not_found' });
    t.is(problem.route, undefined);
  }
  t.is(upstream.connections, 0);
  const found = 'POST /pay HTTP/1.1\r\nHost: localhost\r\nx-TENANT: acme\r\nContent-Length: 0\r\n\r\n';
  t.is((await ask(t, outrider.port, found)).status, 200);
});

test('routes: the longest path wins, then more of hosts, headers, methods, then the earlier one', async (t) => {
  const upstream = await startUpstream(t);
  const to = (name: string): string => `upstream: "${upstream.origin}/${name}"`;
  const outrider = await startOutrider(
    t,
    `routes:
  - { name: root, match: { path: / }, ${to('root')} }
  - { name: api, match: { path: /api }, ${to('api')} }
  - { name: deep, match: { path: /api/deep }, ${to('deep')} }
  - { name: posts, match: { path: /api, methods: [POST] }, ${to('posts')} }
  - { name: tenant, match: { path: /api, headers: { x-tenant: acme } }, ${to('tenant')} }
  - { name: host, match: { path: /api, hosts: [pay.localhost] }, ${to('host')} }`,
  );
  const cases: readonly (readonly [string, string])[] = [
    [get('/other'), 'root'],
    [get('/api/x'), 'api'],
    [get('/api/deep/x'), 'deep'],
    [get('/api/deeper'), 'api'],
    ['POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n', 'posts'],
    [get('/api/x', 'X-Tenant: acme\r\n'), 'tenant'],
    [get('/api/x', 'X-Tenant: acme \r\n'), 'tenant'],
    [get('/api/x', 'X-Tenant: ACME\r\n'), 'api'],
    ['GET /api/x HTTP/1.1\r\nHost: Pay.Localhost:99\r\n\r\n', 'host'],
    ['POST /api/deep HTTP/1.1\r\nHost: pay.localhost\r\nX-Tenant: acme\r\nContent-Length: 0\r\n\r\n', 'deep'],
  ];
  for (const [bytes, route] of cases) {
    t.is((await ask(t, outrider.port, bytes)).status, 200);
    t.is(upstream.requests.at(-1)?.target.split('/')[1], route, bytes);
  }
});

for (const method of ['TRACE', 'CONNECT']) {
  test(`error method_not_allowed: ${method}, with Allow`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const target = method === 'CONNECT' ? 'api.phonepe.com:443' : '/api/x';
    const answer = await ask(t, outrider.port, `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assertProblem(t, answer, { status: 405, code: 'method_not_allowed' });
    t.regex(answer.header('allow') ?? '', /GET/);
    t.notRegex(answer.header('allow') ?? '', new RegExp(method));
    t.is(upstream.connections, 0);
  });
}

test('error method_not_allowed: CONNECT to ourselves or to the upstream opens nothing either', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  for (const target of [upstream.authority, `127.0.0.1:${outrider.port}`, 'localhost:1']) {
    const answer = await ask(
      t,
      outrider.port,
      `CONNECT ${target} HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
    );
    assertProblem(t, answer, { status: 405, code: 'method_not_allowed' });
    await answer.client.closed();
  }
  t.is(upstream.connections, 0);
});

test('error overloaded: a connection more than `limits.connections` that says nothing is told why, and closed', async (t) => {
  const clock = fakeClock();
  const { outrider } = await givenPlain(t, { extra: 'limits: { connections: 1 }', clock });
  const first = await rawClient(t, outrider.port);
  await first.send(get('/api/x'));
  await first.answer();
  const silent = await rawClient(t, outrider.port);
  const halting = await rawClient(t, outrider.port);
  await halting.send('GET /api/x HTTP/1.1\r\nHo');
  let ended = 0;
  for (const client of [silent, halting]) client.socket.on('end', () => ended++);
  // They may be accepted later than that time begins.
  for (let i = 0; i < 100 && ended < 2; i++) await clock.advance(1_000);
  t.is(ended, 2);
  for (const client of [silent, halting]) assertProblem(t, await client.answer(), { status: 503, code: 'overloaded' });
  await first.send(get('/api/x'));
  t.is((await first.answer()).status, 200);
});

test('error overloaded: a connection more than `limits.connections` gets one answer and is closed', async (t) => {
  const { outrider } = await givenPlain(t, { extra: 'limits: { connections: 3 }' });
  const held = await Promise.all([
    rawClient(t, outrider.port),
    rawClient(t, outrider.port),
    rawClient(t, outrider.port),
  ]);
  for (const client of held) {
    await client.send(get('/api/x'));
    t.is((await client.answer()).status, 200);
  }
  const fourth = await rawClient(t, outrider.port);
  const whole = fourth.answer();
  await fourth.send(get('/api/x'));
  const answer = await whole;
  assertProblem(t, answer, { status: 503, code: 'overloaded' });
  t.regex(answer.header('retry-after') ?? '', /^[1-9]\d*$/);
  await fourth.closed();
  for (const client of held) {
    await client.send(get('/api/x'));
    t.is((await client.answer()).status, 200, 'those inside are served on');
  }
  held[0]?.socket.destroy();
  let status = 503;
  for (let i = 0; i < 100 && status === 503; i++) status = (await ask(t, outrider.port, get('/api/x'))).status;
  t.is(status, 200);
});

test('the access log has one line per request, errors included, with no query', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await ask(
    t,
    outrider.port,
    `POST /api/x?q=canary HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: one\r\nContent-Length: 3\r\n\r\nabc`,
  );
  await ask(t, outrider.port, get('/nowhere?q=canary', 'X-Request-Id: two\r\n'));
  const [first, second, ...more] = await outrider.logged(2);
  t.deepEqual(more, []);
  t.like(first, {
    request_id: 'one',
    route: 'api',
    method: 'POST',
    path: '/api/x',
    status: 200,
    upstream: upstream.origin,
    attempts: 1,
    bytes_in: 3,
    bytes_out: 2,
    token_wait_ms: 0,
  });
  t.true((first?.duration_ms ?? -1) >= (first?.upstream_ms ?? 0));
  t.like(second, {
    request_id: 'two',
    method: 'GET',
    path: '/nowhere',
    status: 404,
    code: 'route_not_found',
    outcome: 'not_sent',
    attempts: 0,
    bytes_in: 0,
  });
  t.false(outrider.logText().includes('canary'));
});
