import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { SIMULATE_HELP, simulate } from '../../src/commands/simulate.ts';
import { SIMULATED_KINDS, errorWords } from '../../src/simulator/simulator.ts';

function run(options: { port?: number; json?: boolean }) {
  const [stdout, stderr, abort] = [new PassThrough(), new PassThrough(), new AbortController()];
  const exit = simulate({ port: 0, json: false, ...options, stdout, stderr, signal: abort.signal });
  const text = async (stream: PassThrough): Promise<string> => {
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    return chunk.toString();
  };
  return { exit, abort, printed: () => text(stdout), complained: () => text(stderr) };
}

test('it prints the endpoints of every kind, serves them, and ends with 0', async (t) => {
  const { exit, abort, printed } = run({});
  const text = await printed();
  const [origin] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? [];
  for (const kind of SIMULATED_KINDS) t.true(text.includes(`api    ${origin}/${kind}`), kind);
  t.true(text.includes(`token  ${origin}/pincode/olympus/im/v1/oauth/token`));
  t.true(text.includes('/_control/revoke'));
  t.regex(text, /errors \d+ in documented words, \d+ in the simulator's own/);
  t.true(text.includes(`Whose words an error has, with the sources: GET ${origin}/`));

  const fields = { client_id: 'test', client_secret: 'test', grant_type: 'client_credentials', scope: 'read_bills' };
  const token = await fetch(`${origin}/payu-bbps/oauth/token`, { method: 'POST', body: new URLSearchParams(fields) });
  t.is(token.status, 200);
  await token.text();
  abort.abort();
  t.is(await exit, 0);
  await t.throwsAsync(fetch(`${origin}/`));
});

test('--json prints one document', async (t) => {
  const { exit, abort, printed } = run({ json: true });
  const { origin, simulators, control } = JSON.parse(await printed()) as {
    origin: string;
    simulators: { name: string; token?: string; api: string; errors: object }[];
    control: { method: string; path: string; parameters: Record<string, string> }[];
  };
  t.deepEqual(
    simulators.map(({ name }) => name),
    [...SIMULATED_KINDS],
  );
  t.is(simulators[0]?.api, `${origin}/phonepe/apis/pg-sandbox`);
  for (const { name, errors } of simulators) t.deepEqual(errors, errorWords(name), name);
  t.deepEqual(
    control.map(({ path }) => path),
    ['revoke', 'lifetime', 'delay', 'fail', 'callback', 'calls'].map((name) => `/_control/${name}`),
  );
  t.true(control.every(({ parameters }) => 'provider' in parameters));
  abort.abort();
  t.is(await exit, 0);
});

test('a port that is taken is an error on stderr and a 1', async (t) => {
  const first = run({ json: true });
  const { origin } = JSON.parse(await first.printed()) as { origin: string };
  const second = run({ port: Number(new URL(origin).port) });
  const [text, code] = await Promise.all([second.complained(), second.exit]);
  t.regex(text, /can't listen on port \d+.*EADDRINUSE/);
  t.is(code, 1);
  first.abort.abort();
  t.is(await first.exit, 0);
});

test('a signal that has come already ends it at once', async (t) => {
  const abort = new AbortController();
  abort.abort();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  t.is(await simulate({ port: 0, json: false, stdout, stderr, signal: abort.signal }), 0);
});

test('the help names every parameter of every control', (t) => {
  for (const name of [
    'provider=',
    'ms=',
    'seconds=',
    'value=',
    'target=',
    'status=',
    'count=',
    'retry_after=',
    'refresh=',
  ])
    t.true(SIMULATE_HELP.includes(name), name);
});
