import type { Events } from '../../core/events.ts';
import type { ExpiryWarning } from './expiry.ts';

/** Makes a notice of each kind of warning, once: all subjects of a provider have the one endpoint. */
export function warnOnce(provider: string, events: Events): (warning: ExpiryWarning) => void {
  const told = new Set<ExpiryWarning['code']>();
  return ({ code, message, help }) => {
    if (told.has(code)) return;
    told.add(code);
    events.emit('notice', { level: 'warn', message, fields: { provider, code, help } });
  };
}
