import test from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { givenPlain } from './given.ts';

const REFUSED: Readonly<Record<string, string>> = {
  'no Host': 'GET /api/x HTTP/1.1\r\n\r\n',
  'no Host in HTTP/1.0': 'GET /api/x HTTP/1.0\r\n\r\n',
  'two Hosts': 'GET /api/x HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n\r\n',
  'two equal Hosts': 'GET /api/x HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n',
  'an empty Host': 'GET /api/x HTTP/1.1\r\nHost:\r\n\r\n',
  'a Host of blanks': 'GET /api/x HTTP/1.1\r\nHost:   \r\n\r\n',
  'a user in Host': 'GET /api/x HTTP/1.1\r\nHost: user@localhost\r\n\r\n',
  'a user and password in Host': 'GET /api/x HTTP/1.1\r\nHost: user:pass@127.0.0.1\r\n\r\n',
  'an @ after a loopback name': 'GET /api/x HTTP/1.1\r\nHost: localhost:80@evil.test\r\n\r\n',
};
for (const [what, bytes] of Object.entries(REFUSED)) {
  test(`rule 07: ${what} is refused`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    assertProblem(t, await ask(t, outrider.port, bytes), { status: 400, code: 'bad_request' });
    t.is(upstream.connections, 0);
  });
}

for (const host of [
  'localhost, evil.test',
  'localhost evil.test',
  'localhost/evil',
  'localhost:80:80',
  'localhost:x',
  'localhost\\evil',
  'localhost?x',
  'local%68ost',
  '[::1',
  '::1',
  ':80',
]) {
  test(`rule 07: the odd Host ${host} never gets in`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(t, outrider.port, `GET /api/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    t.true(answer.status === 400 || answer.status === 403, `${answer.status}`);
    t.is(upstream.connections, 0);
  });
}

test("rule 07: in absolute form the URI's authority wins over a foreign Host", async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const bytes = `GET http://127.0.0.1:${outrider.port}/api/x HTTP/1.1\r\nHost: evil.test\r\n\r\n`;
  t.is((await ask(t, outrider.port, bytes)).status, 200);
  t.is(upstream.requests[0]?.header('host'), upstream.authority);
});

test('rule 07: in absolute form a good Host does not save a foreign authority', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const answer = await ask(t, outrider.port, 'GET http://evil.test/api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assertProblem(t, answer, { status: 403, code: 'destination_denied' });
  t.is(upstream.connections, 0);
});

test("rule 07: in absolute form a route is found by the URI's host", async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `routes:
  - { name: a, match: { path: /, hosts: [a.localhost] }, upstream: "${upstream.origin}/a" }
  - { name: b, match: { path: /, hosts: [b.localhost] }, upstream: "${upstream.origin}/b" }`,
  );
  const bytes = `GET http://a.localhost:${outrider.port}/x HTTP/1.1\r\nHost: b.localhost\r\n\r\n`;
  t.is((await ask(t, outrider.port, bytes)).status, 200);
  t.is(upstream.requests[0]?.target, '/a/x');
});

for (const userinfo of ['user@', 'user:pass@', '@', ':@']) {
  test(`rule 07: ${userinfo} in the URI is refused`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const bytes = `GET http://${userinfo}127.0.0.1:${outrider.port}/api/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
    assertProblem(t, await ask(t, outrider.port, bytes), { status: 400, code: 'bad_request' });
    t.is(upstream.connections, 0);
  });
}

for (const target of ['api/x', '?x', 'http:/api/x', 'http:///api/x', 'http://', '://localhost/api', 'localhost:80']) {
  test(`rule 07: the target ${target} is refused`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(t, outrider.port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assertProblem(t, answer, { status: 400, code: 'bad_request' });
    t.is(upstream.connections, 0);
  });
}

test('rule 07: two Hosts in absolute form are refused too', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const bytes = `GET http://127.0.0.1:${outrider.port}/api/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`;
  assertProblem(t, await ask(t, outrider.port, bytes), { status: 400, code: 'bad_request' });
  t.is(upstream.connections, 0);
});
