import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { systemClock } from '../../src/core/clock.ts';
import { Secret } from '../../src/core/secret.ts';
import { MAX_SEEN, RETAINED_MS } from '../../src/store/store.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { fakeClock } from '../helpers/clock.ts';
import { until, within } from '../helpers/http1.ts';
import { redisTest, sharedRedis, startRedis } from '../helpers/redis.ts';
import { digest, lockOf, record, storeContract } from './contract.ts';
import { freshPath, KEY, OLD_KEY, open, redisConfig } from './shared-helpers.ts';

/** Tests may stop our clock while Redis's goes on: times differ by as much as passes on a busy machine. */
const SAME_MS = 20_000;

const redis = sharedRedis();
let prefixes = 0;
const freshPrefix = (): string => `test-${prefixes++}:`;

for (const [name, encryption] of [
  ['redis', undefined],
  ['encrypted redis', { key: KEY, oldKeys: [] }],
] as const) {
  storeContract(redisTest, name, async (t, clock) => {
    const config = redisConfig((await redis()).url, { encryption, prefix: freshPrefix() });
    const [ours, theirs] = await Promise.all([open(t, config, clock), open(t, config, clock)]);
    return { ours: ours.store, theirs: theirs.store, slackMs: SAME_MS };
  });
}

async function opened(t: ExecutionContext, parts: Parameters<typeof redisConfig>[1] = {}) {
  const prefix = freshPrefix();
  const { url, command } = await redis();
  const config = redisConfig(url, { prefix, ...parts });
  return { ...(await open(t, config, systemClock)), config, prefix, command };
}

redisTest('a record leaves Redis an hour after it has expired, and keys begin with the prefix', async (t) => {
  const { store, prefix, command } = await opened(t);
  await store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1, 30_000));
  lockOf(t, await store.lock('pincode'));
  const ttl = Number(await command('PTTL', `${prefix}token:pincode`));
  t.true(ttl > RETAINED_MS && ttl <= RETAINED_MS + 30_000, String(ttl));
  const keys = (await command('KEYS', `${prefix}*`)) as string[];
  t.deepEqual(
    keys.filter((key) => !key.endsWith('probe')).toSorted((a, b) => (a < b ? -1 : 1)),
    [`${prefix}lock:pincode`, `${prefix}token:pincode`],
  );
});

redisTest('without a key the record can be read in Redis, with one it can not', async (t) => {
  const plain = await opened(t);
  await plain.store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1));
  t.true(String(await plain.command('HGET', `${plain.prefix}token:pincode`, 'd')).includes('token-1'));
  const sealed = await opened(t, { encryption: { key: KEY, oldKeys: [] } });
  await sealed.store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1));
  t.notRegex(JSON.stringify(await sealed.command('HGETALL', `${sealed.prefix}token:pincode`)), /token-1|refresh-1/);
});

redisTest('what does not decrypt, or was moved, is not used and is told, and its generation goes on', async (t) => {
  const before = await opened(t, { encryption: { key: OLD_KEY, oldKeys: [] } });
  await before.store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 5));
  const { prefix, command } = before;
  const { store, notices } = await opened(t, { prefix, encryption: { key: KEY, oldKeys: [] } });
  t.like(await store.get('pincode'), { generation: 5, accessToken: '', expiresAtMs: 0 });
  t.like(await store.lock('pincode'), { state: 'got', record: { generation: 5, expiresAtMs: 0 } });
  t.regex(notices[0]?.message ?? '', /counts as absent: it is encrypted with a key that is not known/);
  t.true(await store.compareAndSet('pincode', 5, record(fakeClock(Date.now()), 6)));
  const both = await opened(t, { prefix, encryption: { key: OLD_KEY, oldKeys: [KEY] } });
  t.is((await both.store.get('pincode'))?.accessToken, 'token-6');
  await command('HSET', `${prefix}token:pincode`, 'g', '9');
  t.like(await both.store.get('pincode'), { generation: 9, accessToken: '' });
  await command('COPY', `${prefix}token:pincode`, `${prefix}token:phonepe`);
  t.like(await both.store.get('phonepe'), { generation: 9, accessToken: '' });
});

