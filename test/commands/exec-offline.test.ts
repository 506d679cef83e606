import 'reflect-metadata';
import { join } from 'node:path';
import { X509Certificate } from '@peculiar/x509';
import test from 'ava';
import { decodeNameConstraints, NAME_CONSTRAINTS } from '../../src/tunnel/name-constraints.ts';
import { run } from './run.ts';

const SAMPLE = join(import.meta.dirname, '../../proxy.config.yaml');
const JSON_TYPE = { 'content-type': 'application/json' };
const PAY = JSON.stringify({ merchantOrderId: 'order-1', amount: 1000, paymentFlow: { type: 'PG_CHECKOUT' } });

/** Calls as a script makes them that knows nothing of a proxy. */
const CALLS = [
  ['https://api.phonepe.com/apis/identity-manager/v1/oauth/token', { method: 'POST', body: 'client_id=mine' }],
  ['https://api.phonepe.com/apis/pg/checkout/v2/pay', { method: 'POST', headers: JSON_TYPE, body: PAY }],
  ['https://api-preprod.phonepe.com/apis/pg-sandbox/checkout/v2/order/order-1/status', {}],
  ['https://api-preprod.phonepe.com/apis/pg-sandbox/pg/v1/status/test/none', {}],
] as const;
const SCRIPT = `
const bundle = (await import('node:fs')).readFileSync(process.env.SSL_CERT_FILE, 'utf8');
const answers = [];
for (const [url, options] of ${JSON.stringify(CALLS)}) answers.push(await (await fetch(url, options)).text());
console.log(JSON.stringify({ answers, noProxy: process.env.NO_PROXY, bundle }));`;

/** Where the profiles of the sample lead to in their other environments. */
const REAL_HOSTS = [
  'accounts.payu.in',
  'api-preprod.phonepe.com',
  'api.payu.in',
  'api.phonepe.com',
  'apitest.payu.in',
  'apps-uat.phonepe.com',
  'bbps-sb.payu.in',
  'identitymanager.phonepe.com',
  'info.payu.in',
  'oneapi.payu.in',
  'partner.payu.in',
  'secure.payu.in',
  'stg-identitymanager.phonepe.com',
  'test.payu.in',
  'uat-accounts.payu.in',
  'uat-partner.payu.in',
  'uatoneapi.payu.in',
];

test.serial(
  'with the sample config a script that calls real URLs is answered by the simulators, offline',
  async (t) => {
    const args = [
      'exec',
      '--intercept',
      '--config',
      SAMPLE,
      '--',
      process.execPath,
      '--input-type=module',
      '-e',
      SCRIPT,
    ];
    const env = { NO_PROXY: `keep.test,.phonepe.com,${REAL_HOSTS.join()}` };
    const { code, stdout, stderr } = await run(t, args, { env });
    t.is(code, 0, stderr);
    t.is(stderr, '');
    const said = JSON.parse(stdout) as { answers: readonly string[]; noProxy: string; bundle: string };
    const [token = '', pay = '', status = '', signed = ''] = said.answers;
    t.regex(token, /"access_token":"outrider-placeholder-/);
    t.regex(pay, /"orderId":"OMO/);
    t.regex(status, /"merchantOrderId":"order-1"/);
    t.regex(signed, /"code":"TRANSACTION_NOT_FOUND"/);
    t.is(said.noProxy, 'keep.test');
    const ca = new X509Certificate(said.bundle.slice(said.bundle.lastIndexOf('-----BEGIN')));
    const constraints = new Uint8Array(ca.getExtension(NAME_CONSTRAINTS)?.value ?? new ArrayBuffer());
    const named = decodeNameConstraints(constraints).filter((host) => host !== '127.0.0.1');
    t.deepEqual(named.toSorted(), REAL_HOSTS);
  },
);
