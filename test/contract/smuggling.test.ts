import test from 'ava';
import { numberFrom, randomFrom } from '../helpers/random.ts';
import { givenJudged } from './judged.ts';
import { CHUNKS, EXPECTATIONS, HEADS, LENGTHS_AND_CODINGS, type Case } from './smuggling-cases.ts';

const GROUPS: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  'rule 06: lengths and codings that servers understand in two ways': LENGTHS_AND_CODINGS,
  'rule 06: chunks that servers understand in two ways': CHUNKS,
  'rules 07, 09, 16: heads that servers understand in two ways': HEADS,
  'rule 11: expectations': EXPECTATIONS,
};
const SEED = numberFrom('OUTRIDER_SEED', 1);

/** In three segments, cut anywhere. */
function cut(text: string, random: () => number): string[] {
  const places = [random(), random()].map((part) => Math.floor(part * text.length)).toSorted((a, b) => a - b);
  return [text.slice(0, places[0]), text.slice(places[0], places[1]), text.slice(places[1])].filter((s) => s !== '');
}

for (const [title, cases] of Object.entries(GROUPS)) {
  test(`${title} are refused before anything is dialled, or mean one thing`, async (t) => {
    const { origin, send } = await givenJudged(t);
    const random = randomFrom(SEED);
    t.is((await send(['GET /api/first HTTP/1.1\r\nHost: localhost\r\n\r\n'])).objection, undefined);
    for (const [what, [text, expected]] of Object.entries(cases)) {
      // What the case before began and gave up has arrived by then.
      t.is((await send(['GET /api/first HTTP/1.1\r\nHost: localhost\r\n\r\n'])).objection, undefined);
      const before = [origin.connections, origin.bytes];
      const whole = await send([text]);
      t.is(whole.objection, undefined, what);
      if (typeof expected === 'number') {
        t.deepEqual(whole.statuses, [expected], what);
        t.deepEqual([origin.connections, origin.bytes], before, `${what}: nothing is dialled, nothing sent`);
      } else {
        t.deepEqual(whole.seen, expected, what);
      }
      for (const segments of [cut(text, random), cut(text, random)]) {
        const { objection, seen } = await send(segments);
        t.is(objection, undefined, `${what}: ${JSON.stringify(segments)}`);
        t.deepEqual(seen, typeof expected === 'number' ? [] : expected, what);
      }
    }
  });
}