redisTest('clocks that are ten minutes apart read the same expiry', async (t) => {
  const now = Date.now();
  const config = redisConfig((await redis()).url, { prefix: freshPrefix() });
  const [early, late] = [fakeClock(now - 600_000), fakeClock(now + 600_000)];
  const { store: ours } = await open(t, config, early);
  const { store: theirs } = await open(t, config, late);
  await ours.compareAndSet('pincode', 0, record(early, 1, 60_000));
  const found = await theirs.get('pincode');
  const leftMs = (found?.expiresAtMs ?? 0) - late.now();
  t.true(Math.abs(leftMs - 60_000) < SAME_MS, `${leftMs} ms left`);
  t.true(Math.abs((found?.issuedAtMs ?? 0) - late.now()) < SAME_MS);
});

redisTest('a clock that is set while it runs changes no expiry', async (t) => {
  let jumpMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + jumpMs };
  const config = redisConfig((await redis()).url, { prefix: freshPrefix() });
  const { store: ours } = await open(t, config, clock);
  const { store: theirs } = await open(t, config, systemClock);
  jumpMs = 3_600_000;
  const issuedAtMs = clock.now();
  await ours.compareAndSet('pincode', 0, {
    ...record(fakeClock(Date.now()), 1),
    issuedAtMs,
    expiresAtMs: issuedAtMs + 60_000,
  });
  const found = await theirs.get('pincode');
  t.true(Math.abs((found?.expiresAtMs ?? 0) - Date.now() - 60_000) < SAME_MS);
  jumpMs = -3_600_000;
  t.true(Math.abs(((await ours.get('pincode'))?.expiresAtMs ?? 0) - clock.now() - 60_000) < SAME_MS);
});

redisTest('a machine that has slept reads the right expiry', async (t) => {
  let sleptMs = 0;
  const clock = { ...systemClock, monotonic: () => performance.now() - sleptMs };
  const config = redisConfig((await redis()).url, { prefix: freshPrefix() });
  const { store: ours } = await open(t, config, clock);
  const { store: theirs } = await open(t, config, systemClock);
  sleptMs = 3_600_000;
  await theirs.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1, 60_000));
  t.true(Math.abs(((await ours.get('pincode'))?.expiresAtMs ?? 0) - Date.now() - 60_000) < SAME_MS);
  await ours.compareAndSet('pincode', 1, record(fakeClock(Date.now()), 2, 60_000));
  t.true(Math.abs(((await theirs.get('pincode'))?.expiresAtMs ?? 0) - Date.now() - 60_000) < SAME_MS);
});

redisTest('a lock is extended while its owner lives, and free a lease after it does not', async (t) => {
  const { store: owner, config } = await opened(t, { leaseMs: 1_500 });
  const { store: other } = await open(t, config, systemClock);
  const lock = lockOf(t, await owner.lock('pincode'));
  const end = Date.now() + 2_000;
  while (Date.now() < end) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await other.lock('pincode')).state, 'taken');
  }
  t.true(lock.isHeld);
  await lock.release();
  const { command } = await redis();
  await command('SET', `${config.kind === 'redis' ? config.prefix : ''}lock:pincode`, 'a dead one', 'PX', '300');
  const began = Date.now();
  let state = '';
  while (state !== 'got') {
    // oxlint-disable-next-line no-await-in-loop
    ({ state } = await other.lock('pincode'));
  }
  t.true(Date.now() - began < 1_000);
});

redisTest('a lock that somebody else has taken over is known as lost, and stays theirs', async (t) => {
  const { store, prefix, command } = await opened(t, { leaseMs: 300 });
  const lock = lockOf(t, await store.lock('pincode'));
  await command('SET', `${prefix}lock:pincode`, 'somebody else', 'PX', '60000');
  await until('it is known', () => !lock.isHeld);
  await lock.release();
  t.is(await command('GET', `${prefix}lock:pincode`), 'somebody else');
});

redisTest('a closed store gives back its locks', async (t) => {
  const { store, prefix, command } = await opened(t);
  lockOf(t, await store.lock('pincode'));
  await store.close();
  t.is(await command('EXISTS', `${prefix}lock:pincode`), 0);
});

