import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';
import { checkFormHash, checkPayuV2, checkXVerify, PAYU_COMMAND, PAYU_PAYMENT } from '../profiles/strict.ts';
import type { Received } from '../profiles/strict.ts';

// Published by PhonePe and PayU, or computed where it says so; K is a public test salt.
const K = '099eb0cd-02cf-4e2a-8aca-3e6c6aff0399';
const PAY =
  'ewogICJtZXJjaGFudElkIjogIlBHVEVTVFBBWVVBVCIsCiAgIm1lcmNoYW50VHJhbnNhY3Rpb25JZCI6ICJNVDc4NTA1OTAwNjgxODgxMDQiLAogICJtZXJjaGFudFVzZXJJZCI6ICJNVUlEMTIzIiwKICAiYW1vdW50IjogMTAwMDAsCiAgInJlZGlyZWN0VXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL3JlZGlyZWN0LXVybCIsCiAgInJlZGlyZWN0TW9kZSI6ICJSRURJUkVDVCIsCiAgImNhbGxiYWNrVXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL2NhbGxiYWNrLXVybCIsCiAgIm1vYmlsZU51bWJlciI6ICI5OTk5OTk5OTk5IiwKICAicGF5bWVudEluc3RydW1lbnQiOiB7CiAgICAidHlwZSI6ICJQQVlfUEFHRSIKICB9Cn0=';
const GRANT =
  'ewoJImdyYW50VG9rZW4iOiAiR1JUOTc5YTYzZjQ4ZjIxYjZmMWRiN2JhOTNiYjRhMGZiMjk3NWQ0OWFmYmMyY2QxMDdkYTBmYWMxZGQ1N2RlN2ZiNCIKfQ==';

const JSON_TYPE = ['Content-Type', 'application/json'];
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];

type Check = (received: Received) => string | undefined;

interface Strict {
  readonly outrider: Outrider;
  readonly upstream: Upstream;
  /** What arrived last. */
  readonly received: () => Promise<Received>;
}

/** The built-in profile `profile` behind `/p`, in front of an upstream that admits only what `check` finds nothing wrong with. */
async function given(
  t: ExecutionContext,
  profile: string,
  {
    check,
    credentials,
    base = '',
    hasToken = false,
  }: { check: Check; credentials: Readonly<Record<string, string>>; base?: string; hasToken?: boolean },
): Promise<Strict> {
  const upstream = await startUpstream(t);
  const received = async (): Promise<Received> => {
    const arrival = upstream.requests.at(-1);
    if (!arrival) throw new Error('nothing has arrived');
    const { bytes: body } = await arrival.body();
    return { method: arrival.method, target: arrival.target, header: (name) => arrival.header(name), body };
  };
  upstream.handler = async (arrival) => {
    const wrong = check(await received());
    await arrival.reply(wrong === undefined ? 200 : 401, { body: wrong ?? 'admitted' });
  };
  const token = hasToken ? `, token: "${upstream.origin}/v3/service/auth/access"` : '';
  const outrider = await startOutrider(
    t,
    `
providers:
  p:
    profile: ${profile}
    environment: production
    credentials: ${JSON.stringify(credentials)}
    endpoints: { api: "${upstream.origin}${base}"${token} }
routes: [{ name: p, match: { path: /p }, provider: p }]`,
    { clock: fakeClock() },
  );
  return { outrider, upstream, received };
}

const xVerify = (t: ExecutionContext, salt_key: string): Promise<Strict> =>
  given(t, 'phonepe-x-verify', {
    credentials: { merchant_id: 'M1', salt_key },
    base: '/apis/hermes',
    check: (received) => checkXVerify(received, '/apis/hermes', { 1: salt_key }),
  });

