import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { temporaryDirectory } from '../helpers/directory.ts';
import { httpCall } from '../helpers/outrider.ts';
import { as, caller, givenCallers } from './given.ts';

const ADMIN_TOKEN = 'admin-token-of-the-callers';
const ADMIN = { extra: `admin: { address: 127.0.0.1:0, token: ${ADMIN_TOKEN} }` };
const KNOWN = ['Authorization', `Bearer ${ADMIN_TOKEN}`];

test("the caller's name is in the log, the API and the metrics, and no other text of a caller is", async (t) => {
  const { outrider } = await givenCallers(t, [caller('shop', 'routes: [a]'), caller('batch')], ADMIN);
  const admin = outrider.adminOrigin ?? '';
  await outrider.call('/a/x', { headers: as('shop') });
  await outrider.call('/b/x', { headers: as('shop') });
  await outrider.call('/b/x', { headers: as('batch') });
  await outrider.call('/b/x', { headers: ['X-Outrider-Token', 'a-token-of-nobody'] });
  const lines = await outrider.logged(4);
  t.deepEqual(
    lines.map(({ caller: name, status }) => [name, status]),
    [
      ['shop', 200],
      ['shop', 403],
      ['batch', 200],
      [null, 401],
    ],
  );
  const requests = async (query: string): Promise<readonly { readonly caller: string | null }[]> =>
    (JSON.parse((await httpCall(admin, `/api/requests${query}`, { headers: KNOWN })).text) as { requests: never[] })
      .requests;
  t.deepEqual(
    (await requests('')).map(({ caller: name }) => name),
    [null, 'batch', 'shop', 'shop'],
  );
  t.is((await requests('?caller=shop')).length, 2);
  t.is((await requests('?caller=nobody')).length, 0);
  t.is((await requests('?caller=shop&status=403')).length, 1);
  const metrics = (await httpCall(admin, '/metrics')).text;
  const counted = [...metrics.matchAll(/^http_server_request_duration_seconds_count\{(.*)\} (\d+)$/gm)].map(
    ([, labels = '']) => /caller="(\w+)"/.exec(labels)?.[1] ?? '',
  );
  t.deepEqual(counted.toSorted(), ['', 'batch', 'shop', 'shop']);
});

test('with callers the API wants its token, also once a reload has brought them', async (t) => {
  const { outrider, upstream } = await givenCallers(t, [caller('shop')], { extra: 'admin: { address: 127.0.0.1:0 }' });
  const status = async (): Promise<number> => (await httpCall(outrider.adminOrigin ?? '', '/api/status')).status;
  t.is(await status(), 401);
  const routes = `routes: [{ name: a, match: { path: /a }, upstream: "${upstream.origin}" }]\nadmin: { address: 127.0.0.1:0 }\n`;
  await outrider.reload(routes);
  t.is(await status(), 200);
  t.is((await outrider.call('/a')).status, 200, 'the callers are gone');
  await outrider.reload(`callers: [{ name: shop, token: another-token-of-shop, routes: "*" }]\n${routes}`);
  t.is(await status(), 401);
});

test('a token in a file is watched: the new one is taken and the old one is not', async (t) => {
  const clock = fakeClock();
  const file = path.join(temporaryDirectory(t), 'token');
  fs.writeFileSync(file, 'the-first-token-of-shop');
  const { outrider } = await givenCallers(t, [`  - { name: shop, token: "\${file:${file}}", routes: "*" }`], { clock });
  const call = async (token: string): Promise<number> =>
    (await outrider.call('/a', { headers: ['X-Outrider-Token', token] })).status;
  t.is(await call('the-first-token-of-shop'), 200);
  fs.writeFileSync(file, 'the-second-token-of-shop');
  await clock.advance(5_000);
  t.is(await call('the-second-token-of-shop'), 200);
  t.is(await call('the-first-token-of-shop'), 401);
  fs.writeFileSync(file, '');
  await clock.advance(5_000);
  t.is(await call('the-second-token-of-shop'), 200, 'an empty file changes nothing');
});

test('a token that is taken away is worth nothing in a tunnel that it opened', async (t) => {
  const { givenIntercepted, get } = await import('../tunnel/intercepted.ts');
  const { exchange, openTunnel } = await import('../tunnel/client.ts');
  const { outrider, authority, upstream } = await givenIntercepted(t, {
    extra: 'callers: [{ name: shop, token: token-of-the-tunnel, routes: "*" }]',
  });
  const tunnel = await openTunnel(t, outrider.port, authority, 'X-Outrider-Token: token-of-the-tunnel\r\n');
  t.is((await exchange(tunnel.socket, get(authority))).status, 200);
  await outrider.reload(
    `callers: [{ name: shop, token: a-new-token-of-shop, routes: "*" }]\nforward: { mode: plain }\nroutes: [{ name: api, match: { path: /api }, upstream: "http://localhost:${upstream.port}/v1" }]`,
  );
  t.is((await exchange(tunnel.socket, get(authority))).status, 401);
});
