import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { configFile, run } from '../commands/run.ts';
import { httpCall } from '../helpers/outrider.ts';
import { redisTest, startRedis } from '../helpers/redis.ts';
import { agreement, burst, createWorld, tally } from '../helpers/replicas.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

function freshDirectory(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  return path.join(dir, 'tokens');
}

/** Asks, ends the proxy, starts it again and asks again. */
async function restart(t: ExecutionContext, store: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const { simulator, start } = await createWorld(t, { store });
  const first = await start();
  t.is(await first.get(), 200);
  const token = await first.token();
  first.kill(signal);
  t.is(await first.exit, signal === 'SIGTERM' ? 0 : 137);
  const second = await start();
  t.is(await second.get(), 200);
  t.is(await second.token(), token);
  t.is(await simulator.tokenCalls(), 'fetch 1, refresh 0, refused 0, at most 1 at once');
  t.notRegex(first.stdout() + first.stderr() + second.stdout() + second.stderr(), new RegExp(token));
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a file store: after ${signal} the first request is served with the stored token, without a token call`, (t) =>
    restart(t, `{ kind: file, path: "${freshDirectory(t)}" }`, signal));
}

redisTest('a Redis store: a restarted proxy serves its first request with the stored token', async (t) => {
  const { url } = await startRedis(t);
  await restart(
    t,
    `{ kind: redis, url: "${url}", encryption_key: "${Buffer.alloc(32, 7).toString('base64')}" }`,
    'SIGTERM',
  );
});

test('two processes on one directory make one token call', async (t) => {
  const { simulator, startAll } = await createWorld(t, { store: `{ kind: file, path: "${freshDirectory(t)}" }` });
  const proxies = await startAll(2);
  t.is(tally(await burst(proxies, 50)), '200: 100');
  await agreement(proxies);
  t.is(await simulator.tokenCalls(), 'fetch 1, refresh 0, refused 0, at most 1 at once');
});

test('a directory that others can read is refused at the start, with what to do', async (t) => {
  const directory = freshDirectory(t);
  fs.mkdirSync(directory, { recursive: true });
  fs.chmodSync(directory, 0o755);
  const { file } = configFile(
    t,
    `listen: { address: "127.0.0.1:0" }\nadmin: false\nstore: { kind: file, path: "${directory}" }\nroutes: [{ match: { path: /p }, upstream: "http://127.0.0.1:9" }]\n`,
  );
  const refused = await run(t, ['start', '--config', file]);
  t.is(refused.code, 1);
  t.is(refused.stdout, '');
  t.true(refused.stderr.startsWith(`error[unsafe_store]: ${directory} is open to other users (mode 0755)`));
  t.regex(refused.stderr, /help: run `chmod -R go= \S+tokens`/);
});

redisTest('`outrider token` finds the token that the proxies use, and `--renew` renews it for them', async (t) => {
  const { url } = await startRedis(t);
  const { simulator, start } = await createWorld(t, { store: `{ kind: redis, url: "${url}" }` });
  const proxy = await start();
  t.is(await proxy.get(), 200);
  const token = await proxy.token();
  const ask = async (...options: string[]): Promise<string> =>
    (await run(t, ['token', 'pincode', '--show', '--config', proxy.file, ...options])).stdout;
  t.regex(await ask(), new RegExp(token));
  t.notRegex(await ask('--renew'), new RegExp(token));
  t.not(await agreement([proxy]), token);
  t.is(await simulator.tokenCalls(), 'fetch 1, refresh 1, refused 0, at most 1 at once');
});

redisTest('a proxy without its Redis works, and says so in a line of the log and a metric', async (t) => {
  const redis = await startRedis(t);
  await redis.kill();
  const { start } = await createWorld(t, { store: `{ kind: redis, url: "${redis.url}" }` });
  const proxy = await start();
  t.is(await proxy.get(), 200);
  t.regex(proxy.stderr(), /"level":"warn".*The token store does not work.*"cause":"ECONNREFUSED"/);
  const metric = async (): Promise<string> =>
    /^outrider_store_up.*$/m.exec((await httpCall(proxy.adminOrigin, '/metrics')).text)?.[0] ?? '';
  t.is(await metric(), 'outrider_store_up{kind="redis"} 0');
  const token = await proxy.token();
  await redis.start();
  await proxy.says(/The token store works again/);
  t.is(await metric(), 'outrider_store_up{kind="redis"} 1');
  const second = await start();
  t.is(await second.token(), token, 'what was got alone is for all');
});
