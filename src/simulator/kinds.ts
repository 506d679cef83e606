import { payuBbps } from './payu-bbps.ts';
import { payuHash } from './payu-hash.ts';
import { payuPaymentLinks } from './payu-links.ts';
import { payuPartner } from './payu-partner.ts';
import { payuPayment } from './payu-payment.ts';
import { payuV2 } from './payu-v2.ts';
import { phonepe } from './phonepe.ts';
import { pincode } from './pincode.ts';
import type { ErrorWords, Example, Kind } from './types.ts';
import { phonepeUser, xVerify } from './x-verify.ts';

/** All kinds of provider that can be simulated. No other place lists them. */
export const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['phonepe', phonepe],
  ['pincode', pincode],
  ['payu-payment-links', payuPaymentLinks],
  ['payu-partner', payuPartner],
  ['payu-bbps', payuBbps],
  ['phonepe-x-verify', xVerify],
  ['phonepe-user', phonepeUser],
  ['payu-hash', payuHash],
  ['payu-payment', payuPayment],
  ['payu-v2', payuV2],
]);

/** The names of the kinds: the values that the first segment of a profile's `simulator` paths can have. */
export const SIMULATED_KINDS: readonly string[] = [...KINDS.keys()];

/**
 * API calls that a kind answers with success once the proxy has added credentials. The first works alone, the others after
 * those before them. Paths are below the provider's `api` endpoint. Empty for an unknown kind.
 */
export const examples = (kind: string): readonly Example[] => KINDS.get(kind)?.examples ?? [];

/**
 * The errors of a kind, divided into those whose words a source shows and those in the simulator's own words. Both are empty
 * for an unknown kind.
 */
export function errorWords(kind: string): { documented: readonly ErrorWords[]; own: readonly ErrorWords[] } {
  const errors = KINDS.get(kind)?.errors ?? [];
  return { documented: errors.filter(({ source }) => source), own: errors.filter(({ source }) => !source) };
}

/**
 * The endpoints of a kind as a profile writes them: `{ token: '/phonepe/apis/…', api: '/phonepe/apis/pg-sandbox' }`. Empty for
 * an unknown kind.
 */
export function simulatedEndpoints(kind: string): Readonly<Record<string, string>> {
  const found = KINDS.get(kind);
  if (!found) return {};
  const mount = `/${kind}`;
  return { ...(found.token !== undefined && { token: mount + found.token }), api: mount + found.api };
}
