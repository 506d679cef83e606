import test from 'ava';
import { problemLine, tellProblems } from '../../src/commands/exec-problems.ts';
import { OutriderError, type ErrorCode } from '../../src/core/errors.ts';
import { createEvents } from '../../src/core/events.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startDeaf } from '../helpers/deaf.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { configFile, run } from './run.ts';

const problem = (target: string, code: ErrorCode = 'route_not_found', method = 'GET', detail = 'No route.') => ({
  method,
  target,
  error: new OutriderError(code, { detail }),
});

test('a line holds status, code, request, cause and what helps, and no query and no password', (t) => {
  t.is(
    problemLine(problem('https://me:secret@h.test/a?key=secret#x', 'loop_detected', 'POST')),
    "outrider: 508 loop_detected POST https://h.test/a: No route; point the route's `upstream` at the provider, not at this proxy",
  );
  t.regex(problemLine(problem('me:secret@h.test:443', 'bad_request', 'CONNECT')), /bad_request CONNECT h\.test:443: /);
  t.regex(problemLine(problem('/a@b', 'upstream_failed')), / GET \/a@b: .* \(outcome: unknown\)$/);
  t.regex(problemLine(problem('', 'bad_request', '')), /^outrider: 400 bad_request: No route; .* as this line says$/);
  t.regex(problemLine(problem('/a\u001b[2J\r\nb')), /GET \/a\\u001b\[2J\\u000d\\u000ab: /);
  t.true(problemLine(problem(`/${'a'.repeat(5_000)}`)).length < 600);
});

test('the same is told once in a while, and of one code a few; what was left out is a number', async (t) => {
  const events = createEvents();
  const clock = fakeClock();
  const told: string[] = [];
  const problems = tellProblems(events, clock, (line) => void told.push(line.slice(0, 50)));
  for (let i = 0; i < 1_000; i++) {
    events.emit('problem', problem('/same', 'overloaded'));
    events.emit('problem', problem(`/${i}`));
  }
  t.is(told.length, 6);
  t.is(told.filter((line) => line.includes('overloaded')).length, 1);
  told.length = 0;
  await clock.advance(10_000);
  t.deepEqual(told, [
    'outrider: 503 overloaded: 999 more like this',
    'outrider: 404 route_not_found: 995 more like these',
  ]);
  told.length = 0;
  events.emit('problem', problem('/same', 'overloaded'));
  await clock.advance(10_000);
  t.is(told.length, 1, 'nothing was left out, and it is told anew');
  told.length = 0;
  events.emit('problem', problem('/last'));
  events.emit('problem', problem('/last'));
  problems.end();
  events.emit('problem', problem('/after'));
  t.deepEqual(told.slice(1), ['outrider: 404 route_not_found: 1 more like this']);
});

const PYTHON_LIKE = `
for (const [url, method, body] of JSON.parse(process.argv[1])) {
  await fetch(url.replace('$', process.env.OUTRIDER_URL), { method, body }).then((r) => r.text(), () => undefined);
}
console.log('own');`;
const ask = (...calls: readonly (readonly string[])[]): string[] => [
  process.execPath,
  '--input-type=module',
  '-e',
  PYTHON_LIKE,
  JSON.stringify(calls),
];

test.serial(
  'what Outrider answers with an error is said on stderr, at each door, and stdout stays clean',
  async (t) => {
    const upstream = await startUpstream(t, (arrival) => arrival.end());
    const deaf = await startDeaf(t);
    const { file } = configFile(
      t,
      `
version: 1
providers:
  sign: { profile: payu-hash, environment: simulator, credentials: { key: the-own-key, salt: the-own-salt } }
routes:
  - { provider: sign, match: { path: /sign } }
  - { name: cut, match: { path: /cut }, upstream: "${upstream.origin}" }
  - { name: mute, match: { path: /mute }, upstream: "http://127.0.0.1:${deaf.port}", timeouts: { response: 100ms, connect: 100ms } }
`,
    );
    const { code, stdout, stderr } = await run(t, [
      'exec',
      '--intercept',
      '--config',
      file,
      '--',
      ...ask(
        ['https://api.example.com/x?secret=1', 'GET'],
        ['https://test.payu.in/merchant/x?secret=2', 'POST', '{}'],
        ['$/nowhere/the-own-salt?secret=3', 'GET'],
        ['$/cut', 'GET'],
        ['$/mute', 'POST', 'x'],
      ),
    ]);
    t.is(code, 0);
    t.is(stdout, 'own\n');
    t.deepEqual(
      stderr
        .trim()
        .split('\n')
        .map((line) => line.replace(/; .*/, '')),
      [
        'outrider: 403 destination_denied CONNECT api.example.com:443: no route leads there',
        'outrider: 400 bad_body POST https://test.payu.in/merchant/x: The body must be a form',
        'outrider: 404 route_not_found GET /nowhere/[redacted]: no route matches GET /nowhere/[redacted]',
        'outrider: 502 upstream_failed GET /cut: the connection broke before the answer was complete',
        'outrider: 504 upstream_timeout POST /mute: no connection to the provider within 100 ms',
      ],
    );
    t.regex(
      stderr,
      /^outrider: 403 .*: no route leads there; routed hosts: info\.payu\.in, test\.payu\.in\. Add a route/m,
    );
    t.notRegex(stderr, /secret|own-salt/);
  },
);

test.serial('-v shows the access log too, and no other run does', async (t) => {
  const upstream = await startUpstream(t);
  const yaml = `version: 1\nlog: { format: json }\nroutes: [{ name: a, match: { path: /a }, upstream: "${upstream.origin}" }]\n`;
  const { file } = configFile(t, yaml);
  const rest = ['--config', file, '--', ...ask(['$/a', 'GET'], ['$/b', 'GET'])];
  const { stdout, stderr } = await run(t, ['exec', '-v', ...rest]);
  t.is(stdout, 'own\n');
  const lines = stderr.trim().split('\n');
  const logged = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { path?: string });
  t.deepEqual(
    logged.flatMap(({ path }) => path ?? []),
    ['/a', '/b'],
  );
  t.is(lines.filter((line) => line.startsWith('outrider: 404 ')).length, 1);
  const quiet = await run(t, ['exec', ...rest]);
  t.regex(quiet.stderr, /^outrider: 404 route_not_found GET \/b: [^\n]*\n$/);
});

test.serial('exec --help names the variables', async (t) => {
  const { stdout } = await run(t, ['exec', '--help']);
  for (const name of ['OUTRIDER_URL ', 'OUTRIDER_URL_<ROUTE>', 'OUTRIDER_TOKEN', '--verbose'])
    t.true(stdout.includes(name));
});
