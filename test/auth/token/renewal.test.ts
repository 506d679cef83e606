import test from 'ava';
import type { Authorized, Renewed } from '../../../src/auth/authorizer.ts';
import { renewAtMs } from '../../../src/auth/token/schedule.ts';
import { until } from '../../helpers/http1.ts';
import { granted, type TokenScript } from '../../helpers/token-endpoint.ts';
import { callOf, outbound } from '../helpers.ts';
import { type Flow, FORM, OAUTH, startFlow, tokenOf } from './flow.ts';

/** Renews after a rejection that arrives now. */
const reject = (flow: Flow, rejected: Authorized): Promise<Renewed> =>
  flow.authorizer.renew(rejected, outbound(), flow.clock.now());

async function startedFlow(
  t: Parameters<typeof startFlow>[0],
  options?: Parameters<typeof startFlow>[1],
): Promise<Flow> {
  const flow = await startFlow(t, options);
  await flow.get();
  return flow;
}

test('a thousand concurrent rejections cost one token call, stragglers included', async (t) => {
  const flow = await startedFlow(t);
  const old = flow.getNow();
  await flow.clock.advance(10_000);
  const all = await Promise.all(Array.from({ length: 1000 }, () => reject(flow, old)));
  t.is(flow.endpoint.calls.length, 2);
  for (const renewed of all)
    t.like(renewed, { authorized: { generation: 2, headers: ['authorization', 'Bearer token-2'] }, renewed: true });
  const straggler = await reject(flow, old);
  t.like(straggler, { authorized: { generation: 2 }, renewed: false });
  t.is(flow.endpoint.calls.length, 2);
  t.deepEqual(
    flow.renewals.map(({ reason, outcome }) => [reason, outcome]),
    [
      ['cold', 'ok'],
      ['rejected', 'ok'],
    ],
  );
});

test('a late rejection of an older generation renews nothing, even when the newest is past its cooldown', async (t) => {
  const flow = await startedFlow(t);
  const first = flow.getNow();
  await flow.clock.advance(10_000);
  await reject(flow, first);
  const second = flow.getNow();
  await flow.clock.advance(10_000);
  await reject(flow, second);
  t.is(flow.getNow().generation, 3);
  await flow.clock.advance(10_000);
  for (const late of [first, second]) {
    // oxlint-disable-next-line no-await-in-loop
    t.like(await reject(flow, late), { authorized: { generation: 3 }, renewed: false });
  }
  t.is(flow.endpoint.calls.length, 3);
  t.is(flow.getNow().generation, 3);
});

test('requests use the old token while its renewal is under way', async (t) => {
  const flow = await startFlow(t, { script: ({ n }) => (n === 1 ? granted('token-1') : undefined) });
  await flow.get();
  await flow.clock.advance(10_000);
  const renewed = reject(flow, flow.getNow());
  const call = await flow.endpoint.call(2);
  t.is(flow.getNow().generation, 1);
  call.res.end(JSON.stringify(granted('token-2').body));
  t.like(await renewed, { authorized: { generation: 2 } });
});

test('a token that is rejected within its cooldown is not renewed: its age is not the cause', async (t) => {
  const flow = await startedFlow(t);
  const rejected = flow.getNow();
  await flow.clock.advance(4_999);
  t.like(await reject(flow, rejected), { skip: 'cooldown' });
  t.is(flow.endpoint.calls.length, 1);
  const early = flow.clock.now();
  await flow.clock.advance(60_000);
  t.like(
    await flow.authorizer.renew(rejected, outbound(), early),
    { skip: 'cooldown', why: 'the token is 4 s old, younger than renew.cooldown 5s' },
    'what counts is when the rejection arrived',
  );
  t.like(await reject(flow, rejected), { authorized: { generation: 2 } });
});

test('an upstream that rejects everything costs one token call per cooldown', async (t) => {
  const flow = await startedFlow(t);
  for (let second = 0; second < 60; second++) {
    // oxlint-disable-next-line no-await-in-loop
    await reject(flow, flow.getNow());
    // oxlint-disable-next-line no-await-in-loop
    await flow.clock.advance(1_000);
  }
  t.is(flow.endpoint.calls.length, 1 + 11);
});

test('a renewal that brings the same token again is no new generation, and starts the cooldown anew', async (t) => {
  const flow = await startedFlow(t, { script: () => granted('same') });
  const rejected = flow.getNow();
  await flow.clock.advance(10_000);
  const answers = await Promise.all([reject(flow, rejected), reject(flow, rejected)]);
  const why = 'the renewal brought the same token again: renewal_failed';
  t.deepEqual(answers, [
    { skip: 'renewal_failed', why },
    { skip: 'renewal_failed', why },
  ]);
  t.is(flow.getNow().generation, 1);
  t.is(flow.endpoint.calls.length, 2);
  await flow.clock.advance(4_000);
  t.like(await reject(flow, rejected), { skip: 'cooldown' });
  t.is(flow.endpoint.calls.length, 2);
});

