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
  t.like(error, { code: 'token_unavailable', detail: 'The token endpoint refused the credentials (status 401).' });
});
