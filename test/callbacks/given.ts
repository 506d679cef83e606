import { createHash, createHmac } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { httpCall, startOutrider, type CallAnswer, type Outrider, type OutriderOptions } from '../helpers/outrider.ts';
import { startUpstream, type Handler, type Upstream } from '../helpers/upstream.ts';

/** What senders sign by, in few lines of their own. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const sha512 = (text: string): string => createHash('sha512').update(text).digest('hex');
export const hmacSha256 = (key: string | Buffer, text: string | Buffer): Buffer =>
  createHmac('sha256', key).update(text).digest();

export const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];
export const JSON_TYPE = ['Content-Type', 'application/json'];

/** A callback as a provider sends it. */
export interface Sent {
  readonly headers: readonly string[];
  readonly body: string;
}

export interface World {
  readonly outrider: Outrider;
  /** The application. */
  readonly shop: Upstream;
  /** The origin of the listener of callbacks. */
  readonly origin: string;
  readonly send: (path: string, sent: Sent) => Promise<CallAnswer>;
}

/** The providers of these tests, with the secrets of the signers below. */
export const PROVIDERS = `
providers:
  payu: { profile: payu-payment, environment: test, credentials: { key: KEY, salt: salt-of-payu-1 }, old_credentials: [{ salt: salt-of-payu-0 }] }
  xverify:
    profile: phonepe-x-verify
    environment: sandbox
    credentials: { merchant_id: SHOP, salt_key: salt-of-phonepe-2, salt_index: 2 }
    old_credentials: [{ salt_key: salt-of-phonepe-1, salt_index: 1 }]
  phonepe:
    profile: phonepe
    environment: sandbox
    credentials: { client_id: c, client_secret: secret-of-phonepe, webhook_username: hook, webhook_password: password-of-hook }`;

/** A proxy with callbacks for these providers, before an application. */
export async function startCallbacks(
  t: ExecutionContext,
  {
    callback = '',
    query = '',
    rest = '',
    listen = '',
    shop,
    options = {},
  }: {
    callback?: string;
    /** Of the URL of the application. */
    query?: string;
    rest?: string;
    /** Further keys of `callbacks_listen`. */
    listen?: string;
    shop?: Handler;
    options?: OutriderOptions;
  } = {},
): Promise<World> {
  const application = await startUpstream(t, shop);
  const entry = (name: string): string =>
    `  - { name: ${name}, match: { path: /callbacks/${name} }, verify: ${name}, forward: "${application.origin}/hooks/${name}${query}"${callback} }`;
  const outrider = await startOutrider(
    t,
    `${PROVIDERS}
${rest}
callbacks_listen: { address: "127.0.0.1:0"${listen} }
callbacks:
${['payu', 'xverify', 'phonepe'].map(entry).join('\n')}`,
    options,
  );
  const origin = outrider.callbacksOrigin ?? '';
  return {
    outrider,
    shop: application,
    origin,
    send: (path, { headers, body }) => httpCall(origin, path, { method: 'POST', headers, body }),
  };
}

const REVERSE =
  'status|udf10|udf9|udf8|udf7|udf6|udf5|udf4|udf3|udf2|udf1|email|firstname|productinfo|amount|txnid|key';

/** The fields of a payment that PayU answers. */
export const PAYMENT = {
  mihpayid: '403993715531077182',
  status: 'success',
  key: 'KEY',
  txnid: 'txn-1',
  amount: '10.00',
  productinfo: 'Shoes | size 42',
  firstname: 'Asha',
  email: 'asha@example.in',
  udf1: 'u 1',
};

/** PayU's callback for these fields, with the reverse hash. */
export function payuFields(
  fields: Readonly<Record<string, string>>,
  salt = 'salt-of-payu-1',
): Readonly<Record<string, string>> {
  const formula = fields['splitInfo'] === undefined ? REVERSE : REVERSE.replace('status|', 'status|splitInfo|');
  const charges = fields['additional_charges'] ?? fields['additionalCharges'];
  const text = [charges, salt, ...formula.split('|').map((name) => fields[name] ?? '')]
    .filter((part) => part !== undefined)
    .join('|');
  return { ...fields, hash: sha512(text) };
}

export const payuForm = (fields: Readonly<Record<string, string>> = PAYMENT, salt?: string): Sent => ({
  headers: FORM,
  body: new URLSearchParams(payuFields(fields, salt)).toString(),
});
export const payuJson = (fields: Readonly<Record<string, string>> = PAYMENT, salt?: string): Sent => ({
  headers: JSON_TYPE,
  body: JSON.stringify(payuFields(fields, salt)),
});

/** PhonePe's server-to-server callback. */
export function xVerify(content: unknown, salt = 'salt-of-phonepe-2', index = 2): Sent {
  const response = Buffer.from(JSON.stringify(content)).toString('base64');
  return {
    headers: [...JSON_TYPE, 'X-VERIFY', `${sha256(response + salt)}###${index}`],
    body: JSON.stringify({ response }),
  };
}

/** PhonePe's webhook. */
export const webhook = (content: unknown, authorization = sha256('hook:password-of-hook')): Sent => ({
  headers: [...JSON_TYPE, 'Authorization', authorization],
  body: JSON.stringify(content),
});