redisTest('user, password and database come from the URL or beside it, whatever characters they have', async (t) => {
  const { port, command } = await redis();
  const password = 'p:a/s@s%20wörd#?';
  await command('ACL', 'SETUSER', 'out@rider', 'on', `>${password}`, '~mine:*', '&mine:*', '+@all', '-@dangerous');
  const inUrl = `redis://${encodeURIComponent('out@rider')}:${encodeURIComponent(password)}@127.0.0.1:${port}/3`;
  const beside = { username: 'out@rider', password: new Secret(password) };
  for (const config of [
    redisConfig(inUrl, { prefix: 'mine:' }),
    redisConfig(`redis://127.0.0.1:${port}/3`, { prefix: 'mine:', ...beside }),
    redisConfig(`redis://nobody:wrong@127.0.0.1:${port}/3`, { prefix: 'mine:', ...beside }),
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    const { store, notices } = await open(t, config, systemClock);
    t.deepEqual(notices, []);
    // oxlint-disable-next-line no-await-in-loop
    await store.delete('pincode');
    // oxlint-disable-next-line no-await-in-loop
    t.true(await store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1)));
    // oxlint-disable-next-line no-await-in-loop
    t.false(await store.redeem('pincode', 1), 'who may not ask which run it is can not be sure of anything');
  }
  const wrong = await open(t, redisConfig(`redis://default:${'s3cret'}@127.0.0.1:1/0`), systemClock);
  t.is(wrong.notices.length, 1);
  const refused = await open(t, redisConfig(`redis://nobody:s3cret@127.0.0.1:${port}/0`), systemClock);
  t.like(refused.notices, [{ level: 'warn', fields: { store: 'redis', cause: 'WRONGPASS' } }]);
  t.false(JSON.stringify([refused.notices, wrong.notices]).includes('s3cret'));
});

redisTest(
  'over TLS, whose certificate must be trusted',
  async (t) => {
    const directory = freshPath(t);
    fs.mkdirSync(directory, { recursive: true });
    const [cert, key] = [path.join(directory, 'cert.pem'), path.join(directory, 'key.pem')];
    fs.writeFileSync(cert, CERTIFICATE);
    fs.writeFileSync(key, CERTIFICATE_KEY);
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await startRedis(t, ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files]);
    const config = redisConfig(`rediss://localhost:${port}/0`);
    const untrusted = await open(t, config, systemClock);
    t.is((await untrusted.store.lock('pincode')).state, 'down');
    t.regex(String(untrusted.notices[0]?.fields?.['cause']), /SELF_SIGNED|UNABLE_TO_VERIFY/);
    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, CERTIFICATE]);
    t.teardown(() => tls.setDefaultCACertificates(before));
    const { store, notices } = await open(t, config, systemClock);
    t.deepEqual(notices, []);
    t.true(await store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1)));
  },
  { serial: true },
);

redisTest('a start without Redis works, and it is taken up when it comes', async (t) => {
  const server = await startRedis(t);
  await server.kill();
  const { store, notices, health } = await within(10_000, 'a start', open(t, redisConfig(server.url), systemClock));
  t.like(notices, [{ level: 'warn', fields: { store: 'redis', cause: 'ECONNREFUSED' } }]);
  t.deepEqual(health, [{ kind: 'redis', isUp: false }]);
  t.deepEqual(await store.lock('pincode'), { state: 'down' });
  await t.throwsAsync(async () => store.get('pincode'));
  const news: string[] = [];
  store.watch('pincode', (what) => news.push(what));
  await server.start();
  await until('it is there', () => news.includes('returned'));
  t.true(await store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1)));
  t.deepEqual(
    health.map(({ isUp }) => isUp),
    [false, true],
  );
  t.deepEqual(
    notices.map(({ level }) => level),
    ['warn', 'info'],
  );
});

redisTest('a server that takes connections and says nothing is no reason to wait', async (t) => {
  const sockets = new Set<net.Socket>();
  const mute = net.createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
  const { port } = mute.address() as AddressInfo;
  const { store, notices } = await within(
    10_000,
    'a start',
    open(t, redisConfig(`redis://127.0.0.1:${port}`), systemClock),
  );
  t.is(notices[0]?.fields?.['cause'], 'ETIMEDOUT');
  t.deepEqual(await store.lock('pincode'), { state: 'down' });
});

