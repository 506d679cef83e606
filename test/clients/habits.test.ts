import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { tokenYaml } from '../contract/given.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream, type Handler } from '../helpers/upstream.ts';
import { runProgram, testWith } from './run-program.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const BODY = Buffer.alloc(2 * 1024 * 1024, 'More than is kept in memory. ');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A routed upstream, and the ways to it through one running proxy: each a URL, and the proxy that leads there. */
async function given(t: ExecutionContext, handler: Handler) {
  const dir = temporaryDirectory(t);
  fs.writeFileSync(path.join(dir, 'body'), BODY);
  const upstream = await startUpstream(t, handler);
  const tokens = await startTokenEndpoint(t);
  const host = `localhost:${upstream.port}`;
  const extra = `forward: { mode: intercept }\nstate_dir: ${dir}/state`;
  const yaml = tokenYaml(`http://${host}/v1`, tokens.url, { renew: '{ cooldown: 1ms }', extra });
  const outrider = await startOutrider(t, yaml);
  const proxied = { http_proxy: outrider.origin, https_proxy: outrider.origin, no_proxy: '' };
  const ways: readonly (readonly [base: string, env: Readonly<Record<string, string>>])[] = [
    [`${outrider.origin}/api`, {}],
    [`http://${host}/v1`, proxied],
    [`https://${host}/v1`, proxied],
  ];
  return { dir, upstream, outrider, ways, ca: path.join(dir, 'state/ca.pem') };
}

testWith('curl', 'a POST that expects 100 is told to go on, renewed and replayed, at each door', async (t) => {
  const arrived: string[] = [];
  const { dir, upstream, ways, ca } = await given(t, async (arrival, index) => {
    arrived.push((await arrival.body()).sha256);
    // Later than a token's cooldown.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await arrival.reply(index % 2 === 1 ? 401 : 200, { body: `answer ${index}` });
  });
  for (const [base, env] of ways) {
    const body = ['-H', 'Expect: 100-continue', '--data-binary', `@${dir}/body`];
    const { stdout, stderr } = await runProgram('curl', ['-sSi', '-m20', '--cacert', ca, ...body, `${base}/pay`], env);
    t.regex(stdout, /HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [^]*answer [246]$/, stderr);
  }
  t.deepEqual(arrived, Array<string>(6).fill(sha256(BODY)));
  t.deepEqual(
    upstream.requests.map((arrival) => [arrival.header('expect'), arrival.header('authorization')]),
    [1, 2, 2, 3, 3, 4].map((n) => [undefined, `Bearer token-${n}`]),
  );
});

testWith('curl', 'a client that would like HTTP/2 gets its answer by HTTP/1.1, at each door', async (t) => {
  const { ways, ca } = await given(t, (arrival) => arrival.reply(200, { body: 'ok' }));
  for (const [base, env] of ways) {
    const args = ['-sS', '-m20', '--http2', '--cacert', ca, '-w', ' %{http_code} %{http_version}', `${base}/x`];
    const { stdout, stderr } = await runProgram('curl', args, env);
    t.is(stdout, 'ok 200 1.1', stderr);
  }
});

testWith('wget', 'a download that breaks is resumed where it ended, at each door', async (t) => {
  const whole = 'abcdefghij'.repeat(100);
  const { upstream, ways, ca } = await given(t, async (arrival) => {
    const range = /^bytes=(\d+)-$/.exec(arrival.header('range') ?? '');
    if (range) {
      const from = Number(range[1]);
      const headers = ['content-range', `bytes ${from}-999/1000`];
      await arrival.reply(206, { headers, body: whole.slice(from) });
    } else {
      await arrival.write(`HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${whole.slice(0, 400)}`);
      arrival.end();
    }
  });
  for (const [base, env] of ways) {
    const trust = base.startsWith('https') ? [`--ca-certificate=${ca}`] : [];
    const { stdout, stderr } = await runProgram(
      'wget',
      ['-nv', '-O-', '-t3', '--waitretry=0', '-T10', ...trust, `${base}/file`],
      env,
    );
    t.is(stdout, whole, stderr);
  }
  t.deepEqual(
    upstream.requests.map((arrival) => arrival.header('range')),
    Array.from({ length: 6 }, (_, i) => (i % 2 === 1 ? 'bytes=400-' : undefined)),
  );
});
