import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { diagnose, troubles } from '../doctor/given.ts';
import { temporaryDirectory } from '../helpers/directory.ts';
import { until } from '../helpers/http1.ts';
import { isolated, UNDER } from './first-process.ts';
import { launch, run } from './run.ts';

const SECRET = 'secret-of-the-vault-1';

/** A config whose provider `p` gets its tokens from `./get-token`, a shell script beside it. `ran` tells whether it was run. */
function given(
  t: ExecutionContext,
  script: string,
  timeout = '9s',
): { readonly file: string; readonly dir: string; readonly ran: () => boolean } {
  const dir = temporaryDirectory(t);
  const file = join(dir, 'proxy.config.yaml');
  writeFileSync(join(dir, 'get-token'), `#!/bin/sh\necho $$ >> pids\n${script}\n`, { mode: 0o755 });
  writeFileSync(
    file,
    `version: 1
listen: { address: 127.0.0.1:0 }
admin: false
profiles:
  vault:
    credentials: { secret_id: { secret: true }, role: {} }
    token:
      command: [./get-token, --role, "{{credentials.role}}"]
      env: { SECRET_ID: "{{credentials.secret_id}}", REGION: eu 1 }
      timeout: ${timeout}
    inject: { headers: { authorization: "Bearer {{token.access_token}}" } }
providers:
  p: { profile: vault, credentials: { secret_id: ${SECRET}, role: the shop } }
routes:
  - { match: { path: /p }, provider: p, upstream: "http://127.0.0.1:9" }
`,
  );
  return { file, dir, ran: () => existsSync(join(dir, 'pids')) };
}

const TOKEN = `printf '{"access_token":"token-of-%s","expires_in":3600}' "$SECRET_ID" | sed s/secret/word/`;
const isAlive = (dir: string): boolean =>
  readFileSync(join(dir, 'pids'), 'utf8')
    .trim()
    .split('\n')
    .some((pid) => existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));

test('check and explain never run the program, and explain says what would be run', async (t) => {
  const { file, ran } = given(t, TOKEN);
  t.like(await run(t, ['check', '--config', file]), { code: 0 });
  const { code, stdout } = await run(t, ['explain', '--config', file, 'GET', '/p/x']);
  t.is(code, 0, stdout);
  t.regex(
    stdout,
    /\nprogram, when no token is at hand\n {2}command +\.\/get-token --role 'the shop'\n {2}env +SECRET_ID=<secret_id>\n {2}env +REGION=eu 1\n/,
  );
  const { stdout: json } = await run(t, ['explain', '--json', '--config', file, 'GET', '/p/x']);
  t.like(JSON.parse(json), {
    token: null,
    token_program: { command: ['./get-token', '--role', 'the shop'] },
    certificate: null,
  });
  t.false(ran());
});

test('token runs it, and shows what it writes to stderr, without secrets', async (t) => {
  const { file, ran } = given(t, `echo "I have $SECRET_ID" >&2\n${TOKEN}`);
  const { code, stdout, stderr } = await run(t, ['token', 'p', '--config', file]);
  t.is(code, 0, stderr);
  t.regex(stdout, /^type +Bearer$/m);
  t.is(stderr, 'I have [redacted]\n');
  t.true(ran());
  const failing = given(t, 'echo "the vault is sealed" >&2; exit 2');
  const failed = await run(t, ['token', 'p', '--config', failing.file]);
  t.is(failed.code, 1);
  t.regex(failed.stderr, /^the vault is sealed\nerror\[token_unavailable\]: \.\/get-token failed \(exit code 2\)\n/);
  t.regex(failed.stderr, /help: What it wrote to stderr says more/);
});

test('doctor runs it, but not offline', async (t) => {
  const { file, ran } = given(t, TOKEN);
  await diagnose(t, file, ['--offline']);
  t.false(ran());
  const { findings } = await diagnose(t, file, ['p']);
  t.true(findings.some(({ code, message }) => code === 'token_ok' && message.startsWith('./get-token gave a token')));
  const failing = given(t, 'echo "the vault is sealed" >&2; exit 2');
  const failed = await diagnose(t, failing.file, ['p']);
  t.true(troubles(failed.findings).includes('failure token_program_failed'));
  t.true(failed.findings.some(({ message }) => message.endsWith('(exit code 2); its last words: the vault is sealed')));
});

test('a signal that ends the command ends the program too', async (t) => {
  const { file, dir, ran } = given(t, 'sleep 60');
  const running = launch(t, ['token', 'p', '--config', file]);
  await until('the program to run', ran, 20_000);
  running.kill('SIGINT');
  t.is(await running.exit, 130);
  await until('its end', () => !isAlive(dir));
});

/** Asks for a token, and tells what is left of the program after that, zombies too. */
const ASK = `
import { readdirSync, readFileSync } from 'node:fs';
const { status } = await fetch(process.env.OUTRIDER_URL_P + '/x');
const left = () => readdirSync('/proc').filter((pid) => {
  try { return /^\\d+ \\((?:sleep|get-token)\\)/.test(readFileSync('/proc/' + pid + '/stat', 'utf8')); } catch { return false; }
});
const endMs = Date.now() + 10_000;
while (left().length > 0 && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
console.log(status, left().length);`;

isolated('below the first process of a container it is ended and reaped, with what it has started', async (t) => {
  const { file, ran } = given(t, 'sleep 60 & sleep 61', '300ms');
  const words = ['exec', '--config', file, '--', process.execPath, '--input-type=module', '-e', ASK];
  const { stdout, stderr } = await run(t, words, { under: UNDER ?? [] });
  t.is(stdout, '503 0\n', stderr);
  t.true(ran());
});
