import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { issueLeaf, makeCa, makeKeys } from '../../src/tunnel/certificate.ts';
import { createLeaves } from '../../src/tunnel/leaves.ts';
import { decodeNameConstraints, encodeNameConstraints } from '../../src/tunnel/name-constraints.ts';
import { caFiles, ensureCa } from '../../src/tunnel/state.ts';
import { fakeClock } from '../helpers/clock.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const HOUR_MS = 3_600_000;
const nowMs = Date.now();
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const needsOpenssl = hasOpenssl || process.env['CI'] ? test : test.skip;

function directory(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  return dir;
}

/** Whether openssl accepts a certificate for `host` from a CA for `hosts`. */
async function verdict(t: ExecutionContext, hosts: readonly string[], host: string): Promise<string> {
  const authority = await makeCa(hosts, { nowMs, lifetimeMs: 24 * HOUR_MS });
  const leaf = await issueLeaf(authority, await makeKeys(), host, { nowMs, lifetimeMs: HOUR_MS });
  const dir = directory(t);
  fs.writeFileSync(path.join(dir, 'ca.pem'), authority.certificate);
  fs.writeFileSync(path.join(dir, 'leaf.pem'), leaf.certificate);
  const { stdout, stderr } = spawnSync(
    'openssl',
    ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.pem', 'leaf.pem'],
    { cwd: dir, encoding: 'utf8' },
  );
  return /leaf\.pem: OK/.test(stdout)
    ? 'OK'
    : (/error \d+ at \d+ depth lookup: (.*)/.exec(stderr + stdout)?.[1] ?? '?');
}

needsOpenssl(
  'the CA vouches for routed hosts and their addresses, and openssl takes its word for no other',
  async (t) => {
    t.is(await verdict(t, ['api.phonepe.com', '10.1.2.3', '[2001:db8::1]'], 'api.phonepe.com'), 'OK');
    t.is(await verdict(t, ['api.phonepe.com', '10.1.2.3', '[2001:db8::1]'], '10.1.2.3'), 'OK');
    t.is(await verdict(t, ['api.phonepe.com', '10.1.2.3', '[2001:db8::1]'], '[2001:db8::1]'), 'OK');
    t.is(await verdict(t, ['localhost'], 'localhost'), 'OK');
    t.is(await verdict(t, ['api.phonepe.com'], 'evil.test'), 'permitted subtree violation');
    t.is(await verdict(t, ['api.phonepe.com'], 'phonepe.com'), 'permitted subtree violation');
    t.is(await verdict(t, ['api.phonepe.com'], 'xapi.phonepe.com'), 'permitted subtree violation');
    t.is(await verdict(t, ['10.1.2.3'], '10.1.2.4'), 'permitted subtree violation');
    t.is(await verdict(t, ['10.1.2.3'], 'evil.test'), 'permitted subtree violation');
    t.is(await verdict(t, ['api.phonepe.com'], '10.1.2.3'), 'excluded subtree violation');
    t.is(await verdict(t, ['api.phonepe.com'], '[2001:db8::1]'), 'excluded subtree violation');
  },
);

test('constraints are read as they were written', (t) => {
  const hosts = ['a.test', `${'long.'.repeat(40)}test`, '10.1.2.3', '[2001:db8::1]', '[::1]'];
  t.deepEqual(decodeNameConstraints(encodeNameConstraints(hosts)), hosts);
  t.deepEqual(decodeNameConstraints(encodeNameConstraints([])), []);
});

test('certificates are EC P-256, short-lived, identified by key, and never outlive their CA', async (t) => {
  const authority = await makeCa(['a.test'], { nowMs, lifetimeMs: 2 * HOUR_MS });
  const leaf = await issueLeaf(authority, await makeKeys(), 'a.test', { nowMs, lifetimeMs: 24 * HOUR_MS });
  const [ca, own] = [new X509Certificate(authority.certificate), new X509Certificate(leaf.certificate)];
  t.true(ca.ca);
  t.false(own.ca);
  t.true(own.verify(ca.publicKey));
  t.true(own.checkIssued(ca), 'AKI and SKI agree');
  t.is(own.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  t.is(ca.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  t.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  t.true(Date.parse(own.validTo) <= Date.parse(ca.validTo));
  t.true(Date.parse(own.validFrom) >= Date.parse(ca.validFrom));
  t.true(Date.parse(own.validFrom) < nowMs - HOUR_MS / 2, 'clocks differ');
  t.not(own.serialNumber, ca.serialNumber);
});

test('a host that is known costs neither key nor signature; the oldest are forgotten, the old are made anew', async (t) => {
  const clock = fakeClock(nowMs);
  const authority = await makeCa(['a.test'], { nowMs, lifetimeMs: 48 * HOUR_MS });
  const leaves = createLeaves(authority, clock);
  const first = await leaves.contextFor('a.test');
  t.is(await leaves.contextFor('a.test'), first);
  await clock.advance(13 * HOUR_MS);
  const second = await leaves.contextFor('a.test');
  t.not(second, first);
  let time = nowMs;
  const before = createLeaves(authority, { ...clock, now: () => time });
  const future = await before.contextFor('a.test');
  time -= HOUR_MS;
  t.not(await before.contextFor('a.test'), future, 'a clock that was set back has made it one of the future');
  for (let i = 0; i < 256; i++) await leaves.contextFor(`${i}.a.test`);
  t.not(await leaves.contextFor('a.test'), second);
});

test('the key is 0600 in a directory that is 0700, and the CA is the same the next time', async (t) => {
  const state = path.join(directory(t), 'deep/state');
  const first = await ensureCa(state, new Set(['a.test', 'b.test']), nowMs);
  t.true(first.isNew);
  const files = caFiles(state);
  t.is(fs.statSync(files.key).mode & 0o777, 0o600);
  t.is(fs.statSync(state).mode & 0o777, 0o700);
  t.deepEqual(fs.readdirSync(state).toSorted(), ['ca-key.pem', 'ca.pem']);
  const second = await ensureCa(state, new Set(['a.test']), nowMs);
  t.false(second.isNew);
  t.is(second.ca.certificate, first.ca.certificate);
  t.deepEqual(second.ca.hosts, ['a.test', 'b.test']);
  const other = await ensureCa(state, new Set(['c.test']), nowMs);
  t.true(other.isNew, 'it may not vouch for c.test');
  const late = await ensureCa(state, new Set(['c.test']), nowMs + 360 * 24 * HOUR_MS);
  t.true(late.isNew, 'it ends soon');
});

test('a key that others can read is not used', async (t) => {
  const state = directory(t);
  await ensureCa(state, new Set(['a.test']), nowMs);
  fs.chmodSync(caFiles(state).key, 0o644);
  await t.throwsAsync(ensureCa(state, new Set(['a.test']), nowMs), { message: /others can read/ });
});
