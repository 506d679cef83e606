import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { showProgress } from '../../src/commands/doctor/progress.ts';
import { formatText } from '../../src/commands/doctor/report.ts';
import { configFile, run } from '../commands/run.ts';
import { startTokenEndpoint, type TokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { assertTold, diagnose, freshDir, troubles } from './given.ts';

const HEAD = 'version: 1\nlisten: { address: "127.0.0.1:0" }\nadmin: false\nlimits: { connections: 10 }\n';

const provider = (name: string, { url }: TokenEndpoint): string =>
  `  ${name}: { profile: mine, endpoints: { token: "${url}" }, credentials: { client_id: a, client_secret: hunter-two-hunter } }\n`;

/** Two providers with refresh tokens, their API at the same place. */
function twoProviders(t: ExecutionContext, one: TokenEndpoint, two: TokenEndpoint, api: string, more = ''): string {
  const refresh =
    'refresh: { form: { grant_type: refresh_token, refresh_token: "{{token.refresh_token}}" } }, read: { refresh_token: /refresh_token }';
  return configFile(
    t,
    `${HEAD}${more}profiles: { mine: { extends: oauth2, token: { ${refresh} } } }
providers:
${provider('one', one)}${provider('two', two)}routes:
  - { provider: one, match: { path: /one }, upstream: "${api}" }
  - { provider: two, match: { path: /two }, upstream: "${api}" }
`,
  ).file;
}

/** Every file below a directory with what it holds and when it was written. */
const snapshot = (dir: string): readonly string[] =>
  (readdirSync(dir, { recursive: true }) as string[])
    .filter((name) => statSync(join(dir, name)).isFile())
    .map((name) => `${name} ${statSync(join(dir, name)).mtimeMs} ${readFileSync(join(dir, name), 'latin1')}`)
    .toSorted();

test.serial('the one token call is by the full grant, and the store that a proxy shares stays as it is', async (t) => {
  const endpoint = await startTokenEndpoint(t, ({ n }) => ({
    body: { access_token: `access-token-no-${n}`, refresh_token: `refresh-token-no-${n}`, expires_in: 3600 },
  }));
  const api = (await startUpstream(t)).origin;
  const tokens = join(freshDir(t), 'tokens');
  const file = twoProviders(t, endpoint, endpoint, api, `store: { kind: file, path: "${tokens}" }\n`);
  t.is((await run(t, ['token', 'one', '--config', file])).code, 0);
  const before = snapshot(tokens);
  t.true(before.length > 0, 'positive control');
  const { findings } = await diagnose(t, file);
  t.deepEqual(troubles(findings), []);
  t.deepEqual(
    endpoint.calls.map(({ form }) => form.get('grant_type')),
    ['client_credentials', 'client_credentials', 'client_credentials'],
  );
  t.deepEqual(snapshot(tokens), before);
  // The token that was there is the one that is there.
  t.is((await run(t, ['token', 'one', '--config', file])).code, 0);
  t.is(endpoint.calls.length, 3);
});

test.serial('a named provider is looked at alone; an unknown one is an error with a suggestion', async (t) => {
  const [one, two] = [await startTokenEndpoint(t), await startTokenEndpoint(t)];
  const file = twoProviders(t, one, two, (await startUpstream(t)).origin);
  const { findings } = await diagnose(t, file, ['two']);
  t.deepEqual([...new Set(findings.map(({ provider: each }) => each))], [null, 'two']);
  t.deepEqual(
    findings.filter(({ provider: each }) => each === null).map(({ check }) => check),
    ['config'],
  );
  t.deepEqual([one.calls.length, two.calls.length], [0, 1]);
  const { code, stdout, stderr } = await run(t, ['doctor', 'towo', '--config', file]);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /^error\[unknown_provider\]: .*"towo"\n {2}= help: did you mean "two"\? Known providers: one, two$/m);
});

test.serial('with --offline no provider is asked for anything', async (t) => {
  const endpoint = await startTokenEndpoint(t);
  const api = await startUpstream(t);
  const { findings } = await diagnose(t, twoProviders(t, endpoint, endpoint, api.origin), ['--offline']);
  t.deepEqual(troubles(findings), []);
  t.deepEqual(
    findings.map(({ check }) => check),
    ['config', 'address', 'state', 'spool', 'store', 'descriptors', 'providers'],
  );
  t.is(endpoint.calls.length + api.connections, 0);
});

test.serial('an API is asked for nothing but its root, and shown no credential', async (t) => {
  const api = await startUpstream(t);
  const { file } = configFile(
    t,
    `${HEAD}providers: { key: { profile: header, credentials: { name: x-key, value: hunter-two-hunter } } }\nroutes: [{ provider: key, match: { path: /k }, upstream: "${api.origin}/v1" }, { name: bare, match: { path: /b }, upstream: "http://127.0.0.1:9" }]\n`,
  );
  const { findings } = await diagnose(t, file);
  t.is(api.requests.length, 1);
  t.regex(api.requests[0]?.head ?? '', /^HEAD \/ HTTP\/1\.1\r\n/);
  t.notRegex(api.requests[0]?.head ?? '', /x-key|hunter/i);
  // A route without a provider is looked at as well.
  assertTold(
    t,
    findings.filter(({ routes }) => routes.includes('bare')),
    {
      result: 'failure',
      code: 'connection_refused',
      message: /127\.0\.0\.1:9/,
      remedy: /`upstream` of the route bare/,
    },
    'a route without a provider that leads nowhere',
  );
});

