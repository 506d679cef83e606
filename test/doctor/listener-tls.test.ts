import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeAuthority, LOCAL } from '../helpers/authority.ts';
import { testWith } from '../helpers/programs.ts';
import { configFile } from '../commands/run.ts';
import { diagnose } from './given.ts';

const test = testWith('openssl');

for (const [days, result, code, message] of [
  [60, 'ok', 'listener_tls_ok', /valid for \d\d days$/],
  [5, 'warning', 'certificate_expires_soon', /expires on .*, in 4 days$/],
  [-1, 'failure', 'certificate_expired', /expired on /],
] as const) {
  test(`the certificate of the listener, with ${days} days left: ${result}`, async (t) => {
    const { dir, file } = configFile(t, '');
    const { cert, key } = makeAuthority(t).issue('server', { days, names: LOCAL });
    writeFileSync(join(dir, 'server.crt'), cert, { mode: 0o600 });
    writeFileSync(join(dir, 'server.key'), key, { mode: 0o600 });
    writeFileSync(
      file,
      `version: 1
listen: { address: "127.0.0.1:0", tls: { certificate: "\${file:server.crt}", key: "\${file:server.key}" } }
admin: false
routes: [{ name: a, match: { path: /a }, upstream: "http://127.0.0.1:9" }]\n`,
    );
    const { findings } = await diagnose(t, file, ['--offline']);
    const found = findings.find(({ check }) => check === 'listener');
    t.like(found, { result, code });
    t.regex(found?.message ?? '', message);
  });
}
