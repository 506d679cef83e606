import { burst, pass, startThree, tally, threeTest } from '../helpers/replicas.ts';

threeTest('a token endpoint that takes ten times the lease is called once', async (t) => {
  const { simulator, proxies, report } = await startThree(t, { lifetimeMs: 1_000 });
  await simulator.control('lifetime', { ms: 3_600_000 });
  await simulator.control('delay', { seconds: 10 });
  await pass(1_100);
  t.is(tally(await burst(proxies, 20)), '200: 60');
  t.is(await report(), 'fetch 1, refresh 1, refused 0, at most 1 at once');
});
