import test from 'ava';
import { CODE_ENTRIES } from '../../src/commands/codes.ts';
import { configFile, run } from './run.ts';

const explain = (...args: readonly string[]): readonly string[] => ['check', '--explain', ...args];

test.serial('check --explain tells of an answer when it is given, what helps, and whether it was sent', async (t) => {
  const { code, stdout, stderr } = await run(t, explain('upstream_failed'));
  t.like({ code, stderr }, { code: 0, stderr: '' });
  t.regex(stdout, /^status +502 The connection to the provider broke$/m);
  t.regex(stdout, /^outcome +unknown \(the provider may have seen the request\)$/m);
  t.regex(stdout, /^cause +The connection broke when /m);
  t.regex(stdout, /^remedy +.*ask for its status/m);
  t.regex(stdout, /^more +config\/reference\/errors\.md#upstream_failed$/m);
  const example = JSON.parse(stdout.slice(stdout.indexOf('{'))) as object;
  t.like(example, { code: 'upstream_failed', status: 502, outcome: 'unknown' });
});

test.serial('check --explain shows how check prints a problem of the config', async (t) => {
  const { code, stdout } = await run(t, explain('duplicate_key'));
  t.is(code, 0);
  t.regex(stdout, /^kind +a problem of the config$/m);
  t.regex(stdout, /^error\[duplicate_key\]: "level" stands twice\n --> proxy\.config\.yaml:1:21 {2}\(log\.level\)$/m);
  t.regex((await run(t, explain('no_routes'))).stdout, /^kind +a problem of the config, a warning$/m);
});

test.serial('check --explain takes a code as it is pasted, and needs no config', async (t) => {
  const { file } = configFile(t, 'version: 2\n');
  for (const pasted of [
    'route_not_found',
    ' route_not_found\n',
    'urn:outrider:error:route_not_found',
    'error[route_not_found]: no route matches',
  ]) {
    const { code, stdout } = await run(t, ['check', '--config', file, '--explain', pasted]);
    t.is(code, 0, pasted);
    t.regex(stdout, /^code +route_not_found$/m);
  }
});

test.serial('check --explain --json prints one document', async (t) => {
  const { stdout } = await run(t, [...explain('no_ca'), '--json']);
  t.like(JSON.parse(stdout) as object, { code: 'no_ca', of: 'command', more: 'config/reference/errors.md#no_ca' });
});

test.serial('check --explain of a code that there is not is exit code 1, with the one that is like it', async (t) => {
  const { code, stdout, stderr } = await run(t, explain('route_notfound'));
  t.like({ code, stdout }, { code: 1, stdout: '' });
  t.regex(
    stderr,
    /^error\[unknown_code\]: no code is called "route_notfound"\n {2}= help: did you mean "route_not_found"\?/,
  );
  t.notRegex((await run(t, explain('constructor'))).stderr, /did you mean/);
  t.is((await run(t, ['check', '--explain'])).code, 2);
});

test.serial('a failed check says how to learn more', async (t) => {
  const { file } = configFile(t, 'routes: []\nlisten: { adress: a }\n');
  const { stderr } = await run(t, ['check', '--config', file]);
  t.regex(stderr, /: 1 error\n`outrider check --explain unknown_key` tells more\n$/);
});

test('a cause and a remedy are whole sentences', (t) => {
  for (const { code, cause, remedy } of CODE_ENTRIES.values())
    for (const text of [cause, remedy]) t.regex(text, /^[`A-Z].*[.!]$/s, code);
});
