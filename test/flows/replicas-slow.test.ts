import { burst, expiry, SHORT_MS, startThree, tally, threeTest } from '../helpers/replicas.ts';

threeTest('a token endpoint that takes ten times the lease is called once', async (t) => {
  const { simulator, proxies, report } = await startThree(t, { lifetimeMs: SHORT_MS });
  await simulator.control('lifetime', { ms: 3_600_000 });
  await simulator.control('delay', { seconds: 10 });
  await expiry();
  t.is(tally(await burst(proxies, 20)), '200: 60');
  t.is(await report(), 'fetch 1, refresh 1, refused 0, at most 1 at once');
});
