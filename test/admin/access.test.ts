import test from 'ava';
import { status } from '../../src/admin/schemas.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { ADMIN, givenApi, SIMULATED } from './given.ts';

const GETS = ['/api/status', '/api/requests', '/api/history', '/api/events'];
const POSTS = ['/api/reload', '/api/providers/phonepe/renew', '/api/explain', '/api/simulator/revoke'];
const TOKEN = 'token-of-the-admin-test';

const withAdmin = (admin: string, listen = ''): string => `${listen}${SIMULATED.replace(ADMIN, `admin: ${admin}`)}`;
const GUARDED = 'listen: { address: 127.0.0.1:0, access_tokens: [an-access-token-of-the-test] }\n';

test('on loopback the API is open, and beyond it or with access tokens it wants the admin token', async (t) => {
  const { api } = await givenApi(t);
  await api.get('/api/status', status);
  for (const yaml of [
    withAdmin(`{ address: 127.0.0.1:0, token: ${TOKEN} }`, GUARDED),
    withAdmin(`{ address: 0.0.0.0:0, token: ${TOKEN} }`),
    withAdmin(`{ address: 127.0.0.1:0, token: ${TOKEN} }`),
  ]) {
    const { api: closed } = await givenApi(t, yaml);
    for (const path of [...GETS, '/api', '/api/nothing']) {
      const refused = await closed.refused(path, 401, 'unauthenticated');
      t.is(refused.header('www-authenticate'), 'Bearer realm="outrider-admin"');
      await closed.refused(path, 401, 'unauthenticated', { headers: ['Authorization', `Bearer ${TOKEN}x`] });
    }
    for (const path of POSTS) await closed.refused(path, 401, 'unauthenticated', { method: 'POST' });
    t.is((await closed.call('/api/status', { headers: ['Authorization', `Bearer ${TOKEN}`] })).status, 200);
    for (const path of ['/livez', '/readyz', '/metrics']) t.is((await closed.call(path)).status, 200, path);
  }
});

test('where a token is wanted and none is set, nobody has it', async (t) => {
  for (const yaml of [withAdmin('{ address: 127.0.0.1:0 }', GUARDED), withAdmin('{ address: 0.0.0.0:0 }')]) {
    const { api } = await givenApi(t, yaml);
    await api.refused('/api/status', 401, 'unauthenticated');
    for (const token of ['', 'an-access-token-of-the-test'])
      await api.refused('/api/status', 401, 'unauthenticated', { headers: ['Authorization', `Bearer ${token}`] });
  }
});

test('no page of another origin reads or does anything, ours does', async (t) => {
  const { outrider, api } = await givenApi(t);
  const own = outrider.adminOrigin ?? '';
  const strangers = [
    ['Origin', 'https://evil.test'],
    ['Origin', 'null'],
    // Another listener on this machine.
    ['Origin', outrider.origin],
    ['Sec-Fetch-Site', 'cross-site'],
    ['Sec-Fetch-Site', 'same-site'],
    ['Sec-Fetch-Site', 'Cross-Site'],
    ['Sec-Fetch-Site', 'same-origin', 'Sec-Fetch-Site', 'same-origin'],
    ['Origin', own, 'Sec-Fetch-Site', 'cross-site'],
  ];
  for (const headers of strangers) {
    for (const path of GETS) await api.refused(path, 403, 'origin_denied', { headers });
    for (const path of POSTS) await api.refused(path, 403, 'origin_denied', { method: 'POST', headers });
    await api.refused('/api/reload', 403, 'origin_denied', { method: 'OPTIONS', headers });
  }
  const ours = ['Origin', own, 'Sec-Fetch-Site', 'same-origin'];
  t.is((await api.call('/api/simulator/revoke', { method: 'POST', headers: ours })).status, 200);
  // Rebound to us, its origin and its Host are the same.
  const rebound = 'Host: evil.test\r\nOrigin: http://evil.test\r\nSec-Fetch-Site: same-origin\r\n\r\n';
  const { port } = new URL(own);
  for (const line of [...GETS.map((path) => `GET ${path}`), ...POSTS.map((path) => `POST ${path}`)])
    assertProblem(t, await ask(t, Number(port), `${line} HTTP/1.1\r\n${rebound}`), {
      status: 403,
      code: 'host_denied',
    });
});

test('what a form of a browser can send is refused', async (t) => {
  const { api } = await givenApi(t);
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'])
    for (const path of POSTS)
      await api.refused(path, 400, 'bad_request', { method: 'POST', headers: ['Content-Type', type], body: '{}' });
});

test('other methods, broken bodies and large ones are refused', async (t) => {
  const { api } = await givenApi(t);
  for (const path of GETS)
    t.is((await api.refused(path, 405, 'method_not_allowed', { method: 'POST' })).header('allow'), 'GET, HEAD');
  for (const path of POSTS) t.is((await api.refused(path, 405, 'method_not_allowed')).header('allow'), 'POST');
  const json = ['Content-Type', 'application/json'];
  await api.refused('/api/explain', 400, 'bad_request', { headers: json, body: '{' });
  await api.refused('/api/explain', 400, 'bad_request', { method: 'POST', headers: json });
  await api.refused('/api/explain', 413, 'body_too_large', { headers: json, body: 'a'.repeat(3 * 1024 * 1024) });
});

test('no answer can be kept, framed, or loads anything', async (t) => {
  const { api } = await givenApi(t);
  for (const path of ['/livez', '/api/status', '/api/nothing', '/', '/api/reload']) {
    const answer = await api.call(path);
    t.is(answer.header('cache-control'), 'no-store');
    t.regex(answer.header('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
    t.is(answer.header('x-frame-options'), 'DENY');
    t.is(answer.header('x-content-type-options'), 'nosniff');
    t.deepEqual(
      answer.headers.filter((name) => /^access-control/i.test(name)),
      [],
    );
  }
});