redisTest(
  'a Redis that hangs costs 250 ms once, then nothing; when it goes on no lock is left behind',
  async (t) => {
    const server = await startRedis(t);
    const { store, notices } = await open(t, redisConfig(server.url), systemClock, {});
    await store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1));
    server.pause();
    const began = performance.now();
    const answers = await Promise.all([store.lock('pincode'), store.lock('phonepe')]);
    const tookMs = performance.now() - began;
    t.deepEqual(answers, [{ state: 'down' }, { state: 'down' }]);
    t.true(tookMs >= 235 && tookMs < 500, `${tookMs} ms`);
    const again = performance.now();
    await t.throwsAsync(async () => store.get('pincode'));
    t.true(performance.now() - again < 50);
    t.like(notices, [{ level: 'warn', fields: { cause: 'ETIMEDOUT' } }]);
    server.resume();
    await until('it is back', () => notices.at(-1)?.level === 'info');
    t.is((await store.get('pincode'))?.generation, 1);
    const end = Date.now() + 3_000;
    let left = -1;
    while (left !== 0 && Date.now() < end) {
      // oxlint-disable-next-line no-await-in-loop
      left = Number(await server.command('EXISTS', 'outrider:lock:pincode', 'outrider:lock:phonepe'));
    }
    t.is(left, 0, 'what was asked for before, and given since, is given back');
    t.is((await store.lock('pincode')).state, 'got');
  },
  // By itself, so that what takes time is Redis.
  { serial: true },
);

redisTest('a Redis that was restarted hands out no refresh token that it was given before', async (t) => {
  const server = await startRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always']);
  const { store, notices } = await open(t, redisConfig(server.url), systemClock);
  await store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1));
  await server.kill();
  await until('it is missed', () => notices.length === 1);
  await server.start();
  await until('it is back', () => notices.length === 2);
  t.is((await store.get('pincode'))?.generation, 1, 'it has forgotten nothing');
  t.false(await store.redeem('pincode', 1), 'but how should one know');
  await store.compareAndSet('pincode', 1, record(fakeClock(Date.now()), 2));
  t.true(await store.redeem('pincode', 2));
});

redisTest('a Redis that can not be written to is no store', async (t) => {
  const server = await startRedis(t);
  const { store, notices } = await open(t, redisConfig(server.url), systemClock);
  await server.command('REPLICAOF', '127.0.0.1', '1');
  await t.throwsAsync(async () => store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1)));
  t.like(notices, [{ level: 'warn', fields: { store: 'redis', cause: 'READONLY' } }]);
  await server.command('REPLICAOF', 'NO', 'ONE');
  await until('it is back', () => notices.length === 2);
  t.true(await store.compareAndSet('pincode', 0, record(fakeClock(Date.now()), 1)));
});

redisTest(
  'a callback is forgotten when its window is over, and beyond the limit the one that was marked first',
  async (t) => {
    const server = await startRedis(t);
    const { store } = await open(t, redisConfig(server.url), systemClock);
    await store.markSeen('payu', digest('short'), 1);
    // oxlint-disable-next-line no-await-in-loop
    for (let asked = 0; asked < 1_000 && (await store.timesSeen('payu', digest('short'))) > 0; asked++);
    t.is(await store.timesSeen('payu', digest('short')), 0);
    await store.markSeen('payu', digest('short'), 60_000);
    t.is(await store.timesSeen('payu', digest('short')), 1, 'the count begins anew');
    const [until0, count] = ['outrider:seen:full:until', 'outrider:seen:full:count'] as const;
    const fill = `for i = 1, tonumber(ARGV[1]) do redis.call('ZADD', KEYS[1], 9e15 + i, i) redis.call('HSET', KEYS[2], i, 1) end`;
    await server.command('EVAL', fill, '2', until0, count, String(MAX_SEEN));
    await store.markSeen('full', digest('a'), 60_000);
    t.is(await server.command('ZCARD', until0), MAX_SEEN);
    t.is(await server.command('HLEN', count), MAX_SEEN);
    t.true(Number(await server.command('PTTL', count)) > 50_000);
  },
);
