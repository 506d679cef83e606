import type { ExecutionContext } from 'ava';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';

export interface Echo extends Upstream {
  /** Ids that did not come exactly once. */
  readonly notOnce: (ids: Iterable<number>) => readonly number[];
}

/** Answers 200 with the target, the version that a config set, and the id. Anything but `Bearer <good>` is a 401. */
export async function startEcho(
  t: ExecutionContext,
  isGood: (authorization: string) => boolean = () => true,
): Promise<Echo> {
  const upstream = await startUpstream(t, async (arrival) => {
    const { bytes } = await arrival.body();
    if (!isGood(arrival.header('authorization') ?? '')) return arrival.reply(401);
    counts.set(Number(arrival.header('x-id')), (counts.get(Number(arrival.header('x-id'))) ?? 0) + 1);
    const { id } = JSON.parse(bytes.toString('utf8')) as { id: number };
    return arrival.reply(200, { body: `${arrival.target} ${arrival.header('x-version') ?? ''} id ${id}` });
  });
  const counts = new Map<number, number>();
  return Object.assign(upstream, { notOnce: (ids: Iterable<number>) => [...ids].filter((id) => counts.get(id) !== 1) });
}
