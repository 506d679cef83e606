import { gzipSync } from 'node:zlib';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';
import { checkFormHash, checkPayuV2, checkXVerify, PAYU_COMMAND } from '../profiles/strict.ts';
import type { Received } from '../profiles/strict.ts';

const MERCHANT = { key: 'k3y', salt: 's4lt of the merchant' };
const JSON_TYPE = ['Content-Type', 'application/json'];
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];

/** Each signing profile behind its own name. */
async function given(t: ExecutionContext): Promise<{ outrider: Outrider; upstream: Upstream }> {
  const upstream = await startUpstream(t);
  const provider = (profile: string, credentials: object): string =>
    `  ${profile}: { profile: ${profile}, environment: production, credentials: ${JSON.stringify(credentials)}, endpoints: { api: "${upstream.origin}" } }`;
  const route = (name: string): string => `  - { name: ${name}, match: { path: /${name} }, provider: ${name} }`;
  const outrider = await startOutrider(
    t,
    `
limits: { signed_body: 1KiB }
providers:
${provider('phonepe-x-verify', { merchant_id: 'M1', salt_key: MERCHANT.salt })}
${provider('payu-hash', MERCHANT)}
${provider('payu-v2', MERCHANT)}
routes:
${['phonepe-x-verify', 'payu-hash', 'payu-v2'].map(route).join('\n')}`,
    { clock: fakeClock() },
  );
  return { outrider, upstream };
}

async function last({ requests }: Upstream): Promise<Received> {
  const arrival = requests.at(-1);
  if (!arrival) throw new Error('nothing has arrived');
  const { bytes: body } = await arrival.body();
  return { method: arrival.method, target: arrival.target, header: (name) => arrival.header(name), body };
}

const wrongXVerify = async (upstream: Upstream) => checkXVerify(await last(upstream), '', { 1: MERCHANT.salt });
const wrongHash = async (upstream: Upstream) => checkFormHash(await last(upstream), { ...MERCHANT, ...PAYU_COMMAND });
const wrongV2 = async (upstream: Upstream) => checkPayuV2(await last(upstream), MERCHANT);

const LARGEST: Readonly<Record<string, (bytes: number) => string>> = {
  'phonepe-x-verify': (bytes) => `"${'x'.repeat(bytes - 2)}"`,
  'payu-hash': (bytes) => `command=a&var1=${'x'.repeat(bytes - 15)}`,
  'payu-v2': (bytes) => '₹'.repeat(bytes / 3).padEnd(bytes - 2 * Math.floor(bytes / 3), 'x'),
};

for (const [profile, body] of Object.entries(LARGEST)) {
  for (const framing of [[], ['Transfer-Encoding', 'chunked']]) {
    const how = framing.length > 0 ? 'a chunked body' : 'a body';
    test(`${profile}: ${how} of signed_body is signed, one byte more is a 413 and no connection`, async (t) => {
      const { outrider, upstream } = await given(t);
      const headers = [...framing, ...(profile === 'payu-hash' ? FORM_TYPE : JSON_TYPE)];
      const refused = await outrider.call(`/${profile}/x`, { method: 'POST', headers, body: body(1025) });
      assertProblem(t, refused, { status: 413, code: 'body_too_large', route: profile, detail: /1024 bytes/ });
      t.is(upstream.connections, 0);
      t.is(Buffer.byteLength(body(1024)), 1024);
      const answer = await outrider.call(`/${profile}/x`, { method: 'POST', headers, body: body(1024) });
      t.is(answer.status, 200, answer.text);
    });
  }
}

test('a caller who asks first hears of the 413 before it sends the body', async (t) => {
  const { outrider, upstream } = await given(t);
  const client = await rawClient(t, outrider.port);
  await client.send(
    'POST /payu-v2/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n',
  );
  const answer = await client.answer();
  t.is(answer.status, 413);
  t.deepEqual(answer.informational, []);
  t.is(upstream.connections, 0);
});

test('a body that no signature covers is not held to signed_body', async (t) => {
  const { outrider, upstream } = await given(t);
  const body = 'x'.repeat(5_000);
  t.is((await outrider.call('/phonepe-x-verify/x', { method: 'DELETE', body })).status, 200);
  t.is(await wrongXVerify(upstream), undefined);
  t.is((await last(upstream)).body.toString(), body);
});

