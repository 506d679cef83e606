import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { accepting, tokenYaml } from '../contract/given.ts';
import { keepSecret } from '../helpers/canary.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { ask } from '../helpers/raw.ts';
import { granted, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { watchFor, watchPort, watchProcess } from '../helpers/watch.ts';
import { run } from '../commands/run.ts';

const SECRET = 'canary-of-the-watch';
keepSecret('the canary', SECRET);

/** A test within the test: runs it to its end, and gives what it fails of. */
async function failureOf(body: (t: ExecutionContext) => Promise<unknown>): Promise<string> {
  const ends: (() => unknown)[] = [];
  const failures: string[] = [];
  await body({ teardown: (end: () => unknown) => void ends.unshift(end) } as unknown as ExecutionContext);
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  return failures.join();
}

test('a leak fails its test by name and place, and never shows the secret', async (t) => {
  const failure = await failureOf(async (inner) => watchFor(inner).sees('the log', () => `a ${SECRET} b`));
  t.is(failure, 'secrets leaked: the canary in the log');
  t.is(await failureOf(async (inner) => watchFor(inner).sees('the log', () => 'a b')), '');
});

test('what the app tells and logs is watched: of a secret, and of a token that came over the wire', async (t) => {
  const token = 'canary-that-came';
  const upstream = await startUpstream(t, accepting(new Set([token])));
  const tokens = await startTokenEndpoint(t, () => granted(token));
  const lived = (detail: string) => async (inner: ExecutionContext) => {
    const outrider = await startOutrider(inner, tokenYaml(upstream.origin, tokens.url));
    await outrider.call('/api/x');
    outrider.app.events.emit('renewal', { provider: 'p', reason: 'cold', outcome: 'failed', durationMs: 1, detail });
  };
  t.is(await failureOf(lived('no more')), '');
  t.is(await failureOf(lived(`a ${SECRET}`)), 'secrets leaked: the canary in the events; the canary in the log');
  // The log knows the token, and hides it.
  t.is(await failureOf(lived(`got ${token}`)), 'secrets leaked: a got access_token in the events');
});

test('an answer of our own is watched, one of a provider is not', async (t) => {
  const server = createServer(({ url }, response) => {
    if (url !== '/provider') response.setHeader('Proxy-Status', 'outrider; error=proxy_internal_error');
    response.end(SECRET);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const asked = (target: string) => async (inner: ExecutionContext) => {
    watchPort(watchFor(inner), origin);
    await httpCall(origin, target);
    await ask(inner, port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  };
  t.is(await failureOf(asked('/provider')), '');
  const leak = 'the canary in an answer with status 200';
  t.is(await failureOf(asked('/ours')), `secrets leaked: ${leak}; ${leak}`);
});

test('what a process prints is watched, but for the token that --show asks for', async (t) => {
  const printed =
    (...args: string[]) =>
    async (inner: ExecutionContext) =>
      watchProcess(inner, { args, env: {}, stdout: () => SECRET, stderr: () => '' });
  t.is(await failureOf(printed('token', 'p')), 'secrets leaked: the canary in stdout of token');
  t.is(await failureOf(printed('token', 'p', '--show')), '');
  // What isn't there is quoted as it was written.
  const failed = await failureOf((inner) => run(inner, ['check', '--config', `/${SECRET}`]));
  t.is(failed, 'secrets leaked: the canary in stderr of check');
});