test('the same token again lives as long as it says now', async (t) => {
  const flow = await startedFlow(t, { script: ({ n }) => granted('same', n === 1 ? 100 : 50) });
  await flow.clock.advance(10_000);
  await reject(flow, flow.getNow());
  flow.auth.close();
  await flow.clock.advance(49_999);
  t.notThrows(flow.getNow);
  await flow.clock.advance(1);
  t.throws(flow.getNow);
});

test('a renewal that fails is a skip, the token stays in use, and the endpoint rests until the back-off ends', async (t) => {
  let status = 503;
  const script: TokenScript = ({ n }) =>
    n === 1 || status === 200 ? granted(`token-${n}`) : { status, body: 'SECRET' };
  const flow = await startedFlow(t, { script });
  const rejected = flow.getNow();
  await flow.clock.advance(10_000);
  t.like(await reject(flow, rejected), { skip: 'renewal_failed' });
  t.is(flow.getNow().generation, 1);
  t.like(await reject(flow, rejected), { skip: 'renewal_failed' });
  t.is(flow.endpoint.calls.length, 2, 'the second rejection asks nobody');
  status = 200;
  await flow.clock.advance(1_000);
  await until('the retry behind the back', () => flow.getNow().generation === 2);
  t.like(await reject(flow, rejected), { authorized: { generation: 2 }, renewed: false });
  t.is(flow.endpoint.calls.length, 3);
  const failed = flow.renewals.find(({ outcome }) => outcome === 'failed');
  t.like(failed, { reason: 'rejected', detail: `${new URL(flow.endpoint.url).host} failed (status 503)` });
});

test('a rejection of a token that has expired meanwhile gets a new one', async (t) => {
  const flow = await startedFlow(t, { script: ({ n }) => granted(`token-${n}`, 3) });
  const rejected = flow.getNow();
  await flow.clock.advance(4_000);
  t.like(await reject(flow, rejected), { authorized: { generation: 2 } });
});

const REFRESHED = {
  ...OAUTH,
  token: tokenOf({
    refresh: callOf({
      form: {
        ...FORM,
        grant_type: 'refresh_token',
        token: '{{token.access_token}}',
        refresh_token: '{{token.refresh_token}}',
      },
    }),
  }),
};

const withRefresh = (n: number, rest: Readonly<Record<string, unknown>> = {}): ReturnType<typeof granted> => ({
  body: { access_token: `token-${n}`, refresh_token: `refresh-${n}`, expires_in: 3600, ...rest },
});

test('a held refresh token is used, with the old token beside it where the profile says so', async (t) => {
  const flow = await startedFlow(t, {
    profile: REFRESHED,
    script: ({ n }) => withRefresh(n, n === 2 ? { refresh_token: null } : {}),
  });
  const call = async (): Promise<(string | null)[]> => {
    await flow.clock.advance(10_000);
    await reject(flow, flow.getNow());
    const { form } = flow.endpoint.calls.at(-1) ?? { form: new URLSearchParams() };
    return ['grant_type', 'token', 'refresh_token', 'client_id'].map((name) => form.get(name));
  };
  t.deepEqual(await call(), ['refresh_token', 'token-1', 'refresh-1', 'me']);
  t.deepEqual(
    await call(),
    ['refresh_token', 'token-2', 'refresh-1', 'me'],
    'the old refresh token goes on (RFC 6749 §6)',
  );
  t.is(flow.endpoint.calls.length, 3);
});

for (const [what, answer] of [
  ['with a 400', { status: 400, body: { error: 'invalid_grant' } }],
  ['with a 401', { status: 401, body: '' }],
  ['by an answer without a token', { status: 200, body: '{}' }],
] as const) {
  test(`a refresh that is refused ${what} is followed by a full fetch, and callers notice nothing`, async (t) => {
    const flow = await startedFlow(t, {
      profile: REFRESHED,
      script: ({ n, form }) => (form.get('grant_type') === 'refresh_token' ? answer : withRefresh(n)),
    });
    await flow.clock.advance(10_000);
    t.like(await reject(flow, flow.getNow()), {
      authorized: { generation: 2, headers: ['authorization', 'Bearer token-3'] },
    });
    t.is(flow.endpoint.calls.length, 3);
    t.is(flow.endpoint.mostUnderWay, 1);
    t.is(flow.renewals.at(-1)?.outcome, 'ok');
  });
}

