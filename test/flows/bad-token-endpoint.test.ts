import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { granted, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import type { TokenEndpoint, TokenScript } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';
import { tokenYaml } from '../contract/given.ts';

const TIMEOUT_MS = 700;
/** After a first failure the endpoint is left alone for at least so long. */
const BACKOFF_MS = 800;

/** Real time here: what is shown is that callers are answered within the timeout. */
async function given(
  t: ExecutionContext,
  script: TokenScript,
): Promise<{ upstream: Upstream; tokens: TokenEndpoint; outrider: Outrider }> {
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t, script);
  const yaml = tokenYaml(upstream.origin, tokens.url, {
    extra: `timeouts: { token: ${TIMEOUT_MS}ms }`,
    route: '',
  }).replace('routes:', `routes:\n  - { name: open, match: { path: /open }, upstream: "${upstream.origin}" }`);
  return { upstream, tokens, outrider: await startOutrider(t, yaml) };
}

let hugeBytesSent = 0;
const huge: TokenScript = async ({ res }) => {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.write('{"access_token":"');
  const block = Buffer.alloc(1024 * 1024, 'a');
  for (hugeBytesSent = 0; hugeBytesSent < 100 * block.length && !res.destroyed; hugeBytesSent += block.length) {
    if (!res.write(block)) {
      await new Promise<void>((resolve) => {
        res.once('drain', resolve);
        res.once('close', resolve);
      });
    }
  }
  res.end('"}');
  return undefined;
};

const BAD: Readonly<Record<string, TokenScript>> = {
  'that never answers': () => undefined,
  'that stops in the midst of its answer': ({ res }) => void res.writeHead(200).write('{"access_'),
  'that trickles its answer': ({ res }) => {
    res.writeHead(200);
    const timer = setInterval(() => res.write(' '), 50);
    res.on('close', () => clearInterval(timer));
    return undefined;
  },
  'that answers HTML': () => ({ headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance canary</h1>' }),
  'that answers an empty token': () => granted(''),
  'that answers a token with a line break': () => granted('tok\r\nX-Canary: canary'),
  'that answers 100 MB': huge,
  'that answers 500': () => ({ status: 500, body: 'canary' }),
  'that refuses the credentials': () => ({ status: 401, body: '{"error":"invalid_client","hint":"canary"}' }),
};

for (const [what, script] of Object.entries(BAD)) {
  test(`a token endpoint ${what} costs callers a clear error within the timeout, and nothing else`, async (t) => {
    const { outrider, upstream, tokens } = await given(t, script);
    const started = Date.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => outrider.call('/api/pay', { body: 'abc' })));
    const took = Date.now() - started;
    /** One call for all of them; a busy machine may take longer over them than the endpoint is left alone. */
    const areFew = (): boolean => tokens.calls.length <= 1 + Math.floor((Date.now() - started) / BACKOFF_MS);
    t.true(took < TIMEOUT_MS + 1_500, `${took} ms`);
    for (const answer of answers) {
      const { detail } = assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'api' });
      t.true(detail.includes(new URL(tokens.url).host), detail);
      t.regex(answer.header('retry-after') ?? '', /^[1-9]\d*$/);
      t.false(/canary/i.test(answer.text));
    }
    t.true(areFew(), `twenty callers, ${tokens.calls.length} calls`);
    t.is(upstream.connections, 0);

    const [again, before] = [Date.now(), tokens.calls.length];
    assertProblem(t, await outrider.call('/api/pay'), { status: 503, code: 'token_unavailable' });
    const isAtOnce = tokens.calls.length === before && Date.now() - again < TIMEOUT_MS / 2;
    t.true(isAtOnce || took >= BACKOFF_MS, 'answered at once, without another call');
    t.true(areFew());
    t.is((await outrider.call('/open/x')).status, 200, 'other routes do not notice');
    t.false(/canary/i.test(outrider.logText()));
    t.is(tokens.underWay, 0, 'the call was not left open');
    if (script === huge) t.true(hugeBytesSent < 32 * 1024 * 1024, `${hugeBytesSent} bytes were taken`);
  });
}

test('a token endpoint that is down costs callers a clear error at once, until it is up', async (t) => {
  const { outrider, upstream, tokens } = await given(t, () => granted('token-1'));
  await tokens.close();
  const answer = await outrider.call('/api/pay', { body: 'abc' });
  assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'api' });
  t.is(upstream.connections, 0);
});
