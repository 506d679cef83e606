import {
  agreement,
  burst,
  expiry,
  LEASE_MS,
  load,
  pass,
  SHORT_MS,
  type SimulatorProcess,
  startThree,
  tally,
  threeTest,
} from '../helpers/replicas.ts';

/** Resolves when a token call is under way. */
async function underWay(simulator: SimulatorProcess): Promise<void> {
  while ((await simulator.calls()).token.under_way === 0) await pass(10);
}

threeTest('600 requests at three replicas, their token expired, then rejected: one token call each time', async (t) => {
  const { simulator, proxies, report } = await startThree(t, { lifetimeMs: SHORT_MS, renew: '{ cooldown: 1s }' });
  await simulator.control('lifetime', { ms: 3_600_000 });
  await expiry();
  t.is(tally(await burst(proxies, 200)), '200: 600');
  t.is(await report(), 'fetch 1, refresh 1, refused 0, at most 1 at once');
  t.is((await simulator.calls()).api.rejected, 0, 'none was sent with the expired token');
  await agreement(proxies);
  await pass(1_000);
  await simulator.control('revoke');
  t.is(tally(await burst(proxies, 200)), '200: 600');
  t.is(await report(), 'fetch 1, refresh 2, refused 0, at most 1 at once');
});

threeTest('kill -9 of the replica that renews: another takes over within one lease, and fails nobody', async (t) => {
  const { simulator, proxies, report } = await startThree(t, { lifetimeMs: SHORT_MS });
  const [killed, ...others] = proxies;
  await simulator.control('lifetime', { ms: 3_600_000 });
  await simulator.control('delay', { seconds: 60 });
  await expiry();
  void killed.get();
  await underWay(simulator);
  const waiting = burst(others, 50);
  await simulator.control('delay', {});
  await pass(100);
  const began = performance.now();
  killed.kill('SIGKILL');
  t.is(tally(await waiting), '200: 100');
  const tookMs = performance.now() - began;
  t.log(`answered ${Math.round(tookMs)} ms after the kill`);
  t.true(tookMs < 2 * LEASE_MS, 'a lease, and what a busy machine adds');
  // The refresh token that the killed one had sent is not sent again.
  t.is(await report(), 'fetch 2, refresh 1, refused 0, at most 1 at once');
  await agreement(others);
});

threeTest(
  'a replica that is stopped in the middle of its renewal does not undo what others did meanwhile',
  async (t) => {
    const { redis, simulator, proxies, report } = await startThree(t, { lifetimeMs: SHORT_MS });
    const [stopped, ...others] = proxies;
    await simulator.control('lifetime', { ms: 3_600_000 });
    await simulator.control('delay', { ms: 500 });
    await expiry();
    const late = burst([stopped], 20);
    await underWay(simulator);
    stopped.kill('SIGSTOP');
    await simulator.control('delay', {});
    t.is(tally(await burst(others, 50)), '200: 100');
    const token = await agreement(others);
    const [key = ''] = (await redis.command('KEYS', 'outrider:token:*')) as string[];
    const kept = await redis.command('HGETALL', key);
    await pass(2 * LEASE_MS);
    stopped.kill('SIGCONT');
    t.is(tally(await late), '200: 20');
    t.is(await agreement(proxies), token);
    t.deepEqual(await redis.command('HGETALL', key), kept);
    t.is(await report(), 'fetch 2, refresh 1, refused 0, at most 1 at once');
  },
);

threeTest('kill -9 of Redis under load: no request fails, and when it is back the three agree', async (t) => {
  const { redis, proxies, report, simulator } = await startThree(t, { lifetimeMs: 2_000, renew: '{ cooldown: 1s }' });
  const loads = proxies.map((proxy) => load(proxy, 50));
  await pass(500);
  await redis.kill();
  await pass(2_500);
  await redis.start();
  await pass(2_000);
  await Promise.all(loads.map(({ end }) => end()));
  const answers = loads.flatMap((each) => each.answers);
  t.log(`${answers.length} requests`);
  t.true(answers.length > 600);
  t.is(tally(answers.map(({ status }) => status)), `200: ${answers.length}`);
  for (const proxy of proxies) {
    t.regex(proxy.stderr(), /The token store does not work/);
    t.regex(proxy.stderr(), /The token store works again/);
  }
  await simulator.control('lifetime', { ms: 3_600_000 });
  await pass(2_000);
  const token = await agreement(proxies);
  const [key = ''] = (await redis.command('KEYS', 'outrider:token:*')) as string[];
  t.true(String(await redis.command('HGET', key, 'd')).includes(token), 'that is the one in Redis');
  t.regex(await report(), /refused 0/);
});
