import test from 'ava';
import type { ExecutionContext } from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { fakeClock } from '../helpers/clock.ts';
import type { CallOptions } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { startPiece, yamlOfPiece } from './given.ts';
import { BLOCKS, blockOf, rowsOf, yamlOf } from './page.ts';
import { digest } from './strict.ts';

// What the page says of requests: each piece runs in a proxy, and the upstream checks by itself.

const SALTED = {
  profile: { credentials: { salt: { secret: true } } },
  provider: { credentials: { salt: 's' } },
};

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];
const JSON_TYPE = ['Content-Type', 'application/json'];

/** A proxy with a piece of the page that signs; `send` yields what arrived, or the detail of the refusal. */
async function start(t: ExecutionContext, name: string) {
  const upstream = await startUpstream(t);
  const outrider = await startPiece(t, name, upstream.origin, SALTED);
  return async (target: string, options: CallOptions) => {
    const before = upstream.requests.length;
    const answer = await outrider.call(`/p${target}`, { method: 'POST', ...options });
    const arrival = upstream.requests[before];
    if (arrival) return { arrival, body: (await arrival.body()).bytes.toString('utf8'), refused: '' };
    const { detail } = assertProblem(t, answer, { status: 400, code: 'bad_body', route: 'p' });
    return { arrival, body: '', refused: detail };
  };
}

test('conditions: each form is signed in the way of its version, and one of another version is refused', async (t) => {
  const send = await start(t, 'conditions');
  const headers = [...FORM, 'X-Live', 'yes'];
  for (const [form, signed] of [
    ['order=7', '7|s'],
    ['order=7&version=1&discount=', '7|s'],
    ['order=7&version=1&discount=3', '7|3|s'],
    ['order=7&ver%73ion=2', '2|7|s'],
  ] as const) {
    const { body } = await send('/x', { headers, body: form });
    t.is(body, `${form}&hash=${digest('sha512', signed)}`);
  }
  const { refused } = await send('/x', { headers, body: 'order=7&version=3' });
  t.is(refused, 'version is neither 1 nor 2, so nobody says how this is signed');
  t.regex((await send('/x', { headers, body: 'version=1&version=2' })).refused, /version/);
});

test('fields: what JSON, query and headers say decides whether a request is signed', async (t) => {
  const send = await start(t, 'fields');
  const refund = '{"order":{"kind":"refund"}}';
  const fine = async (target: string, headers: readonly string[], body: string): Promise<void> => {
    const { arrival } = await send(target, { headers: [...JSON_TYPE, ...headers], body });
    t.is(arrival?.header('x-hash'), digest('sha256', `${body}s`));
  };
  await fine('/x?draft', [], '{"order":{"kind":"sale"}}');
  await fine('/x', ['x-approved-by', 'ann'], refund);
  const refused = async (target: string, headers: readonly string[], body: string): Promise<string> =>
    (await send(target, { headers: [...JSON_TYPE, ...headers], body })).refused;
  t.is(await refused('/x', [], refund), 'a refund needs X-Approved-By');
  t.is(await refused('/x?d%72aft=1', ['X-Approved-By', 'ann'], refund), 'a draft is never signed');
});

const cell = (text: string): string => text.replace(/^`([^`]*)`.*$/, '$1');

test('wrap: what a caller may send, and what is sent for it', async (t) => {
  const send = await start(t, 'wrap');
  const rows = rowsOf('the caller sends');
  t.is(rows.length, 4);
  for (const { key, cells } of rows) {
    const [shown = ''] = cells;
    const expected = shown.startsWith('`') ? cell(shown) : key;
    const { arrival, body } = await send('/x', { headers: JSON_TYPE, body: key });
    t.is(body, expected, key);
    const { request } = JSON.parse(body) as { request: string };
    t.is(arrival?.header('x-verify'), digest('sha256', `${request}s`));
  }
});

