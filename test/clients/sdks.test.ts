import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { decodeNameConstraints, NAME_CONSTRAINTS } from '../../src/tunnel/name-constraints.ts';
import { configFile, launch, run, type Result } from '../commands/run.ts';
import { REAL, startRealHosts, type RealHosts } from './real-hosts.ts';
import { runProgram } from './run-program.ts';

const NODE = process.execPath;
const PROGRAM = join(import.meta.dirname, 'programs/sdks.mjs');
/** The program reaches the control address of the simulators without a proxy. */
const SPARED = { NO_PROXY: '127.0.0.1' };

type Place = 'sandbox' | 'production';

interface Given extends RealHosts {
  readonly config: string;
  readonly dir: string;
}

/** The simulators at the real hosts, and a config that leads there. `routes` and `extra` are YAML. */
async function given(t: ExecutionContext, place: Place, parts: { routes?: string; extra?: string } = {}) {
  const payu = `environment: ${place === 'sandbox' ? 'test' : place}, credentials: { key: ${REAL.payu.key}, salt: ${REAL.payu.salt} }`;
  const { client_id, client_secret } = REAL.phonepe;
  const { dir, file } = configFile(
    t,
    `
version: 1
listen: { address: "127.0.0.1:0" }
admin: false
state_dir: state
providers:
  phonepe:
    profile: phonepe
    environment: ${place}
    credentials: { client_id: ${client_id}, client_secret: ${client_secret}, client_version: "1" }
    renew: { cooldown: 1ms }
  payu-hash: { profile: payu-hash, ${payu} }
  payu-payment: { profile: payu-payment, ${payu} }
routes:
  - { provider: phonepe, match: { path: /phonepe } }
  - { provider: payu-hash, match: { path: /payu-hash } }
  - { provider: payu-payment, match: { path: /payu-payment } }
  ${parts.routes ?? ''}
${parts.extra ?? ''}`,
  );
  return { ...(await startRealHosts(t, dir)), dir, config: file };
}

const MADE_UP = { clientId: 'placeholder', clientSecret: 'placeholder', key: 'placeholder', salt: 'placeholder' };

/** What PhonePe's SDK is told. */
const phonepeIn = (place: Place, { simulator }: RealHosts) => ({
  ...MADE_UP,
  environment: place.toUpperCase(),
  revokeUrl: `${simulator.origin}/_control/revoke`,
});
/** What PayU's SDK is told. */
const payuIn = (place: Place) => ({ ...MADE_UP, environment: place === 'sandbox' ? 'TEST' : 'PROD' });

/** `outrider exec`, with a program of these words. */
const exec = (t: ExecutionContext, { config, env }: Given, options: readonly string[], ...words: readonly string[]) =>
  run(t, ['exec', ...options, '--config', config, '--', NODE, ...words], { env: { ...env, ...SPARED } });

interface Said {
  readonly phonepe: {
    readonly pay?: { readonly orderId: string; readonly redirectUrl: string };
    readonly authorization?: string;
    readonly error?: object;
  };
  readonly payu: {
    readonly payment?: { readonly result: { readonly paymentId: string } | null };
    readonly refund?: { readonly request_id: string };
    readonly error?: object;
  };
}

/** What the program printed. */
function read(t: ExecutionContext, { code, stdout, stderr }: Result): Said {
  t.is(code, 0, stderr);
  return JSON.parse(stdout) as Said;
}

