import type { CallersRecord } from '../core/events.ts';
import type { CallerConfig, Config } from './config.ts';

const shape = ({ tokens, ...rules }: CallerConfig): string => JSON.stringify([rules, [...tokens.current.values]]);

/** Tells which callers came, went, or may now do something else or show another token. Undefined: none. */
export function callerChanges(
  before: Pick<Config, 'callers'>,
  next: Pick<Config, 'callers'>,
): CallersRecord | undefined {
  const old = new Map((before.callers ?? []).map((caller) => [caller.name, shape(caller)]));
  const now = new Map((next.callers ?? []).map((caller) => [caller.name, shape(caller)]));
  const added = [...now.keys()].filter((name) => !old.has(name));
  const removed = [...old.keys()].filter((name) => !now.has(name));
  const changed = [...now].flatMap(([name, text]) => (old.has(name) && old.get(name) !== text ? [name] : []));
  return added.length + removed.length + changed.length > 0 ? { added, removed, changed } : undefined;
}
