import test from 'ava';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { CallOptions } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import * as odd from '../profiles/odd.ts';
import {
  checkFormHash,
  checkPayuV2,
  checkXVerify,
  digest,
  mac,
  PAYU_COMMAND,
  PAYU_PAYMENT,
} from '../profiles/strict.ts';
import { spelled } from '../profiles/strict.ts';
import type { Received } from '../profiles/strict.ts';

const JSON_TYPE = ['Content-Type', 'application/json'];
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];
const BASE = '/apis/x';

type Send = (target: string, options: CallOptions) => Promise<Received>;

/** Hands `use` a function that sends through an app of its own, whose provider has that salt, and yields what arrived. */
type WithSalt = (salt: string, use: (send: Send) => Promise<void>) => Promise<void>;

/** `yaml` is the provider's profile, as a map in flow style, or a name. */
async function behind(t: ExecutionContext, profile: string, environment = ''): Promise<WithSalt> {
  const upstream = await startUpstream(t);
  return async (salt, use) => {
    const outrider = await startOutrider(
      t,
      `
profiles:
  own: ${profile}
providers:
  p:
    profile: own
    ${environment}
    credentials: { ${/merchant|x-verify/.test(profile) ? 'merchant_id: M1, salt_key' : 'key: k3y, salt'}: "\${SALT}" }
    endpoints: { api: "${upstream.origin}${BASE}" }
routes: [{ name: p, match: { path: /p }, provider: p }]`,
      { clock: fakeClock(), env: { SALT: salt } },
    );
    await use(async (target, options) => {
      const before = upstream.requests.length;
      const answer = await outrider.call(`/p${target}`, options);
      if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
      const arrival = upstream.requests[before];
      if (!arrival || upstream.requests.length !== before + 1) throw new Error('not exactly one request arrived');
      const { bytes: body } = await arrival.body();
      return { method: arrival.method, target: arrival.target, header: (name) => arrival.header(name), body };
    });
    await outrider.app.stop({ signal: 'SIGINT' });
  };
}

/** Runs a property over a few salts, with many requests each. */
async function holds<T>(
  t: ExecutionContext,
  withSalt: WithSalt,
  requests: fc.Arbitrary<T>,
  check: (request: T, send: Send, salt: string) => Promise<void>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(odd.secret, fc.array(requests, { minLength: 1, maxLength: 30, size: 'max' }), (salt, list) =>
      withSalt(salt, async (send) => {
        for (const request of list) await check(request, send, salt);
      }),
    ),
    { numRuns: 8, interruptAfterTimeLimit: 40_000, includeErrorInReport: true },
  );
  t.pass();
}

/** Throws unless nothing is wrong: inside a property an assertion must throw. */
function clean(wrong: string | undefined): void {
  if (wrong !== undefined) throw new Error(wrong);
}
function same(actual: unknown, expected: unknown): void {
  if (actual !== expected)
    throw new Error(`arrived:  ${JSON.stringify(actual)}\nexpected: ${JSON.stringify(expected)}`);
}

test('X-VERIFY verifies for any JSON, path, query and salt, and wraps exactly the bytes that were sent', async (t) => {
  const withSalt = await behind(t, '{ extends: phonepe-x-verify }', 'environment: production');
  const requests = fc.tuple(fc.constantFrom('POST', 'PUT', 'PATCH'), odd.path, odd.query, odd.json, fc.boolean());
  await holds(t, withSalt, requests, async ([method, path, query, body, isWrapped], send, salt) => {
    const base64 = Buffer.from(body).toString('base64');
    const sent = isWrapped ? `\n{ "request"\t: "${base64.replaceAll('/', '\\/')}" } ` : body;
    const received = await send(path + query, { method, headers: JSON_TYPE, body: sent });
    clean(checkXVerify(received, BASE, { 1: salt }));
    same(received.target, BASE + path + query);
    const { request } = JSON.parse(received.body.toString()) as { request: string };
    same(Buffer.from(request, 'base64').toString(), body);
    if (isWrapped) same(received.body.toString(), sent);
  });
});

test('X-VERIFY of a request without a signed body verifies for any path, and its body goes as it came', async (t) => {
  const withSalt = await behind(t, '{ extends: phonepe-x-verify }', 'environment: production');
  const requests = fc.tuple(fc.constantFrom('GET', 'DELETE', 'HEAD'), odd.path, odd.query, fc.option(odd.json));
  await holds(t, withSalt, requests, async ([method, path, query, body], send, salt) => {
    const received = await send(path + query, { method, ...(body === null || method === 'HEAD' ? {} : { body }) });
    clean(checkXVerify(received, BASE, { 1: salt }));
    same(received.target, BASE + path + query);
    same(received.body.toString(), method === 'HEAD' ? '' : (body ?? ''));
  });
});

