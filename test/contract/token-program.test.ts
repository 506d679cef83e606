import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from '../helpers/directory.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider, type Outrider } from '../helpers/outrider.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';

interface Given {
  readonly outrider: Outrider;
  readonly upstream: Upstream;
  /** The directory of the program, for what it leaves behind. */
  readonly dir: string;
}

/** `/api` with a token from a shell script; `$DIR` is a directory of its own, `$0` lies in it. */
async function given(t: ExecutionContext, script: string, token = '', more = ''): Promise<Given> {
  const dir = temporaryDirectory(t);
  const program = path.join(dir, 'get-token');
  fs.writeFileSync(program, `#!/bin/sh\nDIR=${dir}\n${script}\n`, { mode: 0o755 });
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
profiles:
  mine:
    credentials: { key: { secret: true }, account: {} }
    token:
      command: [${JSON.stringify(program)}, "{{credentials.account}}"]
      env: { API_KEY: "{{credentials.key}}" }
${token.replaceAll(/^(?=.)/gm, '      ')}
    renew: { cooldown: 0s }
    inject: { headers: { authorization: "Bearer {{token.access_token}}" } }
providers:
  p: { profile: mine, credentials: { key: key-of-the-program-1, account: shop 1 } }
routes:
  - { name: api, match: { path: /api }, provider: p, upstream: "${upstream.origin}" }
${more}`,
  );
  return { outrider, upstream, dir };
}

const TOKEN = `printf '{"access_token":"%s","expires_in":3600}' "token-of-$(wc -l < $DIR/runs)"`;
const COUNTED = `echo "$*" >> $DIR/runs`;
const runs = (dir: string): string[] => fs.readFileSync(path.join(dir, 'runs'), 'utf8').trim().split('\n');

test('a token comes from a program, once for all that wait, and anew when it is rejected', async (t) => {
  const { outrider, upstream, dir } = await given(t, `${COUNTED}\n${TOKEN}`, '', '');
  upstream.handler = async (arrival) => {
    await arrival.body();
    const isOld = arrival.header('authorization') === 'Bearer token-of-1' && fs.existsSync(path.join(dir, 'revoked'));
    await arrival.reply(isOld ? 401 : 200, { body: 'ok' });
  };
  const answers = await Promise.all(Array.from({ length: 50 }, () => outrider.call('/api/x')));
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  t.deepEqual(runs(dir), ['shop 1'], 'one argument, and no shell has split it');
  t.is(upstream.requests[0]?.header('authorization'), 'Bearer token-of-1');
  fs.writeFileSync(path.join(dir, 'revoked'), '');
  const again = await Promise.all(Array.from({ length: 20 }, () => outrider.call('/api/x')));
  t.deepEqual([...new Set(again.map(({ status }) => status))], [200]);
  t.is(runs(dir).length, 2);
  t.is(upstream.requests.at(-1)?.header('authorization'), 'Bearer token-of-2');
});

test('the program gets PATH, HOME and what the profile says, and nothing else', async (t) => {
  process.env['OUTRIDER_TEST_STRANGER'] = 'stranger';
  t.teardown(() => delete process.env['OUTRIDER_TEST_STRANGER']);
  const { outrider, dir } = await given(t, `${COUNTED}\nenv | sort > $DIR/env\npwd >> $DIR/env\n${TOKEN}`);
  t.is((await outrider.call('/api/x')).status, 200);
  const names = fs.readFileSync(path.join(dir, 'env'), 'utf8');
  t.deepEqual(
    names
      .split('\n')
      .flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? [])
      .filter((name) => !['PWD', 'OLDPWD', '_', 'SHLVL'].includes(name)),
    ['API_KEY', 'HOME', 'PATH'],
  );
  t.regex(names, /^API_KEY=key-of-the-program-1$/m);
  t.true(names.includes(`${path.dirname(outrider.app.config.file)}\n`), 'it runs where the config lies');
});

for (const [what, script, detail, token] of [
  ['an exit code other than 0', 'echo "no vault here" >&2; exit 3', /get-token failed \(exit code 3\)$/],
  [
    'a known error code',
    `printf '{"error":"invalid_client"}'; exit 1`,
    /get-token failed \(exit code 1\): invalid_client$/,
  ],
  ['a signal', 'kill -KILL $$', /get-token was ended by SIGKILL$/],
  ['no JSON', 'echo secret-words-of-the-program', /get-token answered without a token: it is not JSON$/],
  ['no output', 'true', /get-token answered without a token: the answer is empty$/],
  ['no token in it', `echo '{"token":"elsewhere"}'`, /get-token answered without a token$/],
  [
    'too much output',
    'yes 0123456789abcdef',
    /get-token answered without a token: the answer is longer than a token answer may be$/,
  ],
  ['no end', 'sleep 60', /no answer from \S+get-token within 300ms$/, 'timeout: 300ms'],
] as const) {
  test(`a program that fails is told apart: ${what}`, async (t) => {
    const { outrider, upstream } = await given(t, script, token);
    const answer = await outrider.call('/api/x');
    t.is(answer.status, 503);
    const problem = JSON.parse(answer.text) as { code: string; detail: string; outcome: string };
    t.like(problem, { code: 'token_unavailable', outcome: 'not_sent' });
    t.regex(problem.detail, detail);
    t.is(upstream.connections, 0);
    t.false(outrider.logText().includes('secret-words'));
  });
}

test('a program that is not there is told as such', async (t) => {
  const { outrider, dir } = await given(t, 'exit 0');
  fs.rmSync(path.join(dir, 'get-token'));
  t.regex((await outrider.call('/api/x')).text, /there is no program \S+get-token/);
});

const isAlive = (pid: number): boolean =>
  fs.existsSync(`/proc/${pid}`) && !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
const pids = (dir: string): number[] => fs.readFileSync(path.join(dir, 'pids'), 'utf8').trim().split('\n').map(Number);

test('at its time limit the program ends, and what it has started', async (t) => {
  const { outrider, dir } = await given(
    t,
    'sleep 60 &\necho $! > $DIR/pids\necho $$ >> $DIR/pids\nwait',
    'timeout: 500ms',
  );
  t.is((await outrider.call('/api/x')).status, 503);
  await until('the end of the group', () => pids(dir).every((pid) => !isAlive(pid)));
  t.is(pids(dir).length, 2);
});

test('what a program leaves behind neither keeps its token back nor lives on', async (t) => {
  const { outrider, dir } = await given(t, `${COUNTED}\nsleep 60 &\necho $! > $DIR/pids\n${TOKEN}`);
  t.is((await outrider.call('/api/x')).status, 200);
  await until('the end of what was left behind', () => pids(dir).every((pid) => !isAlive(pid)));
});

test('a proxy that stops ends the program that runs', async (t) => {
  const { outrider, dir } = await given(
    t,
    'echo $$ > $DIR/pids\nsleep 60',
    '',
    'timeouts: { drain: 100ms, lame_duck: 0s }',
  );
  const call = outrider.call('/api/x').catch(() => undefined);
  await until('the program to run', () => fs.existsSync(path.join(dir, 'pids')) && pids(dir).length === 1);
  await outrider.app.stop();
  await call;
  await until('its end', () => pids(dir).every((pid) => !isAlive(pid)));
  t.is(pids(dir).length, 1);
});

test('stderr goes to the log without credentials, and without the token of stdout', async (t) => {
  const token = 'token-that-nobody-sees';
  const { outrider } = await given(
    t,
    `echo "key $API_KEY, got ${token} of the vault" >&2\nprintf '{"access_token":"${token}","expires_in":60}'`,
  );
  t.is((await outrider.call('/api/x')).status, 200);
  const line =
    outrider
      .logText()
      .split('\n')
      .find((one) => one.includes('the token program wrote to stderr')) ?? '';
  t.like(JSON.parse(line), { provider: 'p', level: 'info', stderr: 'key [redacted], got [redacted] of the vault' });
});
