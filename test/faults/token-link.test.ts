import tls from 'node:tls';
import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startShim } from '../helpers/shim.ts';
import type { Fault, Strike } from '../helpers/shim.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { tokenYaml } from '../contract/given.ts';
import { nothingLeft } from './cells.ts';

tls.setDefaultCACertificates([...tls.getCACertificates('default'), CERTIFICATE]);

const PLACES = {
  connecting: {},
  'in TLS': { way: 'down', bytes: 30 },
  'in the request': { way: 'up', bytes: 40 },
  'while it is awaited': { way: 'down', bytes: 0 },
  'in its head': { way: 'down', bytes: 25 },
  'in its body': { way: 'down', from: 'head', bytes: 10 },
} as const satisfies Record<string, Omit<Strike, 'fault'>>;

/** What `detail` says of the endpoint; ok: the token arrives all the same. */
const DETAILS = {
  ok: /^/,
  down: /^(?:can't reach|the connection to) 127\.0\.0\.1/,
  late: /^no answer from .* within 10s$/,
  bad: /answered/,
} as const;
type Told = keyof typeof DETAILS;

type Row = readonly [place: keyof typeof PLACES, expected: Readonly<Partial<Record<Fault, Told>>>];
const BORNE = { latency: 'ok', slow: 'ok', slices: 'ok' } as const;

const TABLE: readonly Row[] = [
  ['connecting', { reset: 'down', stall: 'late', truncation: 'down' }],
  ['in TLS', { ...BORNE, reset: 'down', 'half close': 'down', stall: 'late', garbage: 'down', truncation: 'down' }],
  [
    'in the request',
    { ...BORNE, reset: 'down', 'half close': 'down', stall: 'late', garbage: 'bad', truncation: 'down' },
  ],
  ['while it is awaited', { ...BORNE, reset: 'down', 'half close': 'down', stall: 'late', garbage: 'bad' }],
  ['in its head', { ...BORNE, reset: 'down', 'half close': 'down', stall: 'late', garbage: 'bad', truncation: 'down' }],
  ['in its body', { ...BORNE, reset: 'down', 'half close': 'down', stall: 'late', garbage: 'bad', truncation: 'down' }],
];

/** Lets the time of the proxy run until `promise` is settled, in small steps. */
async function passTime(clock: FakeClock, promise: Promise<unknown>): Promise<void> {
  let isSettled = false;
  void promise.finally(() => (isSettled = true));
  while (!isSettled) {
    await clock.advance(25);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

for (const [place, faults] of TABLE) {
  test(`error token_unavailable: a token call that fails ${place} sends nothing to the provider, and the next one brings the token`, async (t) => {
    const cells = Object.entries(faults) as [Fault, Told][];
    await Promise.all(
      cells.map(async ([fault, expected]) => {
        const isSecure = place === 'connecting' || place === 'in TLS';
        const certificate = { key: CERTIFICATE_KEY, cert: CERTIFICATE };
        const clock = fakeClock();
        const upstream = await startUpstream(t);
        const endpoint = await startUpstream(
          t,
          async (arrival) => {
            await arrival.body();
            const body = '{"access_token":"token-1","expires_in":3600}';
            const headers = ['content-type', 'application/json', 'transfer-encoding', 'chunked'];
            await arrival.reply(200, {
              headers,
              body: `4\r\n${body.slice(0, 4)}\r\n28\r\n${body.slice(4)}\r\n0\r\n\r\n`,
            });
          },
          isSecure ? { tls: certificate } : {},
        );
        const shim = await startShim(t, endpoint.port);
        const url = `${isSecure ? 'https' : 'http'}://127.0.0.1:${shim.port}/oauth/token`;
        const outrider = await startOutrider(t, tokenYaml(upstream.origin, url), { clock });

        shim.strike = { fault, ...PLACES[place] };
        const call = outrider.call('/api/pay', { body: 'abc' });
        if (expected === 'late') await passTime(clock, call);
        const answer = await call;
        const what = `${place}, ${fault}`;
        if (expected === 'ok') {
          t.is(answer.status, 200, `${what}: ${answer.text}`);
          return;
        }
        assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'api', detail: DETAILS[expected] });
        t.regex(answer.header('retry-after') ?? '', /^[1-9]\d*$/, what);
        t.is(upstream.connections, 0, what);
        t.true(endpoint.requests.length <= 1, what);
        await until(`${what}: no broken connection stays open`, () => shim.openBroken === 0, 20_000);

        shim.strike = undefined;
        await clock.advance(Number(answer.header('retry-after')) * 1000);
        const next = await outrider.call('/api/pay', { body: 'abc' });
        t.is(next.status, 200, `${what}: the next one: ${next.text}`);
        t.is(upstream.requests.at(-1)?.header('authorization'), 'Bearer token-1');
      }),
    );
  });
}

test.after.always('nothing is left when everything has stopped', nothingLeft);