for (const [profile, hash] of [
  ['payu-hash', PAYU_COMMAND],
  ['payu-payment', PAYU_PAYMENT],
] as const) {
  test(`${profile}: the hash verifies for any form, and every other field keeps its bytes and its place`, async (t) => {
    const withSalt = await behind(t, `{ extends: ${profile} }`, 'environment: production');
    const own = fc
      .shuffledSubarray([...hash.fields])
      .chain((names) => fc.tuple(...names.map((name) => odd.formField(name))));
    const stale = fc.array(
      fc.constantFrom('hash', 'key').chain((name) => odd.formField(name)),
      { maxLength: 2 },
    );
    const requests = fc.tuple(own, fc.array(odd.formPiece, { maxLength: 5 }), stale).chain((all) => {
      const pieces = [...all[0], ...all[1], ...all[2]];
      return fc.tuple(fc.shuffledSubarray(pieces, { minLength: pieces.length }), odd.query);
    });
    await holds(t, withSalt, requests, async ([pieces, query], send, salt) => {
      const received = await send(`/postservice.php${query}`, { headers: FORM_TYPE, body: pieces.join('&') });
      clean(checkFormHash(received, { key: 'k3y', salt, ...hash }));
      const rest = pieces
        .filter((piece) => !['hash', 'key'].includes([...new URLSearchParams(piece).keys()][0] ?? ''))
        .join('&');
      const body = received.body.toString();
      same(body.startsWith(rest), true);
      same(/^&?key=k3y&hash=[0-9a-f]{128}$/.test(body.slice(rest.length)), true);
    });
  });
}

test('PayU v2 verifies for any bytes, compressed or not, and passes them untouched', async (t) => {
  const withSalt = await behind(t, '{ extends: payu-v2 }', 'environment: production');
  const coding = fc.constantFrom([], ['Content-Encoding', 'gzip'], ['Content-Type', 'text/plain; charset=utf-16']);
  const requests = fc.tuple(odd.path, odd.query, fc.uint8Array({ maxLength: 300 }), coding);
  await holds(t, withSalt, requests, async ([path, query, body, headers], send, salt) => {
    const received = await send(path + query, { method: 'POST', headers, body });
    clean(checkPayuV2(received, { key: 'k3y', salt }));
    same(received.target, BASE + path + query);
    same(received.body.toString('hex'), Buffer.from(body).toString('hex'));
  });
});

const JSON_FIELD = `
      credentials: { key: {}, salt: { secret: true } }
      sign:
        - { text: "{{request.json.amount}}|{{request.json.order.id}}|{{credentials.salt}}", algorithm: sha512, set: { json: sig } }
        - { text: "{{request.body}}", algorithm: hmac-sha256, key: "{{credentials.salt}}", encode: base64, set: { header: x-mac } }`;

test('a JSON field verifies by the spelling of its scalars, a later header covers it, and the other bytes stay', async (t) => {
  const withSalt = await behind(t, JSON_FIELD);
  const amount = odd.member('amount', fc.oneof(odd.jsonNumber, odd.jsonString, fc.constantFrom('true', 'null')));
  const order = odd.member(
    'order',
    odd.member('id', odd.jsonString).map((inner) => `{${inner}}`),
  );
  const stale = fc.option(
    odd.member(
      'sig',
      odd.jsonString.map(() => '"OLD"'),
    ),
  );
  const requests = fc.tuple(amount, order, stale, fc.array(odd.jsonMember, { maxLength: 4 })).chain((all) => {
    const members = [all[0], all[1], ...(all[2] === null ? [] : [all[2]]), ...all[3]];
    return fc.shuffledSubarray(members, { minLength: members.length });
  });
  await holds(t, withSalt, requests, async (members, send, salt) => {
    const sent = ` {${members.join(',')}}\n`;
    const received = await send('/orders', { headers: JSON_TYPE, body: sent });
    const body = received.body.toString();
    const sig = digest('sha512', `${spelled(body, 'amount')}|${spelled(body, 'order', 'id')}|${salt}`);
    same((JSON.parse(body) as { sig: string }).sig, sig);
    same(received.header('x-mac'), mac(salt, received.body).toString('base64'));
    same(sent.includes('"OLD"') ? body.replace(sig, 'OLD') : body.replace(`,"sig":"${sig}"`, ''), sent);
  });
});

