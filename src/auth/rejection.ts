import type { RenewSpec } from '../config/profile.ts';
import { readPointer } from './token/pointer.ts';

/** Which answers mean that the token was rejected (`renew.on_status`, `renew.on_body`). */
export interface Rejection {
  readonly rejectStatuses: ReadonlySet<number>;
  readonly bodyStatuses: ReadonlySet<number>;
  rejects(status: number, body: Uint8Array | undefined): boolean;
}

export const NO_REJECTION: Rejection = { rejectStatuses: new Set(), bodyStatuses: new Set(), rejects: () => false };

export function compileRejection({ onStatus, onBody }: Pick<RenewSpec, 'onStatus' | 'onBody'>): Rejection {
  const statuses = new Set(onStatus);
  const bodyStatuses = new Set(onBody.map(({ status }) => status).filter((status) => !statuses.has(status)));
  return {
    rejectStatuses: new Set([...statuses, ...bodyStatuses]),
    bodyStatuses,
    rejects(status, body) {
      if (statuses.has(status)) return true;
      if (!bodyStatuses.has(status) || body === undefined) return false;
      const json = parse(body);
      return onBody.some((rule) => {
        const found = rule.status === status ? scalar(readPointer(json, rule.pointer)) : undefined;
        return found !== undefined && rule.equals.includes(found);
      });
    },
  };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

/** A JSON scalar as text; undefined for anything else. */
function scalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value === undefined || (typeof value === 'object' && value !== null) ? undefined : JSON.stringify(value);
}
