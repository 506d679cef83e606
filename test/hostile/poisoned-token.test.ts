import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Arrival, Upstream } from '../helpers/upstream.ts';
import { accepting, tokenYaml } from '../contract/given.ts';

const tokenAnswer = (token: string): string => {
  const body = JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3600 });
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};
const EVIL = tokenAnswer('EVIL');

interface Given {
  readonly upstream: Upstream;
  readonly endpoint: Upstream;
  readonly outrider: Outrider;
  readonly clock: FakeClock;
  readonly valid: Set<string>;
}

/** A token endpoint of bare bytes, and an upstream that takes the tokens in `valid`. */
async function given(t: ExecutionContext, answer: (arrival: Arrival, n: number) => unknown): Promise<Given> {
  const clock = fakeClock();
  const valid = new Set(['token-1']);
  const upstream = await startUpstream(t, accepting(valid));
  const endpoint = await startUpstream(t, async (arrival, n) => {
    await arrival.body();
    await answer(arrival, n);
  });
  const outrider = await startOutrider(t, tokenYaml(upstream.origin, `${endpoint.origin}/oauth/token`), { clock });
  return { upstream, endpoint, outrider, clock, valid };
}

const EVIL_PLANTS: Readonly<Record<string, string>> = {
  'a token': EVIL,
  'a token behind a 103': `HTTP/1.1 103 Early Hints\r\n\r\n${EVIL}`,
  'a token behind line breaks': `\r\n\r\n${EVIL}`,
  'half a token': EVIL.slice(0, -20),
  'two tokens': EVIL + EVIL,
};

for (const moment of ['on the idle connection', 'in one segment with the answer'] as const) {
  test(`a token that is planted ${moment} of the token endpoint is never taken`, async (t) => {
    let plant = '';
    const { upstream, endpoint, outrider, clock, valid } = await given(t, (arrival, n) =>
      arrival.write(tokenAnswer(`token-${n}`) + (moment === 'on the idle connection' ? '' : plant)),
    );
    plant = EVIL;
    t.is((await outrider.call('/api/x')).status, 200);
    for (const [what, bytes] of Object.entries(EVIL_PLANTS)) {
      plant = bytes;
      const n = endpoint.requests.length;
      if (moment === 'on the idle connection') {
        await endpoint.requests.at(-1)?.write(bytes);
        await endpoint.requests.at(-1)?.closed;
      }
      await clock.advance(10_000);
      valid.clear();
      valid.add(`token-${n + 1}`);
      const answer = await outrider.call('/api/pay', { body: 'abc' });
      t.is(answer.status, 200, `${what}: ${answer.text}`);
      t.is(endpoint.requests.length, n + 1, 'one token call');
    }
    const sent = upstream.requests.map((arrival) => arrival.header('authorization'));
    t.false(
      sent.some((value) => value?.includes('EVIL')),
      sent.join(),
    );
    t.false(outrider.logText().includes('EVIL'));
  });
}

for (const [what, bytes] of Object.entries({
  'another protocol’s': EVIL.replace('HTTP/1.1', 'HTTP/2.0'),
  'of two lengths': EVIL.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n'),
  'cut short': EVIL.slice(0, -1),
  'in a broken chunk': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'3g'}\r\n{"access_token":"EVIL"}\r\n0\r\n\r\n`,
})) {
  test(`error token_unavailable: a token answer that is ${what} is no token`, async (t) => {
    const { upstream, outrider } = await given(t, async (arrival) => {
      await arrival.write(bytes);
      arrival.end();
    });
    const answer = await outrider.call('/api/pay', { body: 'abc' });
    assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'api' });
    t.regex(answer.header('retry-after') ?? '', /^[1-9]\d*$/);
    t.is(upstream.connections, 0);
    t.false((answer.text + outrider.logText()).includes('EVIL'));
  });
}
