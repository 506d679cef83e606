import type { Events } from '../../core/events.ts';
import type { Doubt } from './expiry.ts';

/** Makes a warning of each kind of doubt, once: all subjects of a provider have the one endpoint. */
export function tellDoubtsOnce(provider: string, events: Events): (doubt: Doubt) => void {
  const told = new Set<Doubt['code']>();
  return ({ code, message, help }) => {
    if (told.has(code)) return;
    told.add(code);
    events.emit('notice', { level: 'warn', message, fields: { provider, code, help } });
  };
}