for (const [what, body] of [
  ['plain JSON, which is wrapped', Buffer.from(PAY, 'base64')],
  ['the wrapped form, which stays', Buffer.from(`{ "request" : "${PAY}" }`)],
] as const) {
  test(`X-VERIFY of a payment arrives as PhonePe publishes it, from ${what}`, async (t) => {
    const { outrider, received } = await xVerify(t, K);
    const answer = await outrider.call('/p/pg/v1/pay', { headers: JSON_TYPE, body });
    t.is(answer.text, 'admitted');
    const { header, target, body: arrived } = await received();
    t.is(target, '/apis/hermes/pg/v1/pay');
    t.is(header('x-verify'), 'd7a8e4458caa6fcd781166bbdc85fec76740c18cb9baa9a4c48cf2387d554180###1');
    t.is((JSON.parse(arrived.toString()) as { request: string }).request, PAY);
    t.is(header('x-merchant-id'), 'M1');
    t.is(header('x-client-id'), 'M1');
    t.is(header('content-type'), 'application/json');
    t.is((await outrider.logged(1))[0]?.auth, 'signed');
  });
}

test('X-VERIFY of a grant token arrives as PhonePe publishes it', async (t) => {
  const { outrider, received } = await xVerify(t, '6b451f58-d565-4890-836f-6fb1gjt84d97');
  const body = Buffer.from(GRANT, 'base64');
  t.is((await outrider.call('/p/v3/service/auth/access', { headers: JSON_TYPE, body })).text, 'admitted');
  const { header } = await received();
  t.is(header('x-verify'), '5de0e70cf2b78f3923ca108e583e6a80fabe910efd1726570b3e5cb2040df7d2###1');
});

test('X-VERIFY of a GET covers the path below the base and not the query', async (t) => {
  const { outrider, received } = await xVerify(t, K);
  t.is((await outrider.call('/p/v3/service/userdetails?a=%2F&a')).text, 'admitted');
  const { header, target } = await received();
  t.is(target, '/apis/hermes/v3/service/userdetails?a=%2F&a');
  t.is(header('x-verify'), 'ed62fc5ed97c1719102fd29537dccc87c26a6e3d908489f0751bb6c6fc38a82f###1');
});

test("a caller's own X-VERIFY, whatever its case and number, is replaced", async (t) => {
  const { outrider, upstream } = await xVerify(t, K);
  const headers = ['X-Verify', 'stale###9', 'X-VERIFY', 'other###8', 'x-client-id', 'somebody'];
  t.is((await outrider.call('/p/v3/service/userdetails', { headers })).text, 'admitted');
  t.is(upstream.requests[0]?.headerAll('x-verify').length, 1);
  t.deepEqual(upstream.requests[0]?.headerAll('x-client-id'), ['M1']);
});

test("PayU's command hash arrives as its SDK computes it, behind the caller's own bytes", async (t) => {
  const merchant = { key: 'gtKFFx', salt: 'eCwWELxi' };
  const { outrider, received } = await given(t, 'payu-hash', {
    credentials: merchant,
    check: (received) => checkFormHash(received, { ...merchant, ...PAYU_COMMAND }),
  });
  const body = 'hash=stale&command=verify%5Fpayment&&var1=12345&extra=%zz+';
  const answer = await outrider.call('/p/merchant/postservice.php?form=2', { headers: FORM_TYPE, body });
  t.is(answer.text, 'admitted');
  const hash =
    'b7c06bc70031f3b0d5ce8e5b93ad0be857c3101296cbfd00b31230434629ad3d032488fd0cd6295ce9f374e884e08d035e8296a9842efa0b975c67cd3db6b180';
  t.is((await received()).body.toString(), `command=verify%5Fpayment&&var1=12345&extra=%zz+&key=gtKFFx&hash=${hash}`);
});

