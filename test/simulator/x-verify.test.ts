import test from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import { FORM, JSON_TYPE, opened, sealed, send, sha256 } from './client.ts';

const BASE = '/phonepe-x-verify/apis/pg-sandbox';
const PAY = {
  merchantId: 'test',
  merchantTransactionId: 'txn-1',
  amount: 1000,
  paymentInstrument: { type: 'PAY_PAGE' },
};
const K = '099eb0cd-02cf-4e2a-8aca-3e6c6aff0399';

test('a payment exists afterwards, with its amount', async (t) => {
  const simulator = await startSimulator(t);
  const { headers, body } = sealed('/pg/v1/pay', PAY);
  const paid = await send(simulator, 'POST', `${BASE}/pg/v1/pay`, headers, body);
  t.is(paid.status, 200);
  t.like(paid.body, { success: true, code: 'PAYMENT_INITIATED' });
  const path = '/pg/v1/status/test/txn-1';
  const status = await send(simulator, 'GET', BASE + path, opened(path));
  t.like(status.body, { code: 'PAYMENT_SUCCESS', data: { merchantTransactionId: 'txn-1', amount: 1000 } });
  const none = '/pg/v1/status/test/txn-2';
  const lost = await send(simulator, 'GET', BASE + none, opened(none));
  t.is(lost.status, 404);
  t.is(lost.body.code, 'TRANSACTION_NOT_FOUND');
});

test('the published vector for /pg/v1/pay is accepted', async (t) => {
  const request =
    'ewogICJtZXJjaGFudElkIjogIlBHVEVTVFBBWVVBVCIsCiAgIm1lcmNoYW50VHJhbnNhY3Rpb25JZCI6ICJNVDc4NTA1OTAwNjgxODgxMDQiLAogICJtZXJjaGFudFVzZXJJZCI6ICJNVUlEMTIzIiwKICAiYW1vdW50IjogMTAwMDAsCiAgInJlZGlyZWN0VXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL3JlZGlyZWN0LXVybCIsCiAgInJlZGlyZWN0TW9kZSI6ICJSRURJUkVDVCIsCiAgImNhbGxiYWNrVXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL2NhbGxiYWNrLXVybCIsCiAgIm1vYmlsZU51bWJlciI6ICI5OTk5OTk5OTk5IiwKICAicGF5bWVudEluc3RydW1lbnQiOiB7CiAgICAidHlwZSI6ICJQQVlfUEFHRSIKICB9Cn0=';
  const verify = 'd7a8e4458caa6fcd781166bbdc85fec76740c18cb9baa9a4c48cf2387d554180###1';
  const simulator = await startSimulator(t, {
    providers: [{ name: 'p', kind: 'phonepe-x-verify', credentials: { merchant_id: 'PGTESTPAYUAT', salt_key: K } }],
  });
  const path = '/p/apis/pg-sandbox/pg/v1/pay';
  const answer = await send(simulator, 'POST', path, { ...JSON_TYPE, 'x-verify': verify }, JSON.stringify({ request }));
  t.is(answer.status, 200);
});

test('the published vectors for the services are accepted', async (t) => {
  const salt_key = '6b451f58-d565-4890-836f-6fb1gjt84d97';
  const request =
    'ewoJImdyYW50VG9rZW4iOiAiR1JUOTc5YTYzZjQ4ZjIxYjZmMWRiN2JhOTNiYjRhMGZiMjk3NWQ0OWFmYmMyY2QxMDdkYTBmYWMxZGQ1N2RlN2ZiNCIKfQ==';
  const simulator = await startSimulator(t, {
    providers: [
      { name: 'one', kind: 'phonepe-user', credentials: { salt_key } },
      { name: 'two', kind: 'phonepe-x-verify', credentials: { salt_key: K } },
    ],
  });
  const headers = {
    ...JSON_TYPE,
    'x-client-id': 'test',
    'x-verify': '5de0e70cf2b78f3923ca108e583e6a80fabe910efd1726570b3e5cb2040df7d2###1',
  };
  const access = await send(simulator, 'POST', '/one/v3/service/auth/access', headers, JSON.stringify({ request }));
  t.is(access.status, 200);
  t.like(access.body, { success: true, code: 'SUCCESS', data: { expiresInSeconds: 1800 } });
  t.regex(access.body.data.accessToken, /^AUTH/);
  const details = await send(simulator, 'GET', '/two/apis/pg-sandbox/v3/service/userdetails', {
    'x-client-id': 'test',
    'x-verify': 'ed62fc5ed97c1719102fd29537dccc87c26a6e3d908489f0751bb6c6fc38a82f###1',
  });
  t.is(details.status, 200);
});