test.serial('a config that can not be used is told with each of its problems', async (t) => {
  const { file } = configFile(
    t,
    `version: 1\nproviders: { p: { profile: bearer, credentials: { token: "\${UNSET_TOKEN}" } } }\nroutes: [{ provider: p, match: { path: /p }, upstream: "https://api.test", typo: 1 }]\n`,
  );
  const { findings } = await diagnose(t, file);
  t.deepEqual([...troubles(findings)].toSorted(), ['failure unknown_key', 'failure unset_variable']);
  const unset = findings.find(({ code }) => code === 'unset_variable');
  t.regex(
    unset?.message ?? '',
    /UNSET_TOKEN is not set, at .*proxy\.config\.yaml:2:\d+ \(providers\.p\.credentials\.token\)/,
  );
  t.regex(unset?.remedy ?? '', /set it, or give a default/);
});

test.serial('with the simulators all is well, in lines that need no colour', async (t) => {
  const { file } = configFile(
    t,
    `${HEAD}providers: { phonepe: { profile: phonepe, environment: simulator }, user: { profile: phonepe-user, environment: simulator } }\nroutes: [{ provider: phonepe, match: { path: /p } }, { provider: user, match: { path: /u } }]\n`,
  );
  const { code, stdout, stderr } = await run(t, ['doctor', '--config', file], { env: { NO_COLOR: '' } });
  t.is(code, 0, stdout);
  t.is(stderr, '');
  // eslint-disable-next-line no-control-regex
  t.notRegex(stdout, /\x1b|\r/);
  t.regex(stdout, /^this machine\n {2}✔ ok {7}config {2,}.*1? ?routes?/m);
  t.regex(stdout, /^phonepe {2}profile phonepe, environment simulator, route phonepe\n {2}✔ ok {7}simulator /m);
  t.regex(stdout, /^ {2}✔ ok {7}token {2,}127\.0\.0\.1:\d+ gave a token, which was thrown away {2}\d+(?: ms|\.\d s)$/m);
  t.regex(stdout, /^ {2}✔ ok {7}expiry {2,}.*\/session_expires_at is \d+: it lives for 1h$/m);
  t.regex(stdout, /^ {2}✔ ok {7}token {2,}its tokens belong to users: none was asked for$/m);
  t.regex(stdout, /\n\n0 failures, 0 warnings, \d+ ok {2}\d/);
});

test('what is wrong has a word beside its mark, and its remedy below; colours come on top', (t) => {
  const report = {
    config: '/c',
    isOffline: false,
    durationMs: 1234,
    groups: [
      {
        title: 'p',
        note: 'profile bearer',
        provider: 'p',
        routes: [],
        findings: [
          { check: 'tls', result: 'failure', code: 'x', message: 'no', remedy: 'do this' },
          { check: 'clock', result: 'warning', code: 'y', message: 'late', remedy: 'do that' },
          { check: 'name', result: 'ok', code: 'z', message: 'yes', durationMs: 0.2 },
        ],
      },
    ],
  } as const;
  const plain = [
    'p  profile bearer',
    '  ✘ failure  tls    no',
    '                    = help: do this',
    '  ! warning  clock  late',
    '                    = help: do that',
    '  ✔ ok       name   yes  1 ms',
    '',
    '1 failure, 1 warning, 1 ok  1.2 s',
    '',
  ].join('\n');
  t.is(formatText(report, { color: false }), plain);
  const colored = formatText(report, { color: true });
  // eslint-disable-next-line no-control-regex
  t.is(colored.replaceAll(/\x1b\[\d+m/g, ''), plain);
  t.true(colored.length > plain.length);
});

/** A stream that keeps what is written to it. */
function listening(isTTY: boolean) {
  const said: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said.push(chunk.toString());
      done();
    },
  });
  return { said, stream: Object.assign(stream, { isTTY, columns: 44 }) };
}

test('progress is one line of a terminal, no wider than it is, and goes away; elsewhere there is none', (t) => {
  const terminal = listening(true);
  const progress = showProgress(terminal.stream, ['this machine', 'phonepe', 'a-provider-with-a-long-name']);
  progress.done('phonepe');
  progress.end();
  const lines = terminal.said.map((text) => text.replace('\r\u001b[2K', ''));
  t.deepEqual(lines, [
    'checking (0 of 3, 0 s): this machine, phone',
    'checking (1 of 3, 0 s): this machine, a-pro',
    '',
  ]);
  const pipe = listening(false);
  const none = showProgress(pipe.stream, ['phonepe']);
  none.done('phonepe');
  none.end();
  t.deepEqual(pipe.said, []);
});