test("PayU's payment hash arrives as PayU publishes it; fields that are not there count as empty", async (t) => {
  const merchant = { key: 'C0Dr8m', salt: '3sf0jURk' };
  const { outrider, received } = await given(t, 'payu-payment', {
    credentials: merchant,
    check: (received) => checkFormHash(received, { ...merchant, ...PAYU_PAYMENT }),
  });
  const body = 'udf4=15&txnid=12345&amount=10&productinfo=Shopping&firstname=Test&email=test%40test.com&udf2=abc&udf3=';
  t.is((await outrider.call('/p/_payment', { headers: FORM_TYPE, body })).text, 'admitted');
  const hash =
    'ffcdbf04fa5beefdcc2dd476c18bc410f02b3968e7f4f54e8f43f1e1a310bb32e3b4dec9305232bb89db5b1d0c009a53bcace6f4bd8ec2f695baf3d43ba730ce';
  t.is((await received()).body.toString(), `${body}&key=C0Dr8m&hash=${hash}`);
});

for (const [method, body] of [
  ['GET', undefined],
  ['POST', '{"amount":1.10,"note":"₹"}'],
  ['PUT', '\u0000 any bytes'],
  ['DELETE', undefined],
] as const) {
  test(`PayU v2 signs a ${method} over the raw body and the date that is sent`, async (t) => {
    const merchant = { key: 'k3y', salt: 's₹lt' };
    const { outrider, received } = await given(t, 'payu-v2', {
      credentials: merchant,
      check: (received) => checkPayuV2(received, merchant),
    });
    const own = ['Date', 'Mon, 01 Jan 2001 00:00:00 GMT', 'Authorization', 'Bearer mine'];
    const answer = await outrider.call('/p/v2/payments', { method, headers: own, ...(body !== undefined && { body }) });
    t.is(answer.text, 'admitted');
    t.is((await received()).header('date'), 'Thu, 01 Jan 2026 00:00:00 GMT');
    t.is((await received()).body.toString(), body ?? '');
  });
}

test('a wrong salt is not admitted: the strict upstream is strict', async (t) => {
  const { outrider } = await given(t, 'payu-v2', {
    credentials: { key: 'k', salt: 'one' },
    check: (received) => checkPayuV2(received, { key: 'k', salt: 'two' }),
  });
  const answer = await outrider.call('/p/v2/payments');
  t.is(answer.status, 401);
  t.regex(answer.text, /authorization is/);
  t.is((await outrider.logged(1))[0]?.attempts, 1);
});

test('the exchange of a grant token is signed itself, and the call with its token as PhonePe wants it', async (t) => {
  const { outrider, upstream } = await given(t, 'phonepe-user', {
    credentials: { merchant_id: 'M1', client_id: 'APP', salt_key: K },
    check: (received) => checkXVerify(received, '', { 1: K }),
    hasToken: true,
  });
  // A header is a row of bytes: here those of UTF-8.
  const grant = Buffer.from('GRT-₹').toString('latin1');
  const admit = upstream.handler;
  upstream.handler = async (arrival, n) => {
    if (n > 1) return admit(arrival, n);
    const { method, target } = arrival;
    const { bytes: body } = await arrival.body();
    const wrong = checkXVerify({ method, target, header: (name) => arrival.header(name), body }, '', { 1: K });
    const data = { accessToken: `AUTH-${wrong ?? 'one'}`, expiresInSeconds: 1800 };
    return arrival.reply(200, { body: JSON.stringify({ success: true, code: 'SUCCESS', data }) });
  };
  const answer = await outrider.call('/p/v3/service/userdetails', { headers: ['X-Grant-Token', grant] });
  t.is(answer.text, 'admitted');
  const [exchange, details] = upstream.requests;
  t.is(exchange?.target, '/v3/service/auth/access');
  t.is(exchange?.header('x-client-id'), 'APP');
  const { request } = JSON.parse((await exchange?.body())?.bytes.toString() ?? '') as { request: string };
  t.deepEqual(JSON.parse(Buffer.from(request, 'base64').toString()), { grantToken: 'GRT-₹' });
  t.is(details?.header('x-access-token'), 'AUTH-one');
  t.is(details?.header('x-verify'), 'ed62fc5ed97c1719102fd29537dccc87c26a6e3d908489f0751bb6c6fc38a82f###1');
  t.is(details?.header('x-grant-token'), undefined);
});
