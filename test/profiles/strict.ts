import { createHash, createHmac } from 'node:crypto';

/**
 * What a provider does with a signed request, in its own few lines: nothing of the product's is used, so that a mistake there
 * is not repeated here. Each check yields what is wrong, or undefined. Bodies and targets are the bytes that arrived.
 */

export interface Received {
  readonly method: string;
  readonly target: string;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

type Verdict = string | undefined;

export const digest = (algorithm: 'sha256' | 'sha512' | 'md5', data: string | Buffer): string =>
  createHash(algorithm).update(data).digest('hex');

export const mac = (key: string, data: string | Buffer): Buffer => createHmac('sha256', key).update(data).digest();

/** X-VERIFY: sha256hex(base64 of the JSON + path below the base + salt) + "###" + index; several salts may be valid. */
export function checkXVerify(
  { method, target, header, body }: Received,
  base: string,
  salts: Readonly<Record<string, string>>,
): Verdict {
  const [path = ''] = target.split('?');
  if (!path.startsWith(base)) return `the path ${path} does not begin with ${base}`;
  let payload = '';
  if (!['GET', 'HEAD', 'DELETE'].includes(method)) {
    const envelope = JSON.parse(body.toString('utf8')) as Record<string, string>;
    if (Object.keys(envelope).join() !== 'request') return 'the body has other keys than request';
    payload = envelope['request'] ?? '';
    JSON.parse(Buffer.from(payload, 'base64').toString('utf8'));
  }
  const [hash, index = '', ...more] = header('x-verify')?.split('###') ?? [];
  if (more.length > 0 || !Object.hasOwn(salts, index)) return `no salt has the index ${index}`;
  const expected = digest('sha256', payload + path.slice(base.length) + salts[index]);
  return hash === expected ? undefined : `X-VERIFY is ${hash}, not ${expected}`;
}

/** A form's `hash`: sha512 of the key, the named fields (absent ones empty), so many empty ones, and the salt, joined by `|`. */
export function checkFormHash(
  { body }: Received,
  { key, salt, fields, empty = 0 }: { key: string; salt: string; fields: readonly string[]; empty?: number },
): Verdict {
  const form = new URLSearchParams(body.toString('utf8'));
  const twice = ['key', 'hash', ...fields].find((name) => form.getAll(name).length > 1);
  if (twice !== undefined) return `${twice} came twice`;
  if (form.get('key') !== key) return `the key is ${form.get('key')}`;
  const values = [key, ...fields.map((name) => form.get(name) ?? ''), ...Array<string>(empty).fill(''), salt];
  const expected = digest('sha512', values.join('|'));
  return form.get('hash') === expected ? undefined : `hash is ${form.get('hash')}, not ${expected}`;
}

export const PAYU_COMMAND = { fields: ['command', 'var1'] } as const;
export const PAYU_PAYMENT = {
  fields: ['txnid', 'amount', 'productinfo', 'firstname', 'email', 'udf1', 'udf2', 'udf3', 'udf4', 'udf5'],
  empty: 5,
} as const;

/** PayU v2: `authorization` over body, `date` and salt. */
export function checkPayuV2({ header, body }: Received, { key, salt }: { key: string; salt: string }): Verdict {
  const date = header('date') ?? '';
  if (new Date(date).toUTCString() !== date) return `the date is ${date}`;
  const signature = digest('sha512', Buffer.concat([body, Buffer.from(`|${date}|${salt}`)]));
  const expected = `hmac username="${key}", algorithm="sha512", headers="date", signature="${signature}"`;
  return header('authorization') === expected ? undefined : `authorization is ${header('authorization')}`;
}

/** A scalar within a JSON text: a string decoded, anything else as it is spelled there (`1.10` stays `1.10`). */
export function spelled(json: string, ...way: readonly string[]): string {
  const reviver = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'object' && value !== null ? value : typeof value === 'string' ? value : (context?.source ?? '');
  let at: unknown = JSON.parse(json, reviver);
  for (const step of way) at = (at as Record<string, unknown>)[step];
  return String(at);
}
