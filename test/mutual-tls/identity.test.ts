import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { makeAuthority } from '../helpers/authority.ts';
import { temporaryDirectory } from '../helpers/directory.ts';
import { startStrictServer } from '../helpers/mutual-tls.ts';
import { startOutrider } from '../helpers/outrider.ts';

test('two providers at one origin, each with its own certificate, are never mixed', async (t) => {
  const authority = makeAuthority(t);
  const server = await startStrictServer(t, authority);
  const dir = temporaryDirectory(t);
  const write = (name: string, text: string): string => {
    fs.writeFileSync(path.join(dir, name), text);
    return `"\${file:${path.join(dir, name)}}"`;
  };
  const ca = write('ca.pem', authority.cert);
  const provider = (name: string): string => {
    const { cert, key } = authority.issue(name);
    const pair = `certificate: ${write(`${name}.pem`, cert)}, key: ${write(`${name}.key`, key)}`;
    return `  ${name}: { profile: bearer, credentials: { token: token-of-${name} }, tls: { ${pair}, ca: ${ca} } }`;
  };
  const names = ['shop', 'bank'];
  const outrider = await startOutrider(
    t,
    `timeouts: { connect: 1m }
providers:
${names.map(provider).join('\n')}
routes:
${names.map((name) => `  - { match: { path: /${name} }, provider: ${name}, upstream: "${server.origin}" }`).join('\n')}`,
  );
  for (let round = 0; round < 3; round++) {
    const calls = Array.from({ length: 200 }, (_, i) => outrider.call(`/${names[i % 2]}/${i}`));
    const answers = await Promise.all(calls);
    t.deepEqual([...new Set(answers.map(({ status, text }) => `${status} ${text}`))], ['200 ok']);
    server.dropIdle();
  }
  t.is(server.requests.length, 600);
  for (const { certificate, authorization } of server.requests) t.is(authorization, `Bearer token-of-${certificate}`);
  const certificates = new Map<number, Set<string>>();
  for (const { connection, certificate } of server.requests) {
    certificates.set(connection, (certificates.get(connection) ?? new Set()).add(certificate));
  }
  t.true([...certificates.values()].every((shown) => shown.size === 1));
  t.true(
    server.requests.some(({ isResumed }) => isResumed),
    'positive control: sessions are resumed',
  );
});