test('a refresh that fails in another way is a failed renewal, with no second call', async (t) => {
  const flow = await startedFlow(t, {
    profile: REFRESHED,
    script: ({ n, form }) => (form.get('grant_type') === 'refresh_token' ? { status: 500, body: '' } : withRefresh(n)),
  });
  await flow.clock.advance(10_000);
  t.like(await reject(flow, flow.getNow()), { skip: 'renewal_failed' });
  t.is(flow.endpoint.calls.length, 2);
});

test('a refused refresh token is not tried again while the fetch fails too', async (t) => {
  const flow = await startedFlow(t, {
    profile: REFRESHED,
    script: ({ n, form }) => {
      if (form.get('grant_type') === 'refresh_token') return { status: 400, body: '' };
      return n === 1 ? withRefresh(n, { expires_in: 20 }) : { status: 500, body: '' };
    },
  });
  await flow.clock.advance(10_000);
  await reject(flow, flow.getNow());
  await flow.clock.advance(5_000);
  await until('the next attempt', () => flow.endpoint.calls.length > 3);
  t.deepEqual(flow.endpoint.calls.map(({ form }) => form.get('grant_type')).slice(0, 4), [
    'client_credentials',
    'refresh_token',
    'client_credentials',
    'client_credentials',
  ]);
});

test('renewal in the background begins in the last fifth, five minutes at most, and requests never wait for it', async (t) => {
  const flow = await startFlow(t, { script: ({ n }) => (n === 1 ? granted('token-1', 100) : undefined) });
  await flow.get();
  await flow.clock.advance(79_999);
  t.is(flow.endpoint.calls.length, 1);
  await flow.clock.advance(1);
  const call = await flow.endpoint.call(2);
  t.is(flow.getNow().generation, 1);
  t.is(flow.getNow().headers[1], 'Bearer token-1');
  call.res.end(JSON.stringify(granted('token-2', 100).body));
  await until('the new token', () => flow.getNow().generation === 2);
  t.is(flow.renewals.at(-1)?.reason, 'background');
});

test('a token that nobody used since it was renewed is left to expire, and one that is used again is renewed at once', async (t) => {
  const flow = await startedFlow(t, { script: ({ n }) => granted(`token-${n}`, 100) });
  await flow.clock.advance(80_000);
  await until('the first renewal', () => flow.renewals.length === 2);
  await flow.clock.advance(90_000);
  t.is(flow.endpoint.calls.length, 2, 'nobody used it');
  t.is(flow.getNow().generation, 2);
  await until('the renewal that the use began', () => flow.renewals.length === 3);
  t.is(flow.getNow().generation, 3);
});

test('background renewals are at least the cooldown apart', async (t) => {
  const flow = await startedFlow(t, { script: ({ n }) => granted(`token-${n}`, 6) });
  await flow.clock.advance(4_999);
  t.is(flow.getNow().generation, 1);
  t.is(flow.endpoint.calls.length, 1);
  await flow.clock.advance(1);
  await until('the renewal', () => flow.getNow().generation === 2);
});

