import test from 'ava';
import { numberFrom } from '../helpers/random.ts';
import { givenJudged } from './judged.ts';
import { mutantOf } from './mutants.ts';
import { IS_SLOW } from '../helpers/slow.ts';

/** More of them, other ones, or a few from one on: `OUTRIDER_MUTATIONS`, `OUTRIDER_SEED`, `OUTRIDER_MUTATIONS_FROM`. */
const SEED = numberFrom('OUTRIDER_SEED', 1);
const COUNT = numberFrom('OUTRIDER_MUTATIONS', IS_SLOW ? 2_500 : 800);
const FROM = numberFrom('OUTRIDER_MUTATIONS_FROM', 0);
/** Each with a proxy and an origin of its own, so that what is under way at one is known. */
const LANES = 3;

for (const [kind, count] of [
  ['token', COUNT],
  ['signature', COUNT >> 2],
] as const) {
  test(`rules 06–13: whatever is done to a request, it is refused and nothing sent, or the upstream gets exactly what it means, with its ${kind}`, async (t) => {
    t.timeout(60_000 + count * 50);
    t.log(`seed ${SEED}: mutations ${FROM} to ${FROM + count - 1}`);
    const tally = { forwarded: 0, refused: 0 };
    let next = FROM;
    const work = async (): Promise<void> => {
      const { port, send } = await givenJudged(t, kind);
      for (let n = next++; n < FROM + count; n = next++) {
        const { segments, how } = mutantOf(SEED, n, port);
        const { objection, statuses, seen } = await send(segments);
        if (objection !== undefined) {
          next = Infinity;
          t.fail(`mutation ${n} of seed ${SEED} (${how.join('; ')}): ${objection}\n${JSON.stringify(segments)}`);
        }
        tally.forwarded += seen.length;
        tally.refused += statuses.filter((status) => status >= 400).length;
      }
    };
    await Promise.all(Array.from({ length: LANES }, work));
    t.log(tally);
    t.true(tally.forwarded > count / 2 && tally.refused > count / 5);
  });
}