/** That PhonePe's SDK did all that it was told to, and gave the objects that it promises. */
function assertPaid(t: ExecutionContext, { phonepe }: Said): void {
  t.is(phonepe.error, undefined);
  t.regex(phonepe.authorization ?? '', /^O-Bearer outrider-placeholder-[\w-]{32}$/);
  const { orderId = '', redirectUrl = '' } = phonepe.pay ?? {};
  t.regex(orderId, /^OMO\w+$/);
  t.regex(redirectUrl, /^https:\/\//);
  t.like(phonepe, {
    pay: { type: 'StandardCheckoutPayResponse', state: 'PENDING' },
    revoked: 200,
    status: { type: 'OrderStatusResponse', orderId, merchantOrderId: 'order-1', state: 'COMPLETED', amount: 1000 },
    refund: { type: 'RefundResponse', state: 'PENDING', amount: 400 },
    refundStatus: {
      type: 'RefundStatusResponse',
      merchantRefundId: 'refund-1',
      originalMerchantOrderId: 'order-1',
      state: 'COMPLETED',
      amount: 400,
    },
  });
}

/** That the revoked token cost one renewal and one replay, and that the SDK's own token call came nowhere. */
async function assertRenewedOnce(t: ExecutionContext, { simulator, arrivals }: RealHosts): Promise<void> {
  const { token, api } = await simulator.calls('phonepe');
  t.like(token, { fetch: 2, ok: 2, refused: 0 });
  t.like(api, { total: 5, ok: 4, rejected: 1, refused: 0 });
  const tokenCalls = arrivals.filter(({ url }) => url.endsWith('/v1/oauth/token'));
  t.deepEqual(
    tokenCalls.map(({ body }) => new URLSearchParams(body).get('client_secret')),
    [REAL.phonepe.client_secret, REAL.phonepe.client_secret],
  );
}

/** That PayU's SDK did all that it was told to. */
function assertBought(t: ExecutionContext, { payu }: Said): void {
  t.is(payu.error, undefined);
  const mihpayid = payu.payment?.result?.paymentId;
  const requestId = payu.refund?.request_id ?? '';
  t.regex(mihpayid ?? '', /^\d+$/);
  t.like(payu, {
    payment: { status: 200, result: { amount: '10.00' } },
    invoice: { 'Transaction Id': 'txn-2', Status: 'Success' },
    verified: {
      status: 1,
      transaction_details: {
        'txn-1': { mihpayid, status: 'success', amt: '10.00' },
        'txn-2': { status: 'success', amt: '10.00' },
      },
    },
    domestic: { isDomestic: 'Y' },
    refund: { status: 1, msg: 'Refund Request Queued', mihpayid },
    action: { status: 1, transaction_details: { [requestId]: { [requestId]: { action: 'refund', amt: '4.00' } } } },
  });
}

/** That each form came with the real key and the right hash, where the SDK had put others. */
async function assertSigned(t: ExecutionContext, { simulator, arrivals }: RealHosts): Promise<void> {
  t.like((await simulator.calls('payu-hash')).api, { total: 5, ok: 5, rejected: 0 });
  t.like((await simulator.calls('payu-payment')).api, { total: 1, ok: 1, rejected: 0 });
  const forms = arrivals.flatMap(({ url, body }) => (url.includes('payu.in/') ? new URLSearchParams(body) : []));
  t.is(forms.length, 6);
  for (const form of forms) t.deepEqual([form.getAll('key'), form.getAll('hash').length], [[REAL.payu.key], 1]);
  const verify = forms.find((form) => form.get('command') === 'verify_payment');
  const signed = [REAL.payu.key, 'verify_payment', 'txn-1|txn-2', REAL.payu.salt].join('|');
  t.is(verify?.get('hash'), createHash('sha512').update(signed).digest('hex'));
}

test.serial(
  'pg-sdk-node and payu-websdk pay and refund in the sandbox, with made-up credentials, under exec --intercept',
  async (t) => {
    const all = await given(t, 'sandbox');
    const settings = JSON.stringify({ phonepe: phonepeIn('sandbox', all), payu: payuIn('sandbox') });
    const result = await exec(t, all, ['--intercept'], PROGRAM, settings);
    const said = read(t, result);
    t.is(result.stderr, '');
    assertPaid(t, said);
    assertBought(t, said);
    await assertRenewedOnce(t, all);
    await assertSigned(t, all);
    t.notRegex(JSON.stringify(all.arrivals), /placeholder/);
  },
);

test.serial(
  'pg-sdk-node and payu-websdk do so in production too, where a route leads to the events of the first',
  async (t) => {
    const events = 'https://api.phonepe.com/apis/pg-ingestion';
    const all = await given(t, 'production', {
      routes: `- { name: events, match: { path: /events }, provider: phonepe, upstream: "${events}" }`,
    });
    const phonepe = { ...phonepeIn('production', all), hasEvents: true };
    const result = await exec(
      t,
      all,
      ['--intercept'],
      PROGRAM,
      JSON.stringify({ phonepe, payu: payuIn('production') }),
    );
    const said = read(t, result);
    t.is(result.stderr, '');
    assertPaid(t, said);
    assertBought(t, said);
    await assertRenewedOnce(t, all);
    await assertSigned(t, all);
    const arrived = all.arrivals.filter(({ url }) => url.startsWith(events));
    t.true(arrived.length > 0);
    for (const { headers } of arrived) t.regex(headers.authorization ?? '', /^O-Bearer eyJ/);
    t.notRegex(JSON.stringify(all.arrivals), /placeholder/);
  },
);

test.serial('pg-sdk-node pays and refunds at the base URL, with made-up credentials, under exec', async (t) => {
  const all = await given(t, 'sandbox');
  const phonepe = { ...phonepeIn('sandbox', all), baseUrl: 'OUTRIDER_URL_PHONEPE' };
  const result = await exec(t, all, [], PROGRAM, JSON.stringify({ phonepe }));
  assertPaid(t, read(t, result));
  t.is(result.stderr, '');
  await assertRenewedOnce(t, all);
  t.notRegex(JSON.stringify(all.arrivals), /placeholder/);
});

// payu-websdk is not tried at the base URL: a host is all that it can be told, and it calls https:// there, at port 443.

test.serial('without a proxy the same programs get nowhere', async (t) => {
  const all = await given(t, 'sandbox');
  const env = { ...all.env, ...SPARED, NODE_USE_ENV_PROXY: '1' };
  const settings = JSON.stringify({ phonepe: phonepeIn('sandbox', all), payu: payuIn('sandbox') });
  const { phonepe, payu } = read(t, await runProgram(NODE, [PROGRAM, settings], env));
  t.like(phonepe.error, { type: 'BadRequest', httpStatusCode: 400 });
  t.is(phonepe.pay, undefined);
  t.like(payu, { verified: { msg: 'Invalid Merchant key' }, payment: { status: 400, result: null } });
  t.like((await all.simulator.calls('phonepe')).token, { fetch: 1, refused: 1 });
});

test.serial("a running proxy's log tells of the SDKs' calls, and nothing of what they brought", async (t) => {
  const extra = 'forward: { mode: intercept }\nlog: { format: json, level: debug }\ntimeouts: { lame_duck: 0ms }';
  const all = await given(t, 'production', { extra });
  const proxy = launch(t, ['start', '--config', all.config], { env: all.env });
  const [, origin = ''] = await proxy.says(/^ *proxy +(http:\S+)$/m);
  const ca = await run(t, ['ca', 'export', '--config', all.config]);
  t.is(ca.code, 0, ca.stderr);
  writeFileSync(join(all.dir, 'ca.pem'), ca.stdout);
  const env = {
    HTTPS_PROXY: origin,
    NODE_EXTRA_CA_CERTS: join(all.dir, 'ca.pem'),
    NODE_USE_ENV_PROXY: '1',
    ...SPARED,
  };
  const invented = { clientId: 'invented-name', clientSecret: 'invented-secret', key: 'invented-key', salt: 'salty' };
  const phonepe = { ...phonepeIn('production', all), ...invented, hasEvents: true };
  const payu = { ...payuIn('production'), ...invented };
  const result = await runProgram(NODE, [PROGRAM, JSON.stringify({ phonepe, payu })], env);
  const said = read(t, result);
  assertPaid(t, said);
  assertBought(t, said);
  t.regex(
    result.stderr,
    /^Error occurred sending events batch to backend ForbiddenAccess .*code: 'destination_denied'/s,
  );
  proxy.kill('SIGTERM');
  t.is(await proxy.exit, 0);

  const log = proxy.stdout() + proxy.stderr();
  type Line = Readonly<Record<string, string | null>>;
  const lines = log.split('\n').filter((line) => line.startsWith('{'));
  const auths = lines
    .map((line) => JSON.parse(line) as Line)
    .flatMap(({ auth, route }) => (auth ? `${route} ${auth}` : []));
  // The host of the token endpoint has no route for its path.
  const ofPhonePe = ['null placeholder', 'phonepe injected', 'phonepe renewed', 'phonepe injected', 'phonepe injected'];
  t.deepEqual(auths, [...ofPhonePe, 'payu-payment signed', ...Array<string>(5).fill('payu-hash signed')]);
  t.notRegex(log, /invented|salty|outrider-placeholder/);
  for (const secret of [REAL.phonepe.client_secret, REAL.payu.salt]) t.false(log.includes(secret));
  t.notRegex(JSON.stringify(all.arrivals), /invented|salty|placeholder/);
});

const PAYU_LINKS = 'profile: payu-payment-links, credentials: { client_id: a, client_secret: b, merchant_id: c }';
const TOKEN_URLS = [
  'https://api.phonepe.com/apis/identity-manager/v1/oauth/token',
  'https://accounts.payu.in/oauth/token',
  'https://api-preprod.phonepe.com/apis/pg-sandbox/v1/oauth/token',
];
const ROUTED = ['accounts.payu.in', 'api-preprod.phonepe.com', 'api.phonepe.com', 'oneapi.payu.in'];

test.serial(
  'token hosts come to the proxy whatever NO_PROXY says, and the CA of the run vouches for them',
  async (t) => {
    const { file } = configFile(
      t,
      `
version: 1
providers:
  sandbox: { profile: phonepe, environment: sandbox, credentials: { client_id: a, client_secret: b } }
  phonepe: { profile: phonepe, environment: production, credentials: { client_id: a, client_secret: b, client_version: "1" } }
  payu: { ${PAYU_LINKS}, environment: production, scope: [read_payment_links] }
routes:
  - { provider: sandbox, match: { path: /sandbox } }
  - { provider: phonepe, match: { path: /phonepe } }
  - { provider: payu, match: { path: /payu } }
`,
    );
    const script = `
    const ask = async (url) => (await (await fetch(url, { method: 'POST', body: 'client_id=x' })).json()).access_token;
    const bundle = require('node:fs').readFileSync(process.env.NODE_EXTRA_CA_CERTS, 'utf8');
    Promise.all(${JSON.stringify(TOKEN_URLS)}.map(ask)).then((tokens) =>
      console.log(JSON.stringify({ tokens, noProxy: process.env.NO_PROXY, bundle })));`;
    const args = ['exec', '--intercept', '--config', file, '--', NODE, '-e', script];
    const env = { NO_PROXY: `keep.test,${ROUTED.join()},.payu.in` };
    const { code, stdout, stderr } = await run(t, args, { env });
    t.is(code, 0, stderr);
    const said = JSON.parse(stdout) as { tokens: readonly string[]; noProxy: string; bundle: string };
    for (const token of said.tokens) t.regex(token, /^outrider-placeholder-/);
    t.is(said.noProxy, 'keep.test');
    const { X509Certificate } = await import('@peculiar/x509');
    const ca = new X509Certificate(said.bundle.slice(said.bundle.lastIndexOf('-----BEGIN')));
    const constraints = new Uint8Array(ca.getExtension(NAME_CONSTRAINTS)?.value ?? new ArrayBuffer());
    t.deepEqual(decodeNameConstraints(constraints).toSorted(), ROUTED);
  },
);

test('the page of the clients names the SDKs and their versions, as they are tried here', (t) => {
  const root = join(import.meta.dirname, '../..');
  const { devDependencies: versions } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Readonly<Record<string, string>>;
  };
  const [phonepe, payu] = ['pg-sdk-node', 'payu-websdk'].map((name) => `\`${name}\` ${versions[name]}`);
  const page = readFileSync(join(root, 'config/reference/clients.md'), 'utf8').replaceAll('\n', ' ');
  const sentence = `${phonepe} and ${payu} run unchanged, with made-up credentials, under \`exec --intercept\``;
  t.true(page.includes(sentence), sentence);
});
