import test from 'ava';
import { numberFrom } from '../helpers/random.ts';
import { audit, tell } from './audit.ts';
import { FAULTS, REJECTIONS } from './faults.ts';
import { payAll } from './payers.ts';
import { planOf } from './plan.ts';
import { reloadAllTheTime } from './reloads.ts';
import { givenProvider, startProxy } from './world.ts';
import { IS_SLOW } from '../helpers/slow.ts';

/** `OUTRIDER_LEDGER_SEED=7` for other payments, `OUTRIDER_LEDGER_PAYMENTS=200000` for more of them. */
const SEED = numberFrom('OUTRIDER_LEDGER_SEED', 1);
const PAYMENTS = numberFrom('OUTRIDER_LEDGER_PAYMENTS', IS_SLOW ? 20_000 : 4_000);
const CONNECTIONS = 128;

test(`of ${PAYMENTS} payments none is made twice, lost or told wrongly, whatever happens`, async (t) => {
  t.timeout(60_000 + PAYMENTS * 10);
  const provider = await givenProvider(t, { seed: SEED, isCalm: false, lifetimeMs: 3_000 });
  const proxy = await startProxy(t, provider);
  const reloads = reloadAllTheTime(proxy, provider);
  const began = performance.now();
  const { outcomes, callers } = await payAll(proxy.port, {
    to: PAYMENTS,
    connections: CONNECTIONS,
    plan: (n) => planOf(SEED, n),
  });
  const seconds = (performance.now() - began) / 1_000;
  const reloaded = await reloads.end();
  // What the caller is not told may still be on its way to the disk.
  const report = await provider.tell({ do: 'report' });
  const result = audit(outcomes, provider.rows());
  t.log(`seed ${SEED}: ${PAYMENTS} payments in ${seconds.toFixed(1)} s, ${(PAYMENTS / seconds).toFixed(0)} per second`);
  t.log(`${reloaded} reloads, ${report.revocations} revocations, ${report.tokenCalls} token calls`);
  t.log(`\n${tell(result)}`);

  t.deepEqual(result.wrong.slice(0, 20), []);
  t.deepEqual(report.wrong, [], 'what came to the provider');
  t.deepEqual(
    callers.flatMap(({ surplus }) => surplus),
    [],
    'no bytes that nobody asked for',
  );
  t.is(outcomes.length, PAYMENTS);
  // It was worth something only if all of it happened.
  const missing = [...Object.keys(FAULTS), ...Object.keys(REJECTIONS)].filter((name) => !report.happened[name]);
  t.deepEqual(missing, []);
  const count = (pattern: RegExp): number =>
    [...result.totals].reduce((sum, [name, value]) => sum + (pattern.test(name) ? value : 0), 0);
  t.true(count(/^paid 200 \(row\)$/) > PAYMENTS / 2);
  for (const expected of [
    /^paid, in part/,
    /^refused 500$/,
    /^refused 503 \(row\)$/,
    /^unknown .*[^)]$/,
    /^unknown .*\(row\)$/,
    /^not_sent/,
    /^aborted in the body$/,
    /^aborted, waiting/,
  ])
    t.true(count(expected) > 0, `${expected}`);
});
