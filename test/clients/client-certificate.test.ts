import fs from 'node:fs';
import path from 'node:path';
import type { SecureVersion } from 'node:tls';
import test from 'ava';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { startCli } from '../contract/cli.ts';
import { plainYaml } from '../contract/given.ts';
import { httpCall } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

for (const version of ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[]) {
  test(`rule 17: with ${version} a provider that asks for a client certificate is told as such, and nothing was sent`, async (t) => {
    const dir = temporaryDirectory(t);
    fs.writeFileSync(path.join(dir, 'root.pem'), CERTIFICATE);
    const tls = { key: CERTIFICATE_KEY, cert: CERTIFICATE, minVersion: version, maxVersion: version };
    const strict = await startUpstream(t, undefined, { tls: { ...tls, requestCert: true, ca: CERTIFICATE } });
    const lax = await startUpstream(t, undefined, {
      tls: { ...tls, requestCert: true, rejectUnauthorized: false, ca: CERTIFICATE },
    });
    const yaml = `${plainYaml(`https://localhost:${strict.port}`)}
  - { name: lax, match: { path: /lax }, upstream: "https://localhost:${lax.port}" }`;
    const { origin } = await startCli(t, yaml, { NODE_EXTRA_CA_CERTS: path.join(dir, 'root.pem') });
    for (const options of [{}, { method: 'POST', body: 'hello' }]) {
      const answer = await httpCall(origin, '/api/x', options);
      t.like(JSON.parse(answer.text), {
        status: 502,
        code: 'upstream_unreachable',
        outcome: 'not_sent',
        detail: 'the provider asks for a client certificate',
      });
    }
    t.is(strict.connections, 2, 'not tried again');
    t.is(strict.requests.length, 0);
    // One that asks and can do without gets the request.
    t.is((await httpCall(origin, '/lax/x')).status, 200);
  });
}
