import { createHash, createHmac } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { configFile, run } from '../commands/run.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Arrival } from '../helpers/upstream.ts';
import * as odd from './odd.ts';
import { blockOf, commandsOf } from './page.ts';

const SECRETS = {
  ACME_APP_KEY: 'the-key-of-the-app',
  PARTNER_SECRET: 'the-secret-of-the-partner',
  VAULT_SECRET: 'the-secret-of-the-vault',
};

/** Times are of the moment at which the command ran. */
const steady = (line: string): string =>
  line.replaceAll(/\b\d{10}\b/g, 'SECONDS').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'DATE');

/** Whether the page's lines are the command's, `…` standing for any number of them. Yields the first that is not. */
function missing(shown: readonly string[], printed: readonly string[]): string | undefined {
  let at = 0;
  let isLoose = false;
  for (const line of shown) {
    if (line === '…') {
      isLoose = true;
      continue;
    }
    const found = printed.findIndex((other, i) => i >= at && steady(other) === steady(line));
    if (found < 0 || (!isLoose && found !== at)) return line;
    at = found + 1;
    isLoose = false;
  }
  return undefined;
}

for (const name of ['acme', 'webhook', 'canonical']) {
  test.serial(`${name}: the commands on the page print what it shows`, async (t) => {
    const { dir } = configFile(t, blockOf('example', name).text);
    const commands = commandsOf(name);
    t.true(commands.length > 0);
    for (const { args, lines } of commands) {
      const { code, stdout, stderr } = await run(t, args, { cwd: dir, env: SECRETS });
      t.is(code, 0, stderr);
      t.is(missing(lines, stdout.trimEnd().split('\n')), undefined, stdout);
      t.true(lines.length > 0);
    }
  });
}

/** The page's file with its hosts replaced by our own. */
const local = (name: string, hosts: Readonly<Record<string, string>>): string =>
  Object.entries(hosts).reduce((text, [from, to]) => text.replaceAll(from, to), blockOf('example', name).text);

test('acme: one token for many requests, renewed before it ends, and after TOKEN_EXPIRED at once', async (t) => {
  const clock = fakeClock();
  const tokens = await startTokenEndpoint(t, ({ n }) => ({
    body: { data: { token: `acme-${n}`, validUntil: clock.now() + 600_000 } },
    headers: { date: new Date(clock.now()).toUTCString() },
  }));
  let valid = 'acme-1';
  const upstream = await startUpstream(t, async (arrival) => {
    const isValid = arrival.header('x-acme-token') === valid && arrival.header('x-acme-app') === 'shop-1';
    if (isValid) return arrival.reply(200, { body: (await arrival.body()).bytes });
    return arrival.reply(403, { body: '{"error":{"code":"TOKEN_EXPIRED"}}' });
  });
  const yaml = local('acme', {
    'https://auth.test.acme.example/v2/token': tokens.url,
    'https://api.test.acme.example': upstream.origin,
  });
  const outrider = await startOutrider(t, yaml.replace('version: 1\n', ''), { clock, env: SECRETS });
  const pay = async (): Promise<number> => {
    const { status, text } = await outrider.call('/acme/payments', { body: '{"amount":100}' });
    if (status === 200) t.is(text, '{"amount":100}');
    return status;
  };
  t.is(await pay(), 200);
  t.is(await pay(), 200);
  t.deepEqual(
    tokens.calls.map(({ method, body, headers }) => [method, headers['content-type'], JSON.parse(body)]),
    [['POST', 'application/json', { appId: 'shop-1', appKey: SECRETS.ACME_APP_KEY }]],
  );
  t.is(upstream.requests[0]?.target, '/v2/payments');

  await clock.advance(10_000);
  valid = 'acme-2';
  t.is(await pay(), 200, 'rejected by its body, and replayed');
  t.is(tokens.calls.length, 2);
  valid = 'acme-3';
  await clock.advance(599_000);
  await tokens.call(3);
  t.is(await pay(), 200, 'renewed before it ended');

  upstream.handler = (arrival) => arrival.reply(403, { body: '{"error":{"code":"FORBIDDEN"}}' });
  t.is(await pay(), 403);
  upstream.handler = (arrival) => arrival.reply(401);
  t.is(await pay(), 401);
  t.is(tokens.calls.length, 3, 'neither is a rejection of the token');
});

