import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { run } from '../commands/run.ts';
import { diagnose, troubles } from '../doctor/given.ts';
import { makeAuthority } from '../helpers/authority.ts';
import { secretFiles, startOpensslServer, startStrictServer, tlsOf } from '../helpers/mutual-tls.ts';

test('explain says which certificate goes along, and doctor shows it to the provider', async (t) => {
  const [authority, stranger] = [makeAuthority(t), makeAuthority(t, 'Stranger')];
  const server = await startStrictServer(t, authority);
  const wary = await startOpensslServer(t, authority, 'TLSv1.3');
  const files = secretFiles(t);
  const file = join(files.dir, 'proxy.config.yaml');
  const good = tlsOf(files, 'good', { ...authority.issue('shop'), ca: authority.cert });
  const bad = tlsOf(files, 'bad', { ...stranger.issue('shop'), ca: authority.cert });
  writeFileSync(
    file,
    `version: 1
listen: { address: 127.0.0.1:0 }
admin: false
providers:
  good: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${good} }
  bad: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${bad} }
routes:
  - { match: { path: /good }, provider: good, upstream: "${server.origin}" }
  - { match: { path: /bad }, provider: bad, upstream: "https://localhost:${wary}" }
`,
  );
  const { stdout } = await run(t, ['explain', '--config', file, 'GET', '/good/x']);
  t.regex(stdout, /^certificate {2}CN=shop, until \d{4}-\d\d-\d\d$/m);
  const { stdout: json } = await run(t, ['explain', '--json', '--config', file, 'GET', '/good/x']);
  t.like(JSON.parse(json), { certificate: { subject: 'CN=shop' }, token_certificate: null });
  for (const name of ['good.key', 'bad.key']) chmodSync(join(files.dir, name), 0o600);
  const whole = await diagnose(t, file, ['--offline']);
  t.false(
    troubles(whole.findings).some((each) => each.includes('secret_file')),
    'a certificate may be read by everybody',
  );
  const well = await diagnose(t, file, ['good']);
  t.deepEqual(troubles(well.findings), [], JSON.stringify(well.findings));
  t.true(well.findings.some(({ code, message }) => code === 'client_certificate_ok' && message.startsWith('CN=shop ')));
  const refused = await diagnose(t, file, ['bad']);
  t.deepEqual(troubles(refused.findings), ['failure client_certificate_refused'], JSON.stringify(refused.findings));
  t.regex(refused.findings.find(({ result }) => result === 'failure')?.remedy ?? '', /`outrider explain` shows/);
});
