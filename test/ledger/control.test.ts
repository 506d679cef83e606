import test from 'ava';
import { audit } from './audit.ts';
import { payAll } from './payers.ts';
import { planOf } from './plan.ts';
import { startRelay } from './relay.ts';
import type { Sabotage } from './relay.ts';
import { givenProvider } from './world.ts';

const SEED = 2;
const PAYMENTS = 500;

/** What at least is found, payment numbers aside. */
interface Found {
  readonly inTheLedger: readonly string[];
  readonly atTheProvider: readonly string[];
}

const anonymous = (lines: readonly string[]): string[] =>
  [...new Set(lines.map((line) => line.replace(/pay-\d+:? ?/, '')))].toSorted();

const FOUND: Readonly<Record<Sabotage, Found>> = {
  nothing: { inTheLedger: [], atTheProvider: [] },
  'sends again after a reset': {
    inTheLedger: ['paid 200, and 2 rows'],
    atTheProvider: ['was sent again, though it had not been rejected'],
  },
  'says not_sent when it does not know': {
    inTheLedger: ['not_sent 502 upstream_failed, and 1 rows'],
    atTheProvider: [],
  },
};

for (const [sabotage, found] of Object.entries(FOUND)) {
  test(`the ledger finds what a relay does wrong: ${sabotage}`, async (t) => {
    const provider = await givenProvider(t, { seed: SEED, isCalm: false, lifetimeMs: 60_000 });
    const port = await startRelay(t, provider, sabotage as Sabotage);
    const { outcomes } = await payAll(port, { to: PAYMENTS, connections: 48, plan: (n) => planOf(SEED, n) });
    const report = await provider.tell({ do: 'report' });
    const inTheLedger = anonymous(audit(outcomes, provider.rows()).wrong);
    const atTheProvider = anonymous(report.wrong);
    t.log({ inTheLedger, atTheProvider });
    for (const what of found.inTheLedger) t.true(inTheLedger.includes(what), what);
    for (const what of found.atTheProvider) t.true(atTheProvider.includes(what), what);
    if (sabotage === 'nothing') t.deepEqual([...inTheLedger, ...atTheProvider], []);
  });
}
