import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { secretsIn } from '../helpers/canary.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { configFile, run, startProxy } from './run.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const SECRET = 'canary-client-secret-9';
const ACCESS = 'canary-access-token-9';

const yaml = (token = 'http://127.0.0.1:9'): string => `version: 1
listen: { address: "127.0.0.1:0", access_tokens: [${ACCESS}] }
admin: false
log: { level: debug, format: json }
timeouts: { lame_duck: 0ms, token: 5s }
providers:
  oauth: { profile: oauth2, credentials: { client_id: me, client_secret: ${SECRET} }, endpoints: { token: "${token}" } }
  query: { profile: query-key, credentials: { name: key, value: ${SECRET} } }
routes:
  - { name: oauth, match: { path: /oauth }, provider: oauth, upstream: "http://127.0.0.1:9" }
  - { name: query, match: { path: /query, headers: { authorization: "Bearer ${ACCESS}-2" } }, provider: query, upstream: "http://127.0.0.1:9" }
`;

/** Arguments of node that run this first. */
function first(t: ExecutionContext, script: string): readonly string[] {
  const dir = temporaryDirectory(t);
  writeFileSync(join(dir, 'first.mjs'), script);
  return ['--import', join(dir, 'first.mjs')];
}

// Each of these runs under the eyes of the watch: whatever secret is printed fails it.
for (const [how, crash] of [
  ['an exception that quotes a secret', `throw new Error('with ${SECRET}', { cause: new TypeError('of ${ACCESS}') })`],
  ['a rejection with a secret in base64', `Promise.reject('Basic ' + btoa('me:${SECRET}'))`],
] as const) {
  test(`a crash by ${how} is told without it`, async (t) => {
    const node = first(t, `process.on('SIGUSR2', () => { ${crash} });`);
    const proxy = await startProxy(t, yaml(), [], { node });
    proxy.kill('SIGUSR2');
    t.is(await proxy.exit, 1);
    t.regex(proxy.stderr(), /outrider itself failed and stops.*\[redacted\]/);
  });
}

test('a command that crashes says why without the secrets that it knows', async (t) => {
  const { file } = configFile(t, yaml());
  const node = first(t, `process.stdout.write = () => { throw new Error('wrote ${SECRET}, token=${ACCESS}') };`);
  const { code, stderr } = await run(t, ['explain', 'GET', '/oauth/x', '--config', file], { node });
  t.is(code, 1);
  t.regex(stderr, /^error\[internal_error\]: outrider itself failed: wrote \[redacted\], token=\[redacted\]/m);
});

test("a diagnostic report that an operator asks for leaves the environment's secrets out", async (t) => {
  const { dir } = configFile(t, '');
  const node = ['--report-on-signal', '--report-signal=SIGUSR2', `--report-directory=${dir}`];
  const proxy = await startProxy(t, yaml().replace(SECRET, '"${CLIENT_SECRET}"'), [], {
    node,
    env: { CLIENT_SECRET: SECRET },
  });
  proxy.kill('SIGUSR2');
  await proxy.says(/Node\.js report completed/);
  const report = readdirSync(dir).find((name) => name.startsWith('report.'));
  const text = readFileSync(join(dir, report ?? ''), 'utf8');
  t.true(text.includes('javascriptStack'));
  t.deepEqual(secretsIn(text), []);
});

test('explain shows neither what is put in nor what the caller sent, and no known secret in the URL or the body', async (t) => {
  const { file } = configFile(t, yaml());
  const said = ['-H', 'Authorization: Bearer mine-of-the-caller', '-H', `X-Outrider-Token: ${ACCESS}`];
  const args = ['explain', 'POST', `/oauth/x?a=${SECRET}&b=${ACCESS}`, ...said, '-d', SECRET, '--config', file];
  const { code, stdout } = await run(t, args);
  t.is(code, 0);
  t.regex(stdout, /http:\/\/127\.0\.0\.1:9\/x\?a=\[redacted\]&b=\[redacted\]/);
  t.notRegex(stdout, /mine-of-the-caller/);
  const refused = await run(t, ['explain', 'GET', `/nowhere/${SECRET}`, '--json', '--config', file]);
  t.is(refused.code, 1);
});

test('token shows its value on stdout alone, and only when asked', async (t) => {
  const endpoint = await startTokenEndpoint(t, () => ({
    body: { access_token: 'a-token-of-the-endpoint', refresh_token: 'a-refresh-of-the-endpoint', expires_in: 60 },
  }));
  const { file } = configFile(t, yaml(endpoint.url));
  for (const more of [['--json'], ['--show']]) {
    const { code, stdout, stderr } = await run(t, ['token', 'oauth', ...more, '--config', file]);
    t.is(code, 0);
    t.is(stderr, '');
    t.is(stdout.includes('a-token-of-the-endpoint'), more.includes('--show'));
    t.notRegex(stdout, /refresh-of/);
  }
});

test('a program that exec runs gets the access token, and no other secret in its environment or anybody’s arguments', async (t) => {
  const { file } = configFile(t, yaml());
  const script = `const fs = require('node:fs');
    const read = (name) => { try { return fs.readFileSync(name, 'latin1'); } catch { return ''; } };
    const all = fs.existsSync('/proc/1') ? fs.readdirSync('/proc').filter(Number).map((pid) => read('/proc/' + pid + '/cmdline')) : [];
    setTimeout(() => process.stdout.write(JSON.stringify([process.env, process.argv, all])), 100);`;
  const { code, stdout } = await run(t, ['exec', '--config', file, '--', process.execPath, '-e', script]);
  t.is(code, 0);
  const [env, argv, all] = JSON.parse(stdout) as [Record<string, string>, string[], string[]];
  t.is(env['OUTRIDER_TOKEN'], ACCESS);
  delete env['OUTRIDER_TOKEN'];
  t.deepEqual(secretsIn(JSON.stringify([env, argv])), []);
  const ours = all.filter((line) => /outrider-warden|\0exec\0/.test(line));
  t.deepEqual(secretsIn(ours.join('\n')), []);
  if (existsSync('/proc/1')) t.true(ours.length >= 2);
});
