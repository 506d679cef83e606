import { setImmediate as turn } from 'node:timers/promises';
import { header } from '../helpers/http1.ts';
import { KeepAliveCaller } from '../helpers/keep-alive.ts';
import type { Reply } from '../helpers/keep-alive.ts';
import { bodyOf } from './plan.ts';
import type { Plan } from './plan.ts';

/** What a caller knows of his payment in the end. */
export type Told =
  | 'paid'
  /** A 2xx came, and not all of it. */
  | 'paid, in part'
  /** The provider's own answer, not a 2xx. */
  | 'refused'
  | 'refused, in part'
  | 'unknown'
  | 'not_sent'
  | 'aborted in the body'
  | 'aborted, waiting'
  /** What may never happen: no answer, or one that makes no sense. */
  | 'nonsense';

/** Statuses by which a provider says that it did nothing. */
export const REJECTED: ReadonlySet<string> = new Set(['401', '412']);

export interface Outcome {
  readonly id: string;
  readonly amount: number;
  readonly told: Told;
  /** The status, and the code of a problem. */
  readonly detail: string;
}

const head = ({ n, id, isChunked }: Plan, bytes: number): string =>
  `POST /api/pay/${n} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nIdempotency-Key: ${id}\r\n` +
  `${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`}\r\n\r\n`;

/** The request in the pieces that the plan cuts it into; the head goes with the first, a chunked body's end is one more. */
function piecesOf(plan: Plan): string[] {
  const body = bodyOf(plan);
  const at = [0, ...plan.cuts.map((share) => Math.floor(share * body.length)), body.length];
  const parts = at.slice(1).map((end, i) => body.slice(at[i], end));
  const chunk = (part: string): string => (part === '' ? '' : `${part.length.toString(16)}\r\n${part}\r\n`);
  const pieces = plan.isChunked ? [...parts.map(chunk), '0\r\n\r\n'] : parts;
  return [head(plan, body.length) + (pieces[0] as string), ...pieces.slice(1)];
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Makes one payment and says what its caller knows of it. */
export async function pay(caller: KeepAliveCaller, plan: Plan): Promise<Outcome> {
  const pieces = piecesOf(plan);
  const { id, amount, abort } = plan;
  if (abort === 'in the body') {
    // One piece alone is cut in its middle.
    const [first = ''] = pieces;
    const started = pieces.length > 1 ? pieces : [first.slice(0, -10), first.slice(-10)];
    await caller.ask(started, { pause: () => wait(plan.n % 3), pieces: started.length - 1 });
    return { id, amount, told: 'aborted in the body', detail: '' };
  }
  const until = abort === undefined ? undefined : wait(abort);
  const pause = (): Promise<void> => (plan.n % 7 === 0 ? wait(plan.n % 4) : turn());
  const reply = await caller.ask(pieces, { pause, ...(until && { until }) });
  if (reply.error === 'broken off') return { id, amount, told: 'aborted, waiting', detail: '' };
  return { id, amount, ...meaningOf(reply, plan) };
}

function meaningOf(reply: Reply, { id }: Plan): Pick<Outcome, 'told' | 'detail'> {
  const { status, headers, text, isWhole, error } = reply;
  const detail = String(status);
  const nonsense = {
    told: 'nonsense',
    detail: `${status} ${error ?? ''} ${reply.isReused ? 'on a reused connection' : ''} ${text.slice(0, 200)}`,
  } as const;
  if (status === 0) return nonsense;
  const isPaid = status >= 200 && status < 300;
  if (!isWhole) return { told: isPaid ? 'paid, in part' : 'refused, in part', detail };
  if (header(headers, 'content-type') === 'application/problem+json') {
    const { code, outcome } = JSON.parse(text) as { code: string; outcome: string };
    if (code === 'internal_error' || (outcome !== 'unknown' && outcome !== 'not_sent')) return nonsense;
    return { told: outcome, detail: `${status} ${code}` };
  }
  if (header(headers, 'x-provider') !== 'ledger') return nonsense;
  if (!isPaid) return { told: 'refused', detail };
  return text === `{"paid":"${id}"}` ? { told: 'paid', detail } : nonsense;
}

const REST_MS = 30;

/** Makes payments `from` to `to` over `connections` connections, each as soon as its last one is done. */
export async function payAll(
  port: number,
  { from = 0, to, connections, plan }: PayAll,
): Promise<{ readonly outcomes: readonly Outcome[]; readonly callers: readonly KeepAliveCaller[] }> {
  const outcomes: Outcome[] = [];
  let next = from;
  const callers = Array.from({ length: connections }, () => new KeepAliveCaller(port));
  await Promise.all(
    callers.map(async (caller) => {
      while (next < to) {
        const outcome = await pay(caller, plan(next++));
        outcomes.push(outcome);
        // As anybody would who was told that it can't be done now.
        if (outcome.told === 'not_sent' || REJECTED.has(outcome.detail)) await wait(REST_MS);
      }
      caller.close();
    }),
  );
  return { outcomes, callers };
}

interface PayAll {
  readonly from?: number;
  readonly to: number;
  readonly connections: number;
  readonly plan: (n: number) => Plan;
}
