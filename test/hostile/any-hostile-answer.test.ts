import test from 'ava';
import { numberFrom, mixSeed, randomFrom } from '../helpers/random.ts';
import { IS_SLOW } from '../helpers/slow.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { meaningOf } from './meaning.ts';
import type { Meaning, Meant } from './meaning.ts';
import { mutate } from './mutations.ts';
import type { Mutation } from './mutations.ts';
import { givenCallers, REFUSED, told } from './play.ts';
import type { Seen } from './play.ts';

/** `OUTRIDER_ANSWERS_SEED=7` for other answers, `OUTRIDER_ANSWERS=100000` for more of them. */
const SEED = numberFrom('OUTRIDER_ANSWERS_SEED', 1);
const ANSWERS = numberFrom('OUTRIDER_ANSWERS', IS_SLOW ? 1_200 : 500);
const AT_ONCE = 12;

const HOP_BY_HOP =
  /^(?:connection|keep-alive|proxy-authenticate|proxy-authentication-info|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/** The headers that a caller has a right to: without what is between two neighbours only. */
function endToEnd(headers: readonly string[], status: number): string[] {
  const named = new Set<string>();
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]?.toLowerCase() === 'connection')
      for (const option of headers[i + 1]?.split(',') ?? []) named.add(option.trim().toLowerCase());
  return headers.filter((_, i) => {
    const name = headers[i - (i % 2)]?.toLowerCase() ?? '';
    if (name === 'content-length') return status !== 204;
    return !HOP_BY_HOP.test(name) && !named.has(name);
  });
}

/** What our own hop adds. */
const OURS = /^(?:connection|keep-alive|transfer-encoding)$/i;

function isExactly(seen: Seen, { status, reason, headers, body }: Meant): boolean {
  if (seen.kind !== 'answer') return false;
  const { answer } = seen;
  const theirs = answer.headers.filter((_, i) => !OURS.test(answer.headers[i - (i % 2)] as string));
  const [via, value] = theirs.splice(-2);
  return (
    via === 'Via' &&
    value?.startsWith('1.1 outrider-') === true &&
    answer.head.startsWith(`HTTP/1.1 ${status} ${reason}\r\n`) &&
    answer.body.toString('latin1') === body &&
    answer.informational.length === 0 &&
    JSON.stringify(theirs.map((text) => text.trim())) === JSON.stringify(endToEnd(headers, status))
  );
}

/** Why what the caller saw is not what the bytes mean; undefined: it is. */
function wrongIn(seen: Seen, meaning: Meaning, { method, ending }: Mutation): string | undefined {
  // An answer to HEAD has no body that could tell.
  const is = (...lines: string[]): boolean =>
    lines.some((line) => told(seen) === (method === 'HEAD' ? line.slice(0, 3) : line));
  const broken = '502 upstream_failed unknown';
  // A reset may take along what had come before it.
  if (ending === 'reset' && (seen.kind === 'cut' || is(broken, REFUSED))) return undefined;
  if (meaning.kind === 'invalid') return is(REFUSED) ? undefined : 'is refused';
  if (meaning.kind === 'unfinished')
    return is(REFUSED, ending === 'stay' ? '504 upstream_timeout unknown' : broken) ? undefined : 'is not there';
  if (meaning.isOdd && (seen.kind === 'cut' || is(REFUSED))) return undefined;
  if (meaning.end === 'whole') return isExactly(seen, meaning) ? undefined : 'arrives whole';
  // On a busy machine time may be up before the head is read.
  return seen.kind === 'cut' || (ending === 'stay' && is('504 upstream_timeout unknown')) ? undefined : 'is cut';
}

/** A connection that stays open where more must come: only time ends it. */
const isEndless = (meaning: Meaning, ending: string): boolean =>
  ending === 'stay' && (meaning.kind === 'unfinished' || (meaning.kind === 'answer' && meaning.end !== 'whole'));

test(`whatever bytes an upstream answers with, the caller gets what they mean or a clear error, and the next one their own (seed ${SEED})`, async (t) => {
  t.timeout(120_000);
  const counts = new Map<string, number>();
  let begun = 0;

  // Each with an upstream of its own: a connection that one closes is not another's.
  const player = async (): Promise<void> => {
    let mutation: Mutation | undefined;
    const upstream = await startUpstream(t, async (arrival) => {
      if (!mutation) return arrival.reply(200, { body: `for ${arrival.target}` });
      const { slices, ending } = mutation;
      mutation = undefined;
      for (const slice of slices) {
        await arrival.write(slice);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (ending !== 'stay') arrival[ending]();
      return undefined;
    });
    const route = (name: string, timeout: string): string =>
      `  - { name: ${name}, match: { path: /${name} }, upstream: "${upstream.origin}", timeouts: { response: ${timeout}, idle: ${timeout} } }`;
    const outrider = await startOutrider(t, `routes:\n${route('patient', '30s')}\n${route('hasty', '150ms')}`);
    const { ask } = givenCallers(t, outrider.port);

    for (let n = begun++; n < ANSWERS; n = begun++) {
      const played = (mutation = mutate(randomFrom(mixSeed(SEED, n))));
      const { method, bytes, slices, ending } = played;
      const meaning = meaningOf(bytes, method, ending);
      const rest = method === 'POST' ? 'Content-Length: 3\r\n\r\nabc' : '\r\n';
      const seen = await ask(`${isEndless(meaning, ending) ? '/hasty' : '/patient'}/${n}`, {
        method,
        rest,
        ms: 40_000,
      });
      const wrong = wrongIn(seen, meaning, played);
      const what = `answer ${n} to ${method}: ${JSON.stringify(slices)}, then ${ending}`;
      if (wrong !== undefined) t.fail(`${what}: ${wrong}, by ${JSON.stringify(meaning)}; the caller saw ${told(seen)}`);
      if (ending !== 'stay') {
        await upstream.requests.at(-1)?.closed;
        // The proxy hears of it in its next turns; what is written before that is lost, as it must be.
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
      const next = told(await ask(`/patient/next/${n}`, {}));
      if (next !== `200 for /next/${n}`) t.fail(`after ${what}: ${next}`);
      const outcome = meaning.kind === 'answer' ? meaning.end : meaning.kind;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
    t.deepEqual(upstream.violations, []);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, player));
  t.log(Object.fromEntries(counts));
  for (const outcome of ['whole', 'broken', 'invalid', 'unfinished'])
    t.true((counts.get(outcome) ?? 0) > ANSWERS / 50, `${outcome}: ${counts.get(outcome)} of ${ANSWERS}`);
});