const PATH = '/pg/v1/pay';
const { headers: GOOD, body: BODY } = sealed(PATH, PAY);
const signature = (text: string, index = '1') => ({ 'x-verify': `${sha256(text)}###${index}` });
const { request: REQUEST } = JSON.parse(BODY) as { request: string };

for (const [what, change] of [
  ['no X-VERIFY', { 'x-verify': '' }],
  ['a wrong salt', signature(`${REQUEST}${PATH}wrong`)],
  ['the salt of the other index', signature(`${REQUEST}${PATH}test2`)],
  ['an index that does not exist', signature(`${REQUEST}${PATH}test`, '3')],
  ['no index', { 'x-verify': sha256(`${REQUEST}${PATH}test`) }],
  ['the base in the path', signature(`${REQUEST}/apis/pg-sandbox${PATH}test`)],
  ['the plain JSON signed', signature(`${JSON.stringify(PAY)}${PATH}test`)],
  ['upper case', { 'x-verify': `${sha256(`${REQUEST}${PATH}test`).toUpperCase()}###1` }],
  ['something behind the index', { 'x-verify': `${GOOD['x-verify']}###1` }],
] as const)
  test(`a payment with ${what} is AUTHORIZATION_FAILED`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await send(simulator, 'POST', BASE + PATH, { ...GOOD, ...change }, BODY);
    t.is(answer.status, 401);
    t.like(answer.body, { success: false, code: 'AUTHORIZATION_FAILED' });
    t.is((await simulator.calls('phonepe-x-verify')).api.rejected, 1);
  });

test('both salts are good at once, each at its index, and the given one may be the second', async (t) => {
  const credentials = { salt_key: 'old', salt_index: '2', salt_key_2: 'new' };
  const simulator = await startSimulator(t, {
    providers: [{ name: 'p', kind: 'phonepe-x-verify', credentials }],
  });
  const pay = async (salt: string, index: string) => {
    const { headers, body } = sealed(PATH, PAY, salt, index);
    return (await send(simulator, 'POST', `/p/apis/pg-sandbox${PATH}`, headers, body)).status;
  };
  t.is(await pay('old', '2'), 200);
  t.is(await pay('new', '1'), 200);
  t.is(await pay('old', '1'), 401);
  t.is(await pay('new', '2'), 401);
});

test('the default second salt is test2', async (t) => {
  const simulator = await startSimulator(t);
  const { headers, body } = sealed(PATH, PAY, 'test2', '2');
  t.is((await send(simulator, 'POST', BASE + PATH, headers, body)).status, 200);
});

for (const [what, body, headers, status] of [
  ['plain JSON', JSON.stringify(PAY), GOOD, 400],
  ['another key beside request', JSON.stringify({ request: REQUEST, more: 1 }), GOOD, 400],
  ['base64url', JSON.stringify({ request: `${REQUEST.replaceAll('=', '')}_` }), GOOD, 400],
  ['a form', `request=${encodeURIComponent(REQUEST)}`, { ...GOOD, ...FORM }, 415],
] as const)
  test(`a payment as ${what} is refused before its signature counts`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await send(simulator, 'POST', BASE + PATH, headers, body);
    t.is(answer.status, status);
    t.is((await simulator.calls('phonepe-x-verify')).api.refused, 1);
  });

