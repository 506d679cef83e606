import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { temporaryDirectory } from '../helpers/directory.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream, type Arrival } from '../helpers/upstream.ts';

const PAIR = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const KEY = PAIR.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;

/** A profile whose requests carry a JWT with an id of its own. */
const yamlOf = (upstream: string, more = '', key = JSON.stringify(KEY)): string => `profiles:
  own:
    credentials: { private_key: { secret: true, format: pem }, kid: {} }
    jwt:
      proof:
        algorithm: ES256
        key: "{{credentials.private_key}}"
        header: { kid: "{{credentials.kid}}" }
        claims: { jti: "{{uuid}}", iat: { number: "{{now.s}}" }, exp: { number: "{{now.s + 10m}}" } }
        ${more}
    inject: { headers: { authorization: "Bearer {{jwt.proof}}", x-again: "{{jwt.proof}}" } }
providers:
  p: { profile: own, credentials: { private_key: ${key}, kid: k1 } }
routes: [{ match: { path: /p }, provider: p, upstream: "${upstream}" }]
`;

const jwtOf = (arrival: Arrival): string => (arrival.header('authorization') ?? '').replace('Bearer ', '');
const idOf = (arrival: Arrival): unknown => decodeJwt(jwtOf(arrival)).jti;

test('without `reuse` each attempt has a new JWT, the same throughout, and its rejection is passed on', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, yamlOf(upstream.origin), { clock });
  for (let i = 0; i < 3; i++) t.is((await outrider.call('/p/x')).status, 200);
  t.is(new Set(upstream.requests.map(idOf)).size, 3);
  for (const arrival of upstream.requests) {
    const jwt = jwtOf(arrival);
    t.is(arrival.header('x-again'), jwt);
    await jwtVerify(jwt, PAIR.publicKey, { algorithms: ['ES256'], typ: 'JWT', currentDate: new Date(clock.now()) });
    t.is(decodeProtectedHeader(jwt).kid, 'k1');
  }
  upstream.handler = (arrival) => arrival.reply(401);
  t.is((await outrider.call('/p/x')).status, 401);
  t.is(upstream.requests.length, 4, 'a new one would be no better');
});

test('a reused JWT serves for its time, never to the end of its life', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, yamlOf(upstream.origin, 'reuse: 5m'), { clock });
  const ids = async (count: number): Promise<void> => {
    t.is((await outrider.call('/p/x')).status, 200);
    t.is(new Set(upstream.requests.map(idOf)).size, count);
  };
  await ids(1);
  await clock.advance(299_000);
  await ids(1);
  await clock.advance(1_000);
  await ids(2);
  await outrider.reload(yamlOf(upstream.origin, 'reuse: 1h'));
  await ids(3);
  await clock.advance(539_000);
  await ids(3);
  await clock.advance(1_000);
  await ids(4);
});

test('a rejected JWT that was reused is made anew once for all, and each request is sent again once', async (t) => {
  const clock = fakeClock();
  let bad: unknown;
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    if (idOf(arrival) !== bad) return arrival.reply(200);
    await upstream.request(21);
    return arrival.reply(401);
  });
  const outrider = await startOutrider(t, yamlOf(upstream.origin, 'reuse: 5m'), { clock });
  t.is((await outrider.call('/p/x')).status, 200);
  await clock.advance(10_000);
  bad = idOf(upstream.requests[0] as Arrival);
  const answers = await Promise.all(Array.from({ length: 20 }, () => outrider.call('/p/x', { body: 'pay' })));
  t.true(answers.every(({ status }) => status === 200));
  t.is(new Set(upstream.requests.map(idOf)).size, 2);
  t.is(upstream.requests.length, 41);

  upstream.handler = (arrival) => arrival.reply(401);
  const count = upstream.requests.length;
  t.is((await outrider.call('/p/x')).status, 401);
  t.is(upstream.requests.length, count + 1, 'younger than the cooldown: its age is not the cause');
  await clock.advance(5_000);
  t.is((await outrider.call('/p/x')).status, 401);
  t.is(upstream.requests.length, count + 3, 'never a third attempt');
  const line = (await outrider.logged(23)).at(-1);
  t.like(line, { status: 401, attempts: 2 });
});

