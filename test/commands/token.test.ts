import test from 'ava';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { configFile, run, SIMULATED } from './run.ts';

test.serial('a token of the simulator is fetched, and shown masked', async (t) => {
  const { file } = configFile(t, SIMULATED);
  const { code, stdout, stderr } = await run(t, ['token', 'phonepe', '--config', file]);
  t.is(code, 0, stderr);
  t.regex(
    stdout,
    /^provider +phonepe\ntype +O-Bearer\nage +0s\nexpires +\d{4}-.*Z \(in .*\)\nvalue +\S{4}….. \(\d+ characters\)\n$/,
  );
});

test.serial('--show prints the value itself, --json the facts', async (t) => {
  const { file } = configFile(t, SIMULATED);
  const { stdout } = await run(t, ['token', 'phonepe', '--show', '--renew', '--json', '--config', file]);
  const facts = JSON.parse(stdout) as { value: string; expires_in_seconds: number };
  t.like(facts, { provider: 'phonepe', type: 'O-Bearer', age_seconds: 0 });
  t.true(facts.value.length > 16 && !facts.value.includes('…'));
  t.true(facts.expires_in_seconds > 0);
});

test.serial('an unknown provider, and one without tokens, are errors with a hint', async (t) => {
  const { file } = configFile(
    t,
    `${SIMULATED}  - { name: key, match: { path: /key }, provider: key, upstream: "http://127.0.0.1:9" }\n`.replace(
      'routes:',
      '  key: { profile: header, credentials: { name: x-key, value: hunter-two-hunter } }\nroutes:',
    ),
  );
  const unknown = await run(t, ['token', 'phonpe', '--config', file]);
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /error\[unknown_provider\].*\n.*did you mean "phonepe"/);
  const none = await run(t, ['token', 'key', '--config', file]);
  t.is(none.code, 1);
  t.regex(none.stderr, /error\[no_token\]/);
});

test.serial('with a config that is no good, --json says so on stdout', async (t) => {
  const { file } = configFile(t, 'version: 1\nnonsense: 1\nmore: 1\n');
  const { code, stdout, stderr } = await run(t, ['token', 'p', '--json', '--config', file]);
  t.is(code, 1);
  const { error } = JSON.parse(stdout) as { error: { code: string; detail: string } };
  t.is(error.code, 'invalid_config');
  t.regex(error.detail, /^no key is called "nonsense" here \(.*proxy\.config\.yaml:2\), and 1 more$/);
  t.regex(stderr, /^error\[unknown_key\]/m);
});

test.serial('a token endpoint that refuses is one clear error, without secrets', async (t) => {
  const endpoint = await startTokenEndpoint(t, () => ({ status: 401, body: { error: 'hunter-two-hunter' } }));
  const { file } = configFile(
    t,
    `version: 1\nproviders: { p: { profile: oauth2, endpoints: { token: "${endpoint.url}" }, credentials: { client_id: a, client_secret: hunter-two-hunter } } }\nroutes: [{ name: p, match: { path: /p }, provider: p, upstream: "http://127.0.0.1:9" }]\n`,
  );
  const { code, stdout, stderr } = await run(t, ['token', 'p', '--config', file]);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /^error\[token_unavailable\]: /m);
  t.notRegex(stderr, /hunter-two-hunter|^\s+at /m);
  const json = await run(t, ['token', 'p', '--json', '--config', file]);
  t.is(json.code, 1);
  const { error } = JSON.parse(json.stdout) as { error: { code: string; detail: string } };
  const detail = `${new URL(endpoint.url).host} refused the credentials (status 401)`;
  t.like(error, { code: 'token_unavailable', detail });
});

const oauth = (url: string, read = ''): string =>
  `version: 1\nprofiles: { mine: { extends: oauth2, token: { read: { ${read} } } } }\nproviders: { p: { profile: mine, endpoints: { token: "${url}" }, credentials: { client_id: a, client_secret: hunter-two-hunter } } }\nroutes: [{ name: p, match: { path: /p }, provider: p, upstream: "http://127.0.0.1:9" }]\n`;

