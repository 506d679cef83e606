import type { ExecutionContext } from 'ava';
import type { z } from 'zod';
import {
  httpCall,
  startOutrider,
  type CallAnswer,
  type CallOptions,
  type Outrider,
  type OutriderOptions,
} from '../helpers/outrider.ts';
import { problem } from '../../src/admin/schemas.ts';

export const ADMIN = 'admin: { address: 127.0.0.1:0 }';

/** Two simulated providers, one with tokens and one that signs. */
export const SIMULATED = `
${ADMIN}
providers:
  phonepe: { profile: phonepe, environment: simulator }
  xv: { profile: phonepe-x-verify, environment: simulator }
routes:
  - { provider: phonepe, match: { path: /phonepe } }
  - { provider: xv, match: { path: /xv } }
  - { name: dead, match: { path: /dead }, upstream: "http://127.0.0.1:9" }
`;

export const ORDER = '/phonepe/checkout/v2/order/order-1/status';

export interface AdminApi {
  /** One call; `POST` where there is a body. */
  call(path: string, options?: CallOptions): Promise<CallAnswer>;
  /** A GET whose answer must be a 200 of this schema. */
  get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>>;
  /** A POST with JSON; its answer must have this status and be of this schema. */
  post<S extends z.ZodType>(path: string, schema: S, status?: number, body?: object): Promise<z.output<S>>;
  /** A call that must be refused with this status and code. */
  refused(path: string, status: number, code: string, options?: CallOptions): Promise<CallAnswer>;
}

export function apiOf(t: ExecutionContext, outrider: Pick<Outrider, 'adminOrigin'>): AdminApi {
  const call = (path: string, options: CallOptions = {}): Promise<CallAnswer> =>
    httpCall((outrider.adminOrigin ?? '').replace('0.0.0.0', '127.0.0.1'), path, options);
  const read = <S extends z.ZodType>(answer: CallAnswer, schema: S, status: number): z.output<S> => {
    t.is(answer.status, status, answer.text);
    const parsed = schema.safeParse(JSON.parse(answer.text));
    t.is(parsed.error?.message, undefined, answer.text);
    return parsed.data as z.output<S>;
  };
  return {
    call,
    get: async (path, schema) => read(await call(path), schema, 200),
    async post(path, schema, status = 200, body) {
      const json = body && { headers: ['Content-Type', 'application/json'], body: JSON.stringify(body) };
      return read(await call(path, { method: 'POST', ...json }), schema, status);
    },
    async refused(path, status, code, options = {}) {
      const answer = await call(path, options);
      t.like(read(answer, problem, status), { status, code });
      t.is(answer.header('content-type'), 'application/problem+json');
      return answer;
    },
  };
}

/** The simulated providers behind a proxy, and the API of its admin address. */
export async function givenApi(
  t: ExecutionContext,
  yaml = SIMULATED,
  options: OutriderOptions = {},
): Promise<{ readonly outrider: Outrider; readonly api: AdminApi }> {
  const outrider = await startOutrider(t, yaml, options);
  return { outrider, api: apiOf(t, outrider) };
}
