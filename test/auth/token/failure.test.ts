import { inspect } from 'node:util';
import test from 'ava';
import { OutriderError } from '../../../src/core/errors.ts';
import { until } from '../../helpers/http1.ts';
import { granted, type TokenScript } from '../../helpers/token-endpoint.ts';
import { outbound } from '../helpers.ts';
import { type Flow, SECRET, startFlow } from './flow.ts';

async function fail(flow: Flow): Promise<OutriderError> {
  try {
    await flow.authorizer.authorize(outbound());
  } catch (error) {
    if (error instanceof OutriderError) return error;
    throw error;
  }
  throw new Error('there is a token');
}

const withoutHost = ({ endpoint }: Flow, { detail }: OutriderError): string =>
  detail.replace(new URL(endpoint.url).host, 'HOST');

const once =
  (failing: ReturnType<TokenScript>): TokenScript =>
  ({ n }) =>
    n === 1 ? failing : granted(`token-${n}`);

for (const [what, script, detail] of [
  [
    'refuses the credentials',
    () => ({ status: 401, body: { error: SECRET } }),
    /^HOST refused the credentials \(status 401\)$/,
  ],
  ['is down', () => ({ status: 503, body: SECRET }), /^HOST failed \(status 503\)$/],
  ['answers HTML', () => ({ body: `<html>${SECRET}</html>` }), /^HOST answered without a token: it is not JSON$/],
  [
    'answers an empty token',
    () => ({ body: { access_token: '', hint: SECRET } }),
    /^HOST answered without a token: it is empty$/,
  ],
  [
    'answers a token with a line break',
    () => ({ body: { access_token: `${SECRET}\nX: y` } }),
    /^HOST answered without a token: .*characters/,
  ],
  [
    'redirects',
    () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }),
    /^HOST redirects \(status 302\): check endpoints\.token$/,
  ],
  [
    'answers 100 MB',
    () => ({ body: Buffer.alloc(100 * 1024 * 1024, 0x20) }),
    /^HOST answered without a token: .*longer/,
  ],
  ['has too many calls', () => ({ status: 429, body: SECRET }), /^HOST asks to wait \(status 429\)$/],
] as const) {
  test(`an endpoint that ${what}: a clear error, and not a word of its answer`, async (t) => {
    const flow = await startFlow(t, { script });
    const error = await fail(flow);
    t.like(error, { code: 'token_unavailable', status: 503, outcome: 'not_sent' });
    t.regex(withoutHost(flow, error), detail);
    t.is(error.headers[0], 'Retry-After');
    t.regex(error.headers[1] as string, /^[1-9]\d*$/);
    const told =
      inspect([error, error.cause, flow.renewals, flow.notices], { depth: 10 }) + JSON.stringify(flow.renewals);
    t.false(told.includes(SECRET));
    t.like(flow.renewals, [{ reason: 'cold', outcome: 'failed', detail: error.detail }]);
    t.is(flow.notices.length, 1);
  });
}

test('an endpoint that does not answer costs the timeout, and nothing more', async (t) => {
  const flow = await startFlow(t, { script: () => undefined });
  const failed = fail(flow);
  await flow.endpoint.call(1);
  await flow.clock.advance(10_000);
  t.is(withoutHost(flow, await failed), 'no answer from HOST within 10s');
  await until('the call is given up', () => flow.endpoint.underWay === 0);
});

test('an endpoint that drips its answer costs the timeout, too', async (t) => {
  const flow = await startFlow(t, {
    script({ res }) {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write('{"access');
      return undefined;
    },
  });
  const failed = fail(flow);
  await flow.endpoint.call(1);
  await flow.clock.advance(10_000);
  t.is(withoutHost(flow, await failed), 'no answer from HOST within 10s');
});

test('an endpoint that breaks off, and one that is not there', async (t) => {
  const broken = await startFlow(t, {
    script({ res }) {
      res.destroy();
      return undefined;
    },
  });
  t.is(withoutHost(broken, await fail(broken)), 'the connection to HOST broke');
  const gone = await startFlow(t);
  await gone.endpoint.close();
  t.is(withoutHost(gone, await fail(gone)), "can't reach HOST: ECONNREFUSED");
});

test('while the endpoint is down callers are told at once, until the next attempt, at most 5 s later', async (t) => {
  const flow = await startFlow(t, { script: () => ({ status: 500, body: '' }) });
  const at: number[] = [];
  const begin = flow.clock.now();
  for (let tenth = 0; tenth < 300; tenth++) {
    const calls = flow.endpoint.calls.length;
    // oxlint-disable-next-line no-await-in-loop
    await fail(flow);
    if (flow.endpoint.calls.length > calls) at.push(flow.clock.now() - begin);
    // oxlint-disable-next-line no-await-in-loop
    await flow.clock.advance(100);
  }
  t.deepEqual(at, [0, 1_000, 3_000, 7_000, 12_000, 17_000, 22_000, 27_000]);
});

