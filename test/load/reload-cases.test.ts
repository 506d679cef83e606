import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startCli } from '../contract/cli.ts';
import type { CliProcess } from '../contract/cli.ts';
import { tokenYaml } from '../contract/given.ts';
import type { TokenParts } from '../contract/given.ts';
import { gate, until } from '../helpers/http1.ts';
import { granted, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import type { TokenEndpoint } from '../helpers/token-endpoint.ts';
import { startEcho } from './echo.ts';
import type { Echo } from './echo.ts';
import { failures, steady } from './steady.ts';
import type { Steady } from './steady.ts';

const PER_SECOND = 80;
/** For a machine that is busy with other things. */
const LONG_MS = 30_000;
const PARTS: TokenParts = { renew: '{ cooldown: 0ms }' };

interface Given {
  readonly echo: Echo;
  readonly tokens: TokenEndpoint;
  readonly proxy: CliProcess;
  readonly load: Steady;
  /** Tokens that the provider takes. */
  readonly good: Set<string>;
  readonly yaml: (parts?: TokenParts) => string;
  /** Writes a file and has it read. */
  readonly reload: (text: string) => void;
  readonly logged: (text: string | RegExp) => Promise<void>;
  readonly tokenCall: (n: number) => Promise<void>;
  /** Resolves when so many more have been answered. */
  readonly traffic: (count?: number) => Promise<void>;
}

/** A proxy of its own, under load, before a provider whose tokens are `token-1`, `token-2`, …; the first is in use. */
async function given(t: ExecutionContext): Promise<Given> {
  const good = new Set(['Bearer token-1']);
  const echo = await startEcho(t, (authorization) => good.has(authorization));
  const tokens = await startTokenEndpoint(t, ({ n }) => {
    good.add(`Bearer token-${n}`);
    return granted(`token-${n}`);
  });
  const yaml = (parts: TokenParts = {}): string =>
    tokenYaml(echo.origin, tokens.url, {
      ...PARTS,
      ...parts,
      extra: `log: { format: json, access: false }\ntimeouts: { connect: ${LONG_MS}ms }\n${parts.extra ?? ''}`,
    });
  const proxy = await startCli(t, yaml());
  // More than can come to wait while something is held.
  const load = steady({ perSecond: PER_SECOND, port: () => proxy.port, most: 3_000 });
  t.teardown(() => load.end());
  const traffic = async (count = 40): Promise<void> => {
    const from = load.sent.length;
    await until('traffic', () => load.sent.length >= from + count, LONG_MS);
  };
  await traffic();
  return {
    echo,
    tokens,
    proxy,
    load,
    good,
    yaml,
    traffic,
    tokenCall: (n) => until(`token call ${n}`, () => tokens.calls.length >= n, LONG_MS),
    reload(text) {
      proxy.write(text);
      proxy.child.kill('SIGHUP');
    },
    logged: (text) =>
      until(`${text} in the log`, () => proxy.output().search(text) >= 0, LONG_MS).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${proxy.output()}`);
      }),
  };
}

async function nobodyNoticed(t: ExecutionContext, { load, echo }: Given): Promise<void> {
  await load.end();
  t.deepEqual(failures(load).slice(0, 10), []);
  t.deepEqual(echo.notOnce(load.sent.map(({ id }) => id)), []);
  t.true(
    load.callers.every(({ connections }) => connections <= 1),
    'no connection was closed',
  );
}

const RELOADED = /the config was reloaded/;

/** Files that say nothing useful, and what the log must say of each. */
const BAD: Readonly<Record<string, readonly [text: (yaml: string) => string, log: RegExp]>> = {
  'a key that there is not': [(yaml) => `${yaml}\nnonsense: 1\n`, /config error\[unknown_key\].*nonsense.*"line":\d+/],
  'no YAML': [(yaml) => `${yaml}\n  - {\n`, /config error\[\w+\].*"line":\d+/],
  'a route without a provider': [
    (yaml) => yaml.replace('provider: demo', 'provider: deno'),
    /config error\[unknown_provider\].*deno.*"line":\d+.*demo/,
  ],
  'a file of another kind': [() => '{{ template }}', /config error\[\w+\].*"line":\d+/],
  'a file that is only half written': [(yaml) => yaml.slice(0, yaml.indexOf('routes:')), /config warning\[no_routes\]/],
  'a secret whose file is missing': [
    (yaml) => yaml.replace('my-secret-of-the-demo', '"${file:/nowhere/at/all}"'),
    /config error\[\w+\].*\/nowhere\/at\/all/,
  ],
};

test('bad files change nothing, and the log says what is wrong with each and where', async (t) => {
  const world = await given(t);
  const { yaml, reload, logged, traffic, proxy } = world;
  for (const [what, [text, log]] of Object.entries(BAD)) {
    const before = proxy.output().length;
    reload(text(yaml({ route: 'headers: { set: { x-version: bad } }' })));
    await logged(log);
    const isOver = (): boolean => proxy.output().slice(before).includes('the one before it serves on');
    await until(`${what}: the end of it`, isOver, LONG_MS);
    await traffic(20);
  }
  await nobodyNoticed(t, world);
  t.notRegex(proxy.output(), RELOADED);
  t.true(world.load.sent.every(({ reply }) => !reply.text.includes('bad')));
  reload(yaml({ route: 'headers: { set: { x-version: good } }' }));
  await logged(RELOADED);
});

test('a reload while the token is being renewed: nobody waits twice, and one token call is made', async (t) => {
  const world = await given(t);
  const { tokens, good, yaml, reload, logged, traffic, tokenCall } = world;
  const held = gate();
  tokens.script = async ({ n }) => {
    await held.opened;
    good.add(`Bearer token-${n}`);
    return granted(`token-${n}`);
  };
  good.clear();
  await tokenCall(2);
  reload(yaml({ route: 'headers: { set: { x-version: new } }' }));
  await logged(RELOADED);
  held.open();
  await traffic();
  await nobodyNoticed(t, world);
  t.is(tokens.calls.length, 2);
  t.true(world.load.sent.some(({ reply }) => reply.text.includes('new')));
});

test('a reload to another client while the token of the old one is being renewed: both are served', async (t) => {
  const world = await given(t);
  const { tokens, good, yaml, reload, logged, traffic, tokenCall } = world;
  const held = gate();
  tokens.script = async ({ n, form }) => {
    if (form.get('client_id') === 'me') await held.opened;
    good.add(`Bearer token-${n}`);
    return granted(`token-${n}`);
  };
  good.clear();
  await tokenCall(2);
  reload(yaml().replace('client_id: me', 'client_id: other'));
  await logged(RELOADED);
  await tokenCall(3);
  await traffic();
  held.open();
  await traffic();
  await nobodyNoticed(t, world);
  t.deepEqual(
    tokens.calls.map(({ form }) => form.get('client_id')),
    ['me', 'me', 'other'],
  );
});

test('a reload with another client secret: the token stays, and the next one is got with the new secret', async (t) => {
  const world = await given(t);
  const { tokens, good, yaml, reload, logged, traffic, tokenCall, proxy } = world;
  reload(yaml().replace('my-secret-of-the-demo', 'another-secret-of-the-demo'));
  await logged(RELOADED);
  await traffic();
  t.is(tokens.calls.length, 1);
  good.clear();
  await tokenCall(2);
  await traffic();
  await nobodyNoticed(t, world);
  t.deepEqual(
    tokens.calls.map(({ form }) => form.get('client_secret')),
    ['my-secret-of-the-demo', 'another-secret-of-the-demo'],
  );
  t.notRegex(proxy.output(), /secret-of-the-demo/);
});

test('a reload that removes a route in use: what is under way is answered, what comes then is `route_not_found`, and back again', async (t) => {
  const world = await given(t);
  const { echo, load, yaml, reload, logged, traffic, proxy } = world;
  const held = gate();
  const { handler } = echo;
  const heldArrivals = echo.requests.length;
  echo.handler = async (arrival, index) => {
    if (index <= heldArrivals + 10) await held.opened;
    return handler(arrival, index);
  };
  await until('requests to hold', () => echo.requests.length >= heldArrivals + 10, LONG_MS);
  reload(yaml().replace('path: /api', 'path: /other'));
  await logged(RELOADED);
  await traffic();
  held.open();
  await traffic();
  reload(yaml());
  await until('the second reload', () => (proxy.output().match(new RegExp(RELOADED, 'g'))?.length ?? 0) === 2, LONG_MS);
  const back = load.sent.length;
  await traffic();
  await load.end();
  const others = load.sent.filter(({ reply }) => reply.status !== 200);
  t.true(others.length >= 40);
  for (const { reply } of others) {
    t.true(reply.isWhole);
    t.like(JSON.parse(reply.text), { status: 404, code: 'route_not_found', outcome: 'not_sent' });
  }
  const served = load.sent.filter(({ reply }) => reply.status === 200);
  t.deepEqual(echo.notOnce(served.map(({ id }) => id)), []);
  t.is(echo.requests.length, served.length, 'what had no route was not sent');
  t.true(load.sent.slice(back + 33).every(({ reply }) => reply.status === 200));
  t.true(load.callers.every(({ connections }) => connections <= 1));
});
