import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { trustCa, untrustCa } from '../../src/commands/ca.ts';
import type { Context } from '../../src/commands/output.ts';
import { configFile, run } from './run.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

function given(t: ExecutionContext) {
  const { dir, file } = configFile(
    t,
    `version: 1
state_dir: state
providers: { pay: { profile: phonepe, environment: simulator } }
routes:
  - { name: a, match: { path: /a }, upstream: "https://API.phonepe.com/apis" }
  - { name: b, match: { path: /b }, upstream: "https://[2001:db8::1]:8443" }
  - { name: c, match: { path: /c }, provider: pay }
`,
  );
  return { dir, file, state: join(dir, 'state') };
}

/** A system of the test's own, with its store and a program that updates it. */
function system(t: ExecutionContext, file: string, options: { anchors: boolean }) {
  const root = temporaryDirectory(t);
  const anchors = join(root, 'usr/local/share/ca-certificates');
  if (options.anchors) mkdirSync(anchors, { recursive: true });
  writeFileSync(join(root, 'update-ca-certificates'), `#!/bin/sh\necho "updated $*" >> ${root}/log\n`);
  chmodSync(join(root, 'update-ca-certificates'), 0o755);
  const out = new PassThrough().setEncoding('utf8');
  const err = new PassThrough().setEncoding('utf8');
  const context: Context = {
    config: file,
    json: false,
    env: { PATH: `${root}:${process.env['PATH']}` },
    cwd: root,
    stdout: out,
    stderr: err,
    color: false,
  };
  const said = (): string => `${(out.read() as string | null) ?? ''}${(err.read() as string | null) ?? ''}`;
  const log = (): string => readFileSync(join(root, 'log'), 'utf8');
  return { root, anchor: join(anchors, 'outrider-local-ca.crt'), context, said, log };
}

test.serial('there is no CA until one is needed, and each command says what to do', async (t) => {
  const { file, state } = given(t);
  for (const what of ['show', 'export']) {
    const { code, stdout, stderr } = await run(t, ['ca', what, '--config', file]);
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, /^error\[no_ca\].*\n {2}= help: .*ca trust/m);
  }
  t.false(existsSync(state));
});

test.serial(
  'trust makes the CA, puts its certificate where the system looks, and show and export tell of it',
  async (t) => {
    const { file, state } = given(t);
    const { root, anchor, context, said, log } = system(t, file, { anchors: true });
    writeFileSync(anchor, 'an older one', { mode: 0o600 });
    t.is(await trustCa(context, { root }), 0);
    t.regex(said(), /trusts the CA ([0-9A-F]{2}:?){32} for .*api\.phonepe\.com/);
    t.is(readFileSync(anchor, 'utf8'), readFileSync(join(state, 'ca.pem'), 'utf8'));
    t.is(statSync(anchor).mode & 0o777, 0o644, 'everybody is to trust it');
    t.is(log(), 'updated \n');

    const shown = await run(t, ['ca', 'show', '--json', '--config', file]);
    const facts = JSON.parse(shown.stdout) as { sha256: string; hosts: string[]; certificate: string };
    t.deepEqual(facts.hosts, ['127.0.0.1', '[2001:db8::1]', 'api.phonepe.com']);
    const exported = await run(t, ['ca', 'export', '--config', file]);
    t.is(new X509Certificate(exported.stdout).fingerprint256, facts.sha256);
    t.notRegex(`${shown.stdout}${exported.stdout}${exported.stderr}`, /PRIVATE/);
    t.regex((await run(t, ['ca', 'show', '--config', file])).stdout, /^sha256 +[0-9A-F:]+$/m);

    t.is(await untrustCa(context, { root }), 0);
    t.false(existsSync(anchor));
    t.true(log().endsWith('updated --fresh\n'));
  },
);

test.serial('elsewhere the commands are printed', async (t) => {
  const { file, state } = given(t);
  const { root, context, said } = system(t, file, { anchors: false });
  t.is(await trustCa(context, { root }), 0);
  const trust = said();
  for (const word of ['security add-trusted-cert', 'update-ca-trust', 'trust anchor', 'certutil', 'keytool']) {
    t.true(trust.includes(word), word);
  }
  t.true(trust.includes(join(state, 'ca.pem')));
  t.is(await untrustCa(context, { root }), 0);
  t.regex(said(), /certutil -delstore Root [0-9A-F]+/);
});