test.serial('the remedy is for whoever sits at the keyboard, and fits the failure', async (t) => {
  const endpoint = await startTokenEndpoint(t);
  const { file } = configFile(t, oauth(endpoint.url));
  const { host } = new URL(endpoint.url);
  const tell = async (): Promise<string> => {
    const { code, stderr } = await run(t, ['token', 'p', '--config', file]);
    t.is(code, 1);
    t.notRegex(stderr, /retry-after|doctor|hunter-two|\/oauth/i);
    return stderr.replaceAll(host, 'HOST');
  };
  endpoint.script = () => ({ status: 400, body: { error: 'invalid_client' } });
  t.regex(
    await tell(),
    /: HOST refused the credentials: invalid_client \(status 400\)\n {2}= help: Check the provider's credentials/,
  );
  endpoint.script = () => ({ status: 404, body: '' });
  t.regex(
    await tell(),
    /: no token endpoint at that address \(status 404\): check endpoints\.token\n.*help: .*`endpoints\.token`/,
  );
  endpoint.script = () => ({ status: 503, body: '' });
  t.regex(await tell(), /: HOST failed \(status 503\)\n.*help: .*later/);
  endpoint.script = () => ({ body: { error: 'hunter-two-hunter' } });
  t.regex(await tell(), /: HOST answered without a token\n.*help: .*`token\.read`/);
  await endpoint.close();
  t.regex(await tell(), /: can't reach HOST: ECONNREFUSED\n.*help: .*DNS.*NODE_EXTRA_CA_CERTS/);
});

test.serial('what is odd about the expiry is a warning beside the token', async (t) => {
  const endpoint = await startTokenEndpoint(t, () => ({
    body: { access_token: 'a-token-of-the-test', expires_at: '2026-12-01T00:00:00Z', expires_in: 3_600_000 },
  }));
  const { file } = configFile(t, oauth(endpoint.url, 'expiry: [{ at: /expires_at }, { in: /expires_in }]'));
  const { code, stdout, stderr } = await run(t, ['token', 'p', '--config', file]);
  t.is(code, 0);
  t.regex(stdout, /^expires .* \(in 41d 16h\)$/m);
  t.regex(stderr, /^warning: \/expires_at of the token answer .*\n {2}= help: .*unit: iso/m);
  t.regex(stderr, /^warning: by \/expires_in .* 41 days: .*\n {2}= help: .*unit: ms/m);
  t.false(stderr.includes('2026-12-01T00:00:00Z can'));
  const json = await run(t, ['token', 'p', '--json', '--config', file]);
  const { warnings } = JSON.parse(json.stdout) as { warnings: { code: string }[] };
  t.deepEqual(warnings.map(({ code: each }) => each).toSorted(), ['implausible_expiry', 'unreadable_expiry']);
});

test.serial('a token with nothing odd about it has no warnings', async (t) => {
  const { file } = configFile(t, SIMULATED);
  const { stdout, stderr } = await run(t, ['token', 'phonepe', '--json', '--config', file]);
  t.deepEqual((JSON.parse(stdout) as { warnings: unknown[] }).warnings, []);
  t.is(stderr, '');
});

test.serial("PhonePe's own word for a wrong client is told as what it means", async (t) => {
  const endpoint = await startTokenEndpoint(t, () => ({
    status: 400,
    body: { code: 'INVALID_CLIENT', errorCode: 'OIM000', message: 'hunter-two-hunter' },
  }));
  const { file } = configFile(
    t,
    `version: 1\nproviders: { p: { profile: phonepe, environment: sandbox, endpoints: { token: "${endpoint.url}" }, credentials: { client_id: a, client_secret: hunter-two-hunter } } }\nroutes: [{ match: { path: /p }, provider: p }]\n`,
  );
  const { code, stderr } = await run(t, ['token', 'p', '--config', file]);
  t.is(code, 1);
  t.regex(stderr, /: 127\.0\.0\.1:\d+ refused the credentials: invalid_client \(status 400\)$/m);
});
