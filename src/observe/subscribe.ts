import type { AllEvents, Events } from '../core/events.ts';

type Listeners = { readonly [K in keyof AllEvents]?: (...args: AllEvents[K]) => void };

/** Listens to several events. The returned function removes all these listeners. */
export function subscribe(events: Events, listeners: Listeners): () => void {
  const entries = Object.entries(listeners) as [keyof AllEvents, (...args: never[]) => void][];
  for (const [name, listener] of entries) events.on(name, listener as never);
  return () => {
    for (const [name, listener] of entries) events.off(name, listener as never);
  };
}
