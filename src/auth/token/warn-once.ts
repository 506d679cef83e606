import type { Events } from '../../core/events.ts';
import type { ExpiryWarning } from './expiry.ts';

/** Creates a function that reports each kind of warning once per provider: all its subjects share one endpoint. */
export function warnOnce(provider: string, events: Events): (warning: ExpiryWarning) => void {
  const told = new Set<ExpiryWarning['code']>();
  return ({ code, message, help }) => {
    if (told.has(code)) return;
    told.add(code);
    events.emit('notice', { level: 'warn', message, fields: { provider, code, help } });
  };
}
