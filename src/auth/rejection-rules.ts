import type { BodyRejection, RenewSpec } from '../config/profile/profile.ts';
import { headerValues, type RawHeaders } from '../core/headers.ts';
import { readPointer } from './token/pointer.ts';

/** What an answer says about the token of its request. `needs_body`: the status leaves it open and the body decides. */
export type Judgement = 'accepted' | 'rejected' | 'needs_body';

/** The rules by which an answer rejects the token (`renew.on_status`, `renew.on_header`, `renew.on_body`). */
export interface RejectionRules {
  /** Statuses that reject the token, alone or together with a header or body. Any other status accepts it. */
  readonly statuses: ReadonlySet<number>;
  /** @param body The decoded body; undefined until `needs_body` has asked for it. */
  judge(status: number, headers: RawHeaders, body?: Uint8Array): Judgement;
}

/** The rules of a provider without tokens: nothing rejects. */
export const NO_REJECTION: RejectionRules = { statuses: new Set(), judge: () => 'accepted' };

/**
 * Compiles the rejection rules of a profile. A body rule compares JSON scalars as text; a body that is not JSON matches no
 * rule.
 */
export function compileRejectionRules({
  onStatus,
  onHeader,
  onBody,
}: Pick<RenewSpec, 'onStatus' | 'onHeader' | 'onBody'>): RejectionRules {
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

/** A JSON scalar as text; undefined for a list, a map or no value. */
function scalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value === undefined || (typeof value === 'object' && value !== null) ? undefined : JSON.stringify(value);
}
