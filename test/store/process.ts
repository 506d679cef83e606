/**
 * A process of its own on a file store: `node process.ts DIRECTORY WORK COUNT`. It prints a line for each thing done.
 */
import { systemClock } from '../../src/core/clock.ts';
import { createEvents } from '../../src/core/events.ts';
import { openStore } from '../../src/store/open.ts';
import type { TokenRecord } from '../../src/store/store.ts';

const [directory = '', work = '', count = '1'] = process.argv.slice(2);
const store = await openStore(
  { kind: 'file', path: directory, leaseMs: 60_000, encryption: undefined },
  { clock: systemClock, events: createEvents(), waitBudgetMs: 20_000 },
);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Long enough that half of it would be noticed. */
const token = (generation: number): string => `${generation}:`.padEnd(20_000, String(generation));

async function increment(): Promise<boolean> {
  const before = await store.get('pincode');
  const generation = (before?.generation ?? 0) + 1;
  const now = systemClock.now();
  const next: TokenRecord = {
    generation,
    accessToken: token(generation),
    tokenType: 'Bearer',
    refreshToken: undefined,
    issuedAtMs: now,
    expiresAtMs: now + 3_600_000,
  };
  if (!(await store.compareAndSet('pincode', before?.generation ?? 0, next))) return false;
  say(String(generation));
  return true;
}

if (work === 'increment') {
  for (let done = 0; done < Number(count);) if (await increment()) done++;
} else if (work === 'lock') {
  say((await store.lock('pincode')).state);
  setInterval(() => undefined, 60_000);
}