test('a replay computes everything anew: the JWT, the time, and a signature over both', async (t) => {
  const clock = fakeClock();
  const tokens = await startTokenEndpoint(t);
  let rejections = 1;
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    return arrival.reply(rejections-- > 0 ? 401 : 200);
  });
  const yaml = `profiles:
  own:
    credentials: { private_key: { secret: true, format: pem } }
    jwt:
      proof: { algorithm: ES256, key: "{{credentials.private_key}}", claims: { jti: "{{uuid}}", ath: "{{token.access_token | sha256 | base64url}}" } }
    token: { fetch: { url: "{{endpoints.token}}" } }
    inject: { headers: { authorization: "{{token.token_type}} {{token.access_token}}", x-at: "{{now.ms}}", x-proof: "{{jwt.proof}}" } }
    sign:
      - text: "{{request.headers.x-at}}.{{request.headers.x-proof}}.{{request.body}}"
        algorithm: ecdsa-p256-sha256
        key: "{{credentials.private_key}}"
        encode: base64url
        set: { header: x-signature }
providers:
  p: { profile: own, renew: { cooldown: 0s }, credentials: { private_key: ${JSON.stringify(KEY)} }, endpoints: { token: "${tokens.url}" } }
routes: [{ match: { path: /p }, provider: p, upstream: "${upstream.origin}" }]
`;
  const outrider = await startOutrider(t, yaml, { clock });
  t.is((await outrider.call('/p/x', { body: 'pay' })).status, 200);
  const [first, second] = upstream.requests as [Arrival, Arrival];
  for (const name of ['authorization', 'x-proof', 'x-signature']) t.not(first.header(name), second.header(name), name);
  t.not(decodeJwt(first.header('x-proof') ?? '').jti, decodeJwt(second.header('x-proof') ?? '').jti);
  for (const arrival of [first, second]) {
    const signed = `${arrival.header('x-at')}.${arrival.header('x-proof')}.pay`;
    const key = {
      key: createPublicKey(PAIR.publicKey.export({ format: 'pem', type: 'spki' })),
      dsaEncoding: 'ieee-p1363',
    } as const;
    const signature = Buffer.from(arrival.header('x-signature') ?? '', 'base64url');
    t.true(verify('sha256', Buffer.from(signed), key, signature));
  }
});

test('a key and its id that change together are swapped together, and a broken key leaves the old pair in use', async (t) => {
  const clock = fakeClock();
  const dir = temporaryDirectory(t);
  const write = (name: string, text: string): void => fs.writeFileSync(path.join(dir, name), text);
  const next = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = { k1: PAIR.publicKey, k2: next.publicKey };
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    const jwt = jwtOf(arrival);
    const key = keys[decodeProtectedHeader(jwt).kid as 'k1' | 'k2'];
    try {
      await jwtVerify(jwt, key, { currentDate: new Date(clock.now()) });
      return await arrival.reply(200);
    } catch {
      return arrival.reply(403);
    }
  });
  write('key.pem', KEY);
  write('kid', 'k1\n');
  const fromFile = (name: string): string => `"\${file:${path.join(dir, name)}}"`;
  const yaml = yamlOf(upstream.origin, 'reuse: 5m', fromFile('key.pem')).replace('kid: k1', `kid: ${fromFile('kid')}`);
  const outrider = await startOutrider(t, yaml, { clock });
  const kid = async (): Promise<unknown> => {
    t.is((await outrider.call('/p/x')).status, 200);
    return decodeProtectedHeader(jwtOf(upstream.requests.at(-1) as Arrival)).kid;
  };
  t.is(await kid(), 'k1');
  write('key.pem', next.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  await clock.advance(500);
  t.is(await kid(), 'k1');
  write('kid', 'k2\n');
  await clock.advance(2_000);
  t.is(await kid(), 'k2');
  write('key.pem', 'half of a k');
  await clock.advance(2_000);
  t.is(await kid(), 'k2');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  write('key.pem', rsa.export({ format: 'pem', type: 'pkcs8' }) as string);
  await clock.advance(2_000);
  t.is(await kid(), 'k2');
});