test('form: a charset that is not UTF-8 is fine for ASCII, and a part takes the place of another', async (t) => {
  const send = await start(t, 'form');
  const hash = digest('md5', 'verify|s');
  for (const charset of ['', '; charset=ISO-8859-1', '; charset=utf-8']) {
    const headers = ['Content-Type', `application/x-www-form-urlencoded${charset}`];
    t.is((await send('/x', { headers, body: 'command=verify' })).body, `command=verify&hash=${hash}`);
  }
  const lines = (BLOCKS[BLOCKS.indexOf(blockOf('piece', 'form')) + 1]?.text ?? '').trimEnd().split('\n');
  const side = (n: 0 | 1): string => lines.map((line) => `${line.split(/ {2,}(?:=> {2,})?/)[n] ?? ''}\r\n`).join('');
  const headers = ['Content-Type', 'multipart/form-data; boundary=b'];
  t.true(side(0).includes('made up'));
  t.is((await send('/x', { headers, body: side(0) })).body, side(1));
  const file = side(0).replace('name="command"', 'name="command"; filename="a.txt"');
  t.regex((await send('/x', { headers, body: file })).refused, /command/);
});

test('times: each header has the value that stands behind it', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startPiece(t, 'times', upstream.origin, { clock: fakeClock(Date.UTC(2026, 0, 1)) });
  await outrider.call('/p/x');
  const shown = [...blockOf('piece', 'times').text.matchAll(/^ {4}(\S+): .*# (\S+)$/gm)];
  t.is(shown.length, 6);
  for (const [, name = '', value] of shown) t.is(upstream.requests[0]?.header(name), value, name);
});

const GIVEN = { merchant_id: 'm', client_version: '1', client_secret: 'c', key: 'k', passphrase: 'p' };

/** What is said of the page's credentials with these values in place of good ones. */
function said(values: Readonly<Record<string, string>>): string[] {
  const provider = {
    environment: 'sandbox',
    endpoints: { api: 'https://api.example' },
    credentials: { ...GIVEN, ...values },
  };
  const yaml = yamlOfPiece('credentials', 'https://api.example', { provider });
  return parseConfig(`version: 1\n${yaml}`, '/proxy.config.yaml', { env: {} }).diagnostics.map(
    ({ code, path }) => `${code} ${path}`,
  );
}

test('credentials: what may be empty, what may hold no colon, and what looks like a slip', (t) => {
  t.deepEqual(said({}), []);
  t.deepEqual(said({ passphrase: '' }), []);
  t.deepEqual(said({ key: 'a:b' }), ['invalid_value providers.p.credentials.key']);
  t.deepEqual(said({ key: '' }), ['empty_secret providers.p.credentials.key']);
  t.deepEqual(said({ client_secret: 'c ' }), ['suspicious_secret providers.p.credentials.client_secret']);
});

test('api_paths: at the forward door the path decides between profiles of one upstream', async (t) => {
  const upstream = await startUpstream(t);
  const { api_paths } = yamlOf(blockOf('piece', 'credentials').text) as { readonly api_paths: readonly string[] };
  const marks = (mark: string, more: object = {}) => ({ ...more, inject: { headers: { 'x-profile': mark } } });
  const file = {
    forward: { mode: 'plain' },
    profiles: { rest: marks('rest'), own: marks('own', { api_paths }) },
    providers: { rest: { profile: 'rest' }, own: { profile: 'own' } },
    routes: ['rest', 'own'].map((provider) => ({
      provider,
      match: { path: `/${provider}` },
      upstream: upstream.origin,
    })),
  };
  const outrider = await startPiece(t, 'credentials', upstream.origin, { file });
  for (const path of ['/pg/v1/pay', '/pg/v10', '/v3', '/orders']) await outrider.call(`${upstream.origin}${path}`);
  t.deepEqual(
    upstream.requests.map((arrival) => [arrival.target, arrival.header('x-profile')]),
    [
      ['/pg/v1/pay', 'own'],
      ['/pg/v10', 'rest'],
      ['/v3', 'own'],
      ['/orders', 'rest'],
    ],
  );
});