const BOM = '\ufeff';
const REFUSED: Readonly<Record<string, readonly [string, readonly string[], string | Uint8Array, RegExp]>> = {
  'no JSON': ['phonepe-x-verify', JSON_TYPE, '{"a":1', /must be JSON; it is not/],
  'two JSON texts': ['phonepe-x-verify', JSON_TYPE, '{} {}', /must be JSON; it is not/],
  'an empty body where JSON is needed': ['phonepe-x-verify', JSON_TYPE, '', /JSON; it is empty/],
  'JSON with a byte order mark': ['phonepe-x-verify', JSON_TYPE, `${BOM}{}`, /byte order mark/],
  'JSON in broken UTF-8': ['phonepe-x-verify', JSON_TYPE, Buffer.from([0x22, 0xc3, 0x22]), /not valid UTF-8/],
  'JSON in UTF-16': ['phonepe-x-verify', JSON_TYPE, Buffer.from('{}', 'utf16le'), /must be JSON; it is not/],
  'JSON in another charset': [
    'phonepe-x-verify',
    ['Content-Type', 'application/json; charset=latin1'],
    '{}',
    /another charset/,
  ],
  'JSON that is said to be a form': ['phonepe-x-verify', FORM_TYPE, '{}', /Content-Type says otherwise/],
  'JSON that is said to be text': ['phonepe-x-verify', ['Content-Type', 'text/plain'], '{}', /Content-Type says/],
  'compressed JSON': [
    'phonepe-x-verify',
    [...JSON_TYPE, 'Content-Encoding', 'gzip'],
    gzipSync('{}'),
    /Content-Encoding says that it is compressed/,
  ],
  'a form that is said to be JSON': ['payu-hash', JSON_TYPE, 'command=a', /must be a form; its Content-Type says/],
  'JSON where a form is needed': ['payu-hash', [], '{"command":"a"}', /does not look like one/],
  'a multipart form with a file': [
    'payu-hash',
    ['Content-Type', 'multipart/form-data; boundary=x'],
    '--x\r\nContent-Disposition: form-data; name="var1"; filename="a"\r\n\r\n\r\n--x--\r\n',
    /the part "var1" is a file/,
  ],
  'a form in Latin-1': ['payu-hash', ['Content-Type', `${FORM_TYPE[1]}; charset=latin1`], 'command=%e9', /in ASCII/],
  'a form with a byte order mark': ['payu-hash', FORM_TYPE, `${BOM}command=a`, /byte order mark/],
  'a form in broken UTF-8': ['payu-hash', FORM_TYPE, Buffer.from([0x61, 0x3d, 0xff]), /not valid UTF-8/],
  'a compressed form': ['payu-hash', [...FORM_TYPE, 'Content-Encoding', 'br'], 'command=a', /compressed/],
  'a signed field twice': ['payu-hash', FORM_TYPE, 'command=a&c%6fmmand=b', /"command" .* sent twice/],
  'a signed field whose escapes are no UTF-8': ['payu-hash', FORM_TYPE, 'command=%ff', /"command" .* not UTF-8/],
};

for (const [what, [profile, headers, body, reason]] of Object.entries(REFUSED)) {
  test(`${what} is refused with the reason, and nothing is sent`, async (t) => {
    const { outrider, upstream } = await given(t);
    const answer = await outrider.call(`/${profile}/x`, { method: 'POST', headers, body });
    assertProblem(t, answer, { status: 400, code: 'bad_body', route: profile, detail: reason });
    t.notRegex(answer.text, /s4lt|k3y/);
    t.is(upstream.connections, 0);
  });
}

for (const [what, type] of Object.entries({
  'with a quoted charset': 'Application/JSON; charset="UTF-8"',
  'of a vendor': 'application/vnd.phonepe.v1+json',
})) {
  test(`JSON ${what} is JSON`, async (t) => {
    const { outrider, upstream } = await given(t);
    const answer = await outrider.call('/phonepe-x-verify/x', { headers: ['Content-Type', type], body: '{}' });
    t.is(answer.status, 200, answer.text);
    t.is(await wrongXVerify(upstream), undefined);
    t.is((await last(upstream)).header('content-type'), type);
  });
}

test('a body without a Content-Type is taken by its look, and gets one where it is changed', async (t) => {
  const { outrider, upstream } = await given(t);
  for (const [profile, body, type] of [
    ['phonepe-x-verify', ' [1]', 'application/json'],
    ['payu-hash', 'command=a', 'application/x-www-form-urlencoded'],
    ['payu-v2', 'command=a', undefined],
  ] as const) {
    const answer = await outrider.call(`/${profile}/x`, { body });
    t.is(answer.status, 200, answer.text);
    t.is((await last(upstream)).header('content-type'), type);
  }
});

test('an empty body: a form gets its fields, raw bytes are signed as none', async (t) => {
  const { outrider, upstream } = await given(t);
  for (const framing of [['Content-Length', '0'], []]) {
    t.is((await outrider.call('/payu-hash/x', { method: 'POST', headers: framing })).status, 200);
    t.is(await wrongHash(upstream), undefined);
    t.regex((await last(upstream)).body.toString(), /^key=k3y&hash=[0-9a-f]{128}$/);
    t.is((await outrider.call('/payu-v2/x', { method: 'POST', headers: framing })).status, 200);
    t.is(await wrongV2(upstream), undefined);
    t.is((await last(upstream)).body.length, 0);
  }
});

test('a GET with a body: signed as a GET where the profile says so, over its bytes where it signs bytes', async (t) => {
  const { outrider, upstream } = await given(t);
  const body = 'not { JSON';
  t.is((await outrider.call('/phonepe-x-verify/x', { method: 'GET', body })).status, 200);
  t.is(await wrongXVerify(upstream), undefined);
  t.is((await last(upstream)).body.toString(), body);
  t.is((await outrider.call('/payu-v2/x', { method: 'GET', body })).status, 200);
  t.is(await wrongV2(upstream), undefined);
  t.is((await last(upstream)).body.toString(), body);
});

test('a compressed body is signed as it is sent where the profile signs bytes', async (t) => {
  const { outrider, upstream } = await given(t);
  const body = gzipSync('{"amount":1}');
  const headers = [...JSON_TYPE, 'Content-Encoding', 'gzip'];
  t.is((await outrider.call('/payu-v2/x', { method: 'POST', headers, body })).status, 200);
  t.is(await wrongV2(upstream), undefined);
  t.deepEqual((await last(upstream)).body, body);
  t.is((await last(upstream)).header('content-encoding'), 'gzip');
});

for (const [profile, method, allowed] of [
  ['phonepe-x-verify', 'OPTIONS', 'POST, PUT, PATCH, GET, DELETE, HEAD'],
  ['payu-hash', 'GET', 'POST'],
] as const) {
  test(`${profile}: ${method}, which it does not sign, is refused and never sent unsigned`, async (t) => {
    const { outrider, upstream } = await given(t);
    const answer = await outrider.call(`/${profile}/x`, { method });
    assertProblem(t, answer, { status: 405, code: 'method_not_allowed', route: profile });
    t.is(answer.header('allow'), allowed);
    t.is(upstream.connections, 0);
  });
}