const requestOf = async (arrival: Arrival): Promise<{ body: Buffer; header: (name: string) => string }> => ({
  body: (await arrival.body()).bytes,
  header: (name) => arrival.header(name) ?? '',
});

test('webhook-hmac: the partner verifies any body, and nothing goes out unsigned', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t, async (arrival) => {
    const { body, header } = await requestOf(arrival);
    const [, at = '', signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header('x-signature')) ?? [];
    const expected = createHmac('sha256', SECRETS.PARTNER_SECRET).update(`${at}.`).update(body).digest('hex');
    const isFresh = Math.abs(Number(at) * 1000 - clock.now()) < 300_000;
    return arrival.reply(isFresh && signature === expected ? 204 : 400);
  });
  const yaml = local('webhook', { 'https://hooks.partner.example': upstream.origin });
  const outrider = await startOutrider(t, yaml.replace('version: 1\n', ''), { clock, env: SECRETS });
  await fc.assert(
    fc.asyncProperty(
      odd.path,
      fc.oneof(
        odd.json.map((text) => Buffer.from(text)),
        fc.uint8Array(),
      ),
      async (path, body) => {
        await clock.advance(60_000);
        const answer = await outrider.call(`/partner${path}`, { method: 'POST', body });
        if (answer.status !== 204) throw new Error(answer.text);
        const arrived = await upstream.requests.at(-1)?.body();
        if (!arrived?.bytes.equals(body)) throw new Error('the body is another');
      },
    ),
    { numRuns: 50, includeErrorInReport: true },
  );
  const sent = upstream.requests.length;
  for (const method of ['GET', 'PUT', 'DELETE']) t.is((await outrider.call('/partner/x', { method })).status, 405);
  t.is(upstream.requests.length, sent);
});

test('canonical: the vault verifies method, path, query, date and body hash of any request', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t, async (arrival) => {
    const { body, header } = await requestOf(arrival);
    const bodyHash = createHash('sha256').update(body).digest('hex');
    if (header('x-content-sha256') !== bodyHash) return arrival.reply(400, { body: 'the body hash is wrong' });
    if (header('x-date') !== new Date(clock.now()).toISOString()) return arrival.reply(400, { body: 'the date is' });
    const [path = '', ...query] = arrival.target.slice('/v1'.length).split('?');
    const signed = [arrival.method, path, query.join('?'), header('x-date'), bodyHash].join('\n');
    const signature = createHmac('sha256', SECRETS.VAULT_SECRET).update(signed).digest('hex');
    const expected = `EX1-HMAC-SHA256 Credential=AK1, SignedHeaders=x-date;x-content-sha256, Signature=${signature}`;
    return arrival.reply(header('authorization') === expected ? 204 : 403);
  });
  const yaml = local('canonical', { 'https://vault.example': upstream.origin });
  const outrider = await startOutrider(t, yaml.replace('version: 1\n', ''), { clock, env: SECRETS });
  const requests = fc.tuple(fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'), odd.path, odd.query, fc.uint8Array());
  await fc.assert(
    fc.asyncProperty(requests, async ([method, path, query, body]) => {
      await clock.advance(60_000);
      const answer = await outrider.call(`/vault${path}${query}`, { method, body, headers: ['X-Date', 'stale'] });
      if (answer.status !== 204) throw new Error(answer.text || String(answer.status));
      if (upstream.requests.at(-1)?.target !== `/v1${path}${query}`) throw new Error('the target is another');
    }),
    { numRuns: 80, includeErrorInReport: true },
  );
  t.pass();
});