test('while renewals fail, a valid token is used on, and attempts double from 1 s to 60 s', async (t) => {
  const flow = await startedFlow(t, {
    script: ({ n }) => (n === 1 ? granted('token-1', 3600) : { status: 500, body: '' }),
  });
  const begin = flow.clock.now();
  await flow.clock.advance(3_300_000);
  const at: number[] = [];
  for (let second = 0; second < 299; second++) {
    // oxlint-disable-next-line no-await-in-loop
    await until('no call is under way', () => flow.renewals.length === flow.endpoint.calls.length);
    t.is(flow.getNow().generation, 1);
    if (flow.endpoint.calls.length > at.length + 1) at.push(Math.round((flow.clock.now() - begin) / 1000) - 3_300);
    // oxlint-disable-next-line no-await-in-loop
    await flow.clock.advance(1_000);
  }
  t.deepEqual(at, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  t.is(flow.notices.filter(({ level }) => level === 'warn').length, 1, 'an outage is told once');
});

test('when the endpoint works again, that is told, and the back-off begins anew', async (t) => {
  const flow = await startedFlow(t, {
    script: ({ n }) => (n === 2 ? { status: 500, body: '' } : granted(`token-${n}`, 100)),
  });
  await flow.clock.advance(80_000);
  await until('the failure', () => flow.renewals.length === 2);
  await flow.clock.advance(1_000);
  await until('the new token', () => flow.getNow().generation === 2);
  t.deepEqual(
    flow.notices.map(({ level }) => level),
    ['warn', 'info'],
  );
});

test('a closed provider renews nothing in the background', async (t) => {
  const flow = await startedFlow(t, { script: ({ n }) => granted(`token-${n}`, 100) });
  flow.auth.close();
  await flow.clock.advance(90_000);
  t.is(flow.getNow().generation, 1);
  await flow.clock.advance(5_000);
  t.is(flow.endpoint.calls.length, 1);
});

test('a token that lives for years does not spin the timer', async (t) => {
  const flow = await startedFlow(t, { script: ({ n }) => granted(`token-${n}`, 1e18) });
  await flow.clock.advance(60 * 86_400_000);
  t.is(flow.endpoint.calls.length, 1);
  t.is(flow.getNow().generation, 1);
});

test('when to renew: a share of the lifetime but five minutes at most, or a duration; spread a little; never young', (t) => {
  const at = (lifetimeMs: number, ahead: { share: number } | { ms: number }, random = 0, cooldownMs = 5_000): number =>
    renewAtMs({ issuedAtMs: 1_000_000, expiresAtMs: 1_000_000 + lifetimeMs }, { ahead, cooldownMs }, () => random) -
    1_000_000;
  t.is(at(100_000, { share: 0.2 }), 80_000);
  t.is(at(86_400_000, { share: 0.2 }), 86_100_000);
  t.is(at(86_400_000, { ms: 3_600_000 }), 82_800_000);
  t.is(at(100_000, { share: 0.2 }, 0.999), 81_998);
  t.is(at(60_000, { ms: 3_600_000 }), 5_000);
  t.is(at(5_000, { share: 0.2 }), Infinity);
  t.is(at(6_000, { share: 0.2 }), 5_000);
});

test('what rejects a token: statuses, or fields of bodies', async (t) => {
  const renew = {
    onStatus: [401, 412],
    onBody: [
      { status: 200, all: [{ pointer: '/subCode', equals: ['403', 'true'] }] },
      { status: 404, all: [{ pointer: '/errorCode', equals: ['404.001.03'] }] },
    ],
  };
  const { authorizer } = await startFlow(t, { profile: { ...OAUTH, renew } });
  t.deepEqual(
    [...authorizer.rejectStatuses].toSorted((a, b) => a - b),
    [200, 401, 404, 412],
  );
  for (const status of [200, 404]) t.is(authorizer.judge(status, []), 'needs_body');
  const rejects = (status: number, body?: string): boolean =>
    authorizer.judge(status, [], body === undefined ? undefined : Buffer.from(body)) === 'rejected';
  t.true(rejects(401));
  t.true(rejects(412, 'anything'));
  t.true(rejects(200, '{"subCode":"403"}'));
  t.true(rejects(200, '{"subCode":403}'));
  t.true(rejects(200, '{"subCode":true}'));
  t.false(rejects(200, '{"subCode":"200"}'));
  t.false(rejects(200, '{"errorCode":"404.001.03"}'));
  t.true(rejects(404, '{"errorCode":"404.001.03"}'));
  t.false(rejects(404, '{"errorCode":["404.001.03"]}'));
  for (const body of ['', 'no JSON', '[]', 'null', '{}']) t.false(rejects(200, body));
  t.false(rejects(200));
  t.false(rejects(403, '{"subCode":"403"}'));
});

test('what rejects a token: a header, and several fields of a body together', async (t) => {
  const renew = {
    onStatus: [],
    onHeader: [{ status: 400, name: 'www-authenticate', contains: 'invalid_token' }],
    onBody: [
      {
        status: 400,
        all: [
          { pointer: '/error/type', equals: ['auth'] },
          { pointer: '/error/code', equals: ['17', '18'] },
        ],
      },
    ],
  };
  const { authorizer } = await startFlow(t, { profile: { ...OAUTH, renew } });
  t.deepEqual([...authorizer.rejectStatuses], [400]);
  const judge = (status: number, headers: readonly string[], body?: string) =>
    authorizer.judge(status, headers, body === undefined ? undefined : Buffer.from(body));
  t.is(judge(400, ['WWW-Authenticate', 'Bearer error="invalid_token"']), 'rejected');
  t.is(judge(400, ['WWW-Authenticate', 'Basic', 'www-authenticate', 'Bearer error="invalid_token"']), 'rejected');
  t.is(judge(401, ['WWW-Authenticate', 'Bearer error="invalid_token"']), 'accepted');
  t.is(judge(400, ['WWW-Authenticate', 'Bearer error="insufficient_scope"']), 'needs_body');
  t.is(judge(400, ['X-Reason', 'invalid_token']), 'needs_body');
  t.is(judge(400, [], '{"error":{"type":"auth","code":17}}'), 'rejected');
  t.is(judge(400, [], '{"error":{"type":"auth","code":19}}'), 'accepted');
  t.is(judge(400, [], '{"error":{"code":17}}'), 'accepted');
  t.is(judge(400, [], 'no JSON'), 'accepted');
});
