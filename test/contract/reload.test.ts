import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { assertProblem } from '../helpers/problem.ts';
import { givenPlain, givenTokens, plainYaml, tokenYaml } from './given.ts';

test('reload: requests under way finish on the old config, later ones get the new one', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await held.opened;
      await arrival.reply(200, { body: 'old' });
    },
  });
  const other = await startUpstream(t, (arrival) => arrival.reply(200, { body: 'new' }));
  const call = outrider.call('/api/x', { body: 'abc' });
  await upstream.request(1);
  await outrider.reload(plainYaml(other.origin));
  t.is((await outrider.call('/api/x')).text, 'new');
  held.open();
  t.is((await call).text, 'old');
});

test('reload: a route that is gone is not found, a new one is', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await outrider.reload(`routes: [{ name: pay, match: { path: /pay }, upstream: "${upstream.origin}" }]`);
  assertProblem(t, await outrider.call('/api/x'), { status: 404, code: 'route_not_found' });
  t.is((await outrider.call('/pay/x')).status, 200);
});

test('reload: a connection keeps the number of headers that it was opened with, so that none is lost in silence', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { extra: 'limits: { headers: 5 }' });
  const get = (count: number): string =>
    `GET /api/x HTTP/1.1\r\nHost: localhost\r\n${Array.from({ length: count - 1 }, (_, i) => `X-${i}: b\r\n`).join('')}\r\n`;
  const before = await rawClient(t, outrider.port);
  await before.send(get(5));
  t.is((await before.answer()).status, 200);
  await outrider.reload(plainYaml(upstream.origin, '', 'limits: { headers: 9 }'));
  await before.send(get(7));
  assertProblem(t, await before.answer(), { status: 431, code: 'headers_too_large' });
  const after = await rawClient(t, outrider.port);
  await after.send(get(9));
  t.is((await after.answer()).status, 200);
  await after.send(get(10));
  assertProblem(t, await after.answer(), { status: 431, code: 'headers_too_large' });
  t.deepEqual(
    upstream.requests.map(({ headers }) => headers.filter((name) => name.startsWith('X-')).length),
    [4, 8],
  );
});

test('reload: tokens of providers that did not change stay', async (t) => {
  const { outrider, upstream, tokens } = await givenTokens(t);
  t.is((await outrider.call('/api/x')).status, 200);
  await outrider.reload(tokenYaml(upstream.origin, tokens.url, { extra: 'timeouts: { response: 30s }' }));
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(tokens.calls.length, 1);
});

const CHANGES: Readonly<Record<string, readonly [string, string]>> = {
  client_id: ['client_id: me,', 'client_id: somebody-else,'],
  'token endpoint': ['/oauth/token', '/other/token'],
};

for (const [what, [from, to]] of Object.entries(CHANGES)) {
  test(`reload: another ${what} means another token: the old one is never sent again`, async (t) => {
    const { outrider, upstream, tokens } = await givenTokens(t);
    t.is((await outrider.call('/api/x')).status, 200);
    await outrider.reload(tokenYaml(upstream.origin, tokens.url).replace(from, to));
    t.is((await outrider.call('/api/x')).status, 200);
    t.is(tokens.calls.length, 2);
    t.is(upstream.requests.at(-1)?.header('authorization'), 'Bearer token-2');
  });
}

test('reload: a renewal under way is shared across it', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  tokens.script = async ({ n }) => {
    await held.opened;
    return { body: { access_token: `token-${n}`, expires_in: 3600 } };
  };
  upstream.handler = async (arrival) => {
    await arrival.body();
    return arrival.reply(arrival.header('authorization') === 'Bearer token-2' ? 200 : 401);
  };
  const before = outrider.call('/api/before', { body: 'abc' });
  await tokens.call(2);
  await outrider.reload(tokenYaml(upstream.origin, tokens.url, { extra: 'timeouts: { response: 30s }' }));
  const after = outrider.call('/api/after', { body: 'abc' });
  await upstream.request(3);
  held.open();
  t.is((await before).status, 200);
  t.is((await after).status, 200);
  t.is(tokens.mostUnderWay, 1, 'rule 31');
});

for (const changed of [
  'listen: { address: 127.0.0.1:0, allowed_hosts: [proxy.internal] }',
  'admin: { address: 127.0.0.1:0 }',
  'state_dir: /nonexistent/outrider',
]) {
  test(`reload: a changed "${changed.split(':')[0]}" warns that it needs a restart, and the rest is swapped`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    await outrider.reload(plainYaml(`${upstream.origin}/new`, '', changed));
    t.is((await outrider.call('/api/x')).status, 200);
    t.is(upstream.requests[0]?.target, '/new/x');
    const warning = outrider
      .logText()
      .split('\n')
      .find((line) => line.includes('"warn"') && /restart/.test(line));
    t.truthy(warning, outrider.logText());
    t.regex(warning ?? '', new RegExp(changed.split(':')[0] ?? ''));
  });
}

test('reload: what goes into the log changes at once', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { extra: 'log: { format: json, access: true }' });
  await outrider.call('/api/one');
  await outrider.logged(1);
  await outrider.reload(plainYaml(upstream.origin, '', 'log: { format: json, access: false }'));
  await outrider.call('/api/two');
  await outrider.reload(plainYaml(upstream.origin, '', 'log: { format: pretty, access: true, level: info }'));
  await outrider.call('/api/three');
  await until('the last line', () => outrider.logText().includes('/api/three'));
  t.regex(outrider.logText(), /"path":"\/api\/one"/);
  t.notRegex(outrider.logText(), /\/api\/two/);
  t.regex(outrider.logText(), /GET \/api\/three 200/);
  t.notRegex(outrider.logText(), /restart/);
});