const QUERY_FIELD = `
      credentials: { key: {}, salt: { secret: true } }
      inject: { query: { "api key": "{{credentials.key}}" } }
      sign: [{ text: "{{request.method}} {{request.target}} {{credentials.salt}}", algorithm: md5, case: upper, set: { query: sig } }]`;

/** The name of `name=value` as a receiver reads it. */
const nameOf = (piece: string): string => [...new URLSearchParams(piece).keys()][0] ?? '';
const shuffled = (all: readonly string[]): fc.Arbitrary<string[]> =>
  fc.shuffledSubarray([...all], { minLength: all.length });

test('a signature in the query verifies for any target, and the other parameters keep their bytes', async (t) => {
  const withSalt = await behind(t, QUERY_FIELD);
  const short = fc.string({ maxLength: 4 });
  const stale = fc.array(
    fc.oneof(
      fc.constantFrom('api+key=2', 'api%20key', '%61pi%20key=%zz', 'sig', 's%69g=%zz', 'sig=old=1'),
      odd.formField('sig', short),
    ),
    { maxLength: 3 },
  );
  const alike = fc.subarray(['Sig=1', 'sig2=1', 'sig+=1', '=sig', 'apikey=1']);
  const requests = fc
    .tuple(odd.path, odd.query, stale, alike)
    .chain(([path, query, old, near]) =>
      fc.tuple(fc.constant(path), shuffled([...(query === '' ? [] : query.slice(1).split('&')), ...old, ...near])),
    );
  await holds(t, withSalt, requests, async ([path, pieces], send, salt) => {
    const own = pieces.length === 0 ? '' : `?${pieces.join('&')}`;
    const { target } = await send(path + own, { method: 'GET' });
    const [, before = '', sig = ''] = /^(.*)[?&]sig=([^&]*)$/.exec(target) ?? [];
    same(sig, digest('md5', `GET ${before.slice(BASE.length)} ${salt}`).toUpperCase());
    const kept = pieces.filter((piece) => !['sig', 'api key'].includes(nameOf(piece)));
    const rest = `${BASE + path}?${kept.join('&')}`;
    same(before.startsWith(rest), true);
    same(/^&?api%20key=k3y$/.test(before.slice(rest.length)), true);
  });
});

const FORM_WHOLE = `
      credentials: { key: {}, salt: { secret: true } }
      sign: [{ text: "{{request.body}}{{credentials.salt}}", algorithm: sha512, set: { form: hash } }]`;

test('a signature over the form that it goes into covers the bytes that are sent around it', async (t) => {
  const withSalt = await behind(t, FORM_WHOLE);
  const requests = fc
    .tuple(fc.array(odd.formPiece, { maxLength: 5 }), fc.array(odd.formField('hash'), { maxLength: 2 }))
    .chain(([pieces, stale]) => shuffled([...pieces, ...stale]));
  await holds(t, withSalt, requests, async (pieces, send, salt) => {
    const received = await send('/form', { method: 'POST', headers: FORM_TYPE, body: pieces.join('&') });
    const rest = pieces.filter((piece) => nameOf(piece) !== 'hash').join('&');
    const separator = rest === '' || rest.endsWith('&') ? '' : '&';
    same(received.body.toString(), `${rest}${separator}hash=${digest('sha512', rest + salt)}`);
  });
});

const JSON_WHOLE = FORM_WHOLE.replace('form: hash', 'json: sig');

test('a signature over the JSON that it goes into covers the bytes that are sent around it', async (t) => {
  const withSalt = await behind(t, JSON_WHOLE);
  const stale = fc.option(
    odd.member(
      'sig',
      odd.jsonString.map(() => '"OLD"'),
    ),
  );
  const requests = fc
    .tuple(fc.array(odd.jsonMember, { maxLength: 4 }), stale)
    .chain(([members, old]) => shuffled([...members, ...(old === null ? [] : [old])].map((text) => text.trim())));
  await holds(t, withSalt, requests, async (members, send, salt) => {
    const received = await send('/json', { method: 'POST', headers: JSON_TYPE, body: `{${members.join(',')}}` });
    const isStale = (text: string): boolean => text.startsWith('"sig"');
    const rest = members.filter((text) => !isStale(text));
    const sig = digest('sha512', `{${rest.join(',')}}${salt}`);
    const sent = members.map((text) => (isStale(text) ? text.replace('"OLD"', `"${sig}"`) : text));
    if (rest.length === members.length) sent.push(`"sig":"${sig}"`);
    same(received.body.toString(), `{${sent.join(',')}}`);
  });
});