for (const [what, payload, status, code] of [
  ['another merchant', { ...PAY, merchantId: 'other' }, 401, 'UNAUTHORIZED'],
  ['no amount', { ...PAY, amount: undefined }, 400, 'BAD_REQUEST'],
  ['a list', [PAY], 400, 'BAD_REQUEST'],
] as const)
  test(`a well signed payment with ${what} is a ${code}`, async (t) => {
    const simulator = await startSimulator(t);
    const { headers, body } = sealed(PATH, payload);
    const answer = await send(simulator, 'POST', BASE + PATH, headers, body);
    t.is(answer.status, status);
    t.is(answer.body.code, code);
  });

test('a GET is signed over its path without the query', async (t) => {
  const simulator = await startSimulator(t);
  const path = '/pg/v1/status/test/txn-1';
  t.is((await send(simulator, 'GET', `${BASE}${path}?a=1`, opened(path))).status, 404);
  t.is((await send(simulator, 'GET', `${BASE}${path}?a=1`, opened(`${path}?a=1`))).status, 401);
});

test('the status call names the merchant in X-MERCHANT-ID, a service call the client in X-CLIENT-ID', async (t) => {
  const simulator = await startSimulator(t);
  const path = '/pg/v1/status/test/txn-1';
  const { 'x-merchant-id': _, ...rest } = opened(path);
  const answer = await send(simulator, 'GET', BASE + path, rest);
  t.is(answer.status, 401);
  t.is(answer.body.code, 'UNAUTHORIZED');
  const grant = sealed('/v3/service/auth/access', { grantToken: 'GRT1' });
  const headers = { ...grant.headers, 'x-client-id': 'other' };
  t.is(
    (await send(simulator, 'POST', `${BASE}/v3/service/auth/access`, headers, grant.body)).body.code,
    'UNAUTHORIZED',
  );
});

async function accessToken(simulator: Parameters<typeof send>[0], grantToken: string) {
  const { headers, body } = sealed('/v3/service/auth/access', { grantToken });
  return send(simulator, 'POST', '/phonepe-user/v3/service/auth/access', headers, body);
}

test('each grant token brings the details of its own user', async (t) => {
  const simulator = await startSimulator(t);
  const details = async (grant: string) => {
    const { body } = await accessToken(simulator, grant);
    const headers = { ...opened('/v3/service/userdetails'), 'x-access-token': body.data.accessToken };
    return (await send(simulator, 'GET', '/phonepe-user/v3/service/userdetails', headers)).body.data;
  };
  const [one, two, again] = [await details('GRT1'), await details('GRT2'), await details('GRT1')];
  t.regex(one.phoneNumber, /^9\d{9}$/);
  t.not(one.phoneNumber, two.phoneNumber);
  t.deepEqual(one, again);
  t.like((await simulator.calls('phonepe-user')).token, { fetch: 3, ok: 3 });
});

test('a grant token that is none is UNAUTHORIZED', async (t) => {
  const simulator = await startSimulator(t);
  const answer = await accessToken(simulator, 'ABC');
  t.is(answer.status, 401);
  t.is(answer.body.code, 'UNAUTHORIZED');
  t.like((await simulator.calls('phonepe-user')).token, { ok: 0, refused: 1 });
});

test('user details want an access token that is known, unexpired and not revoked', async (t) => {
  const simulator = await startSimulator(t);
  const code = async (token: Record<string, string>) => {
    const headers = { ...opened('/v3/service/userdetails'), ...token };
    const { status, body } = await send(simulator, 'GET', '/phonepe-user/v3/service/userdetails', headers);
    return `${status} ${body.code}`;
  };
  t.is(await code({}), '401 UNAUTHORIZED');
  t.is(await code({ 'x-access-token': 'AUTHnobody' }), '401 UNAUTHORIZED');
  const token = { 'x-access-token': (await accessToken(simulator, 'GRT1')).body.data.accessToken as string };
  t.is(await code(token), '200 SUCCESS');
  await simulator.control('revoke', { provider: 'phonepe-user' });
  t.is(await code(token), '401 UNAUTHORIZED');
  const second = { 'x-access-token': (await accessToken(simulator, 'GRT1')).body.data.accessToken as string };
  await simulator.clock.advance(1_800_000);
  t.is(await code(second), '401 UNAUTHORIZED');
});
