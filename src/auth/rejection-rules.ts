import type { BodyRejection, RenewSpec } from '../config/profile/profile.ts';
import { headerValues, type RawHeaders } from '../core/headers.ts';
import { readPointer } from './token/pointer.ts';

/** What an answer says of the token in its request. `needs_body`: only its body can tell. */
export type Judgement = 'accepted' | 'rejected' | 'needs_body';

/** Which answers mean that the token was rejected (`renew.on_status`, `renew.on_header`, `renew.on_body`). */
export interface Rejection {
  /** Statuses that mean so, or may mean so by a header or the body; all others accept the token. */
  readonly statuses: ReadonlySet<number>;
  /** @param body Decoded; undefined as long as nobody has asked for it. */
  judge(status: number, headers: RawHeaders, body?: Uint8Array): Judgement;
}

export const NO_REJECTION: Rejection = { statuses: new Set(), judge: () => 'accepted' };

export function compileRejection({
  onStatus,
  onHeader,
  onBody,
}: Pick<RenewSpec, 'onStatus' | 'onHeader' | 'onBody'>): Rejection {
  const always = new Set(onStatus);
  const bodies = Map.groupBy(onBody, ({ status }) => status);
  return {
    statuses: new Set([...always, ...[...onHeader, ...onBody].map(({ status }) => status)]),
    judge(status, headers, body) {
      if (always.has(status)) return 'rejected';
      const isTold = onHeader.some(
        (rule) =>
          rule.status === status && headerValues(headers, rule.name).some((value) => value.includes(rule.contains)),
      );
      if (isTold) return 'rejected';
      const rules = bodies.get(status);
      if (!rules) return 'accepted';
      if (body === undefined) return 'needs_body';
      const json = parse(body);
      const holds = ({ pointer, equals }: BodyRejection['all'][number]): boolean => {
        const found = scalar(readPointer(json, pointer));
        return found !== undefined && equals.includes(found);
      };
      return rules.some(({ all }) => all.every(holds)) ? 'rejected' : 'accepted';
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