test('Retry-After counts down to the next attempt', async (t) => {
  const flow = await startFlow(t, { script: () => ({ status: 401, body: '' }) });
  t.is((await fail(flow)).headers[1], '30');
  await flow.clock.advance(12_500);
  t.is((await fail(flow)).headers[1], '18');
  await flow.clock.advance(17_400);
  t.is((await fail(flow)).headers[1], '1');
  t.is(flow.endpoint.calls.length, 1);
});

test('refused credentials are remembered for 30 s', async (t) => {
  const flow = await startFlow(t, { script: once({ status: 400, body: { code: 'INVALID_CLIENT' } }) });
  await fail(flow);
  await flow.clock.advance(29_999);
  await fail(flow);
  t.is(flow.endpoint.calls.length, 1);
  await flow.clock.advance(1);
  t.is(await flow.get(), 'Bearer token-2');
  t.is(flow.notices[0]?.level, 'error');
});

test('other credentials are tried at once', async (t) => {
  const flow = await startFlow(t, {
    script: ({ form }) => (form.get('client_secret') === 'right' ? granted('good') : { status: 401, body: '' }),
  });
  await fail(flow);
  await fail(flow);
  t.is(flow.endpoint.calls.length, 1);
  flow.credentials.set({ client_id: 'me', client_secret: 'wrong too' });
  await fail(flow);
  await fail(flow);
  t.is(flow.endpoint.calls.length, 2);
  flow.credentials.set({ client_id: 'me', client_secret: 'right' });
  t.is(await flow.get(), 'Bearer good');
  t.is(flow.endpoint.calls.length, 3);
});

test('other credentials do not bring an endpoint back that is down', async (t) => {
  const flow = await startFlow(t, { script: () => ({ status: 500, body: '' }) });
  await fail(flow);
  flow.credentials.set({ client_id: 'me', client_secret: 'other' });
  await fail(flow);
  t.is(flow.endpoint.calls.length, 1);
});

test('408 is no refusal: it is tried again soon', async (t) => {
  const flow = await startFlow(t, { script: once({ status: 408, body: '' }) });
  await fail(flow);
  await flow.clock.advance(1_000);
  t.is(await flow.get(), 'Bearer token-2');
});

for (const [what, value] of [
  ['seconds', '20'],
  ['a date', new Date(Date.UTC(2026, 0, 1, 0, 0, 20)).toUTCString()],
] as const) {
  test(`429 is honoured, Retry-After in ${what}`, async (t) => {
    const headers = { 'retry-after': value, date: new Date(Date.UTC(2026, 0, 1)).toUTCString() };
    const flow = await startFlow(t, { script: once({ status: 429, headers, body: '' }) });
    t.is((await fail(flow)).headers[1], '20');
    await flow.clock.advance(19_999);
    await fail(flow);
    t.is(flow.endpoint.calls.length, 1);
    await flow.clock.advance(1);
    t.is(await flow.get(), 'Bearer token-2');
  });
}

test('429 is honoured by renewals, too, while the token is used on', async (t) => {
  const flow = await startFlow(t, {
    script: ({ n }) =>
      n === 2 ? { status: 429, headers: { 'retry-after': '15' }, body: '' } : granted(`token-${n}`, 100),
  });
  await flow.get();
  await flow.clock.advance(80_000);
  await until('the refusal', () => flow.renewals.length === 2);
  await flow.clock.advance(14_999);
  t.is(flow.getNow().generation, 1);
  t.is(flow.endpoint.calls.length, 2);
  await flow.clock.advance(1);
  await until('the new token', () => flow.getNow().generation === 2);
});

test('all that wait for a call that fails are told together, for one call', async (t) => {
  const flow = await startFlow(t, { script: () => ({ status: 500, body: '' }) });
  const errors = await Promise.all(Array.from({ length: 100 }, () => fail(flow)));
  t.is(flow.endpoint.calls.length, 1);
  t.true(errors.every(({ code }) => code === 'token_unavailable'));
});

test('an expired token is not used while the endpoint is down', async (t) => {
  const flow = await startFlow(t, {
    script: ({ n }) => (n === 1 ? granted('token-1', 10) : { status: 500, body: '' }),
  });
  await flow.get();
  await flow.clock.advance(10_000);
  await until('the failure behind the back', () => flow.renewals.length >= 2);
  t.like(await fail(flow), { code: 'token_unavailable' });
});

test('the spread of the back-off shortens it by a fifth at most', async (t) => {
  const flow = await startFlow(t, { script: once({ status: 500, body: '' }), deps: { random: () => 1 } });
  await fail(flow);
  await flow.clock.advance(799);
  await fail(flow);
  await flow.clock.advance(1);
  t.is(await flow.get(), 'Bearer token-2');
});
