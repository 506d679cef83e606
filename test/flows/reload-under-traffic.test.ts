import http from 'node:http';
import test from 'ava';
import { until } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { givenTokens, tokenYaml } from '../contract/given.ts';

test('ten reloads under traffic lose no request, mix no config and cost no token call', async (t) => {
  const { outrider, upstream, tokens } = await givenTokens(t);
  upstream.handler = async (arrival) => {
    const { bytes } = await arrival.body();
    return arrival.reply(200, { body: `${arrival.target} ${arrival.header('x-version') ?? 'v0'} ${bytes.toString()}` });
  };
  const version = (n: number): string =>
    tokenYaml(`${upstream.origin}/v${n}`, tokens.url, { route: `headers: { set: { x-version: v${n} } }` });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  t.teardown(() => agent.destroy());
  const wrong: string[] = [];
  const seen = new Set<string>();
  let answered = 0;
  let isOver = false;
  const callers = Array.from({ length: 20 }, async (_, caller) => {
    for (let i = 0; !isOver; i++) {
      const body = `${caller}-${i}`;
      const answer = await httpCall(outrider.origin, '/api/x', { body, agent }).catch((error: unknown) => ({
        status: 0,
        text: String(error),
      }));
      // The target's version and the header's come from one config.
      const match = /^(?:\/v(\d+))?\/x v(\d+) (.*)$/.exec(answer.text);
      if (answer.status !== 200 || (match?.[1] ?? '0') !== match?.[2] || match[3] !== body)
        wrong.push(`${answer.status} ${answer.text}`);
      seen.add(match?.[2] ?? '?');
      answered += 1;
    }
  });
  for (let n = 1; n <= 10; n++) {
    const so = answered;
    await until('traffic between reloads', () => answered > so + 100, 10_000);
    await outrider.reload(version(n));
  }
  const so = answered;
  await until('traffic after the last reload', () => answered > so + 100, 10_000);
  isOver = true;
  await Promise.all(callers);
  t.deepEqual(wrong.slice(0, 5), []);
  t.true(seen.has('0') && seen.has('10'));
  t.is(tokens.calls.length, 1);
  t.true(upstream.requests.every((request) => request.header('authorization') === 'Bearer token-1'));
});
