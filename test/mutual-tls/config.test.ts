import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseConfig, type Loaded } from '../../src/config/load.ts';
import { makeAuthority, type Authority } from '../helpers/authority.ts';
import { fakeClock } from '../helpers/clock.ts';
import { secretFiles, tlsOf } from '../helpers/mutual-tls.ts';
import { startOutrider } from '../helpers/outrider.ts';

interface Told {
  readonly severity: string;
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly help: string | undefined;
}

const yamlOf = (tls: string): string => `providers:
  p: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${tls} }
routes:
  - { match: { path: /p }, provider: p, upstream: "https://localhost:9" }`;

function told({ diagnostics }: Loaded): readonly Told[] {
  return diagnostics.map(({ severity, code, path: at, message, help }) => ({
    severity,
    code,
    path: at,
    message,
    help,
  }));
}

const check = (tls: string): readonly Told[] => told(parseConfig(yamlOf(tls), '/proxy.config.yaml', { env: {} }));

/** A text in which no line of a key shows. */
function isClean(found: readonly Told[], key: string): boolean {
  const text = JSON.stringify(found);
  return !key.split('\n').some((line) => /^[\w+/=]{16,}$/.test(line) && text.includes(line));
}

type Material = Parameters<typeof tlsOf>[2];

/** What is wrong with it, and how the message and the remedy begin. */
const WRONG: readonly (readonly [
  what: string,
  make: (authority: Authority, t: ExecutionContext) => Material,
  at: string,
  code: string,
  message: RegExp,
  help: RegExp,
])[] = [
  [
    'a key of another certificate',
    (authority) => ({ cert: authority.issue('a').cert, key: authority.issue('b').key }),
    'key',
    'bad_key',
    /^the tls\.key is not that of the tls\.certificate$/,
    /made for/,
  ],
  [
    'a chain in the wrong order',
    (authority) => {
      const { cert, key } = authority.issue('a');
      return { cert: authority.cert + cert, key };
    },
    'key',
    'bad_key',
    /is not that of/,
    /comes first in the file/,
  ],
  [
    'an encrypted key without its passphrase',
    (authority) => authority.issue('a', { passphrase: 'open-sesame' }),
    'key',
    'bad_key',
    /is encrypted, and there is no passphrase$/,
    /`passphrase`/,
  ],
  [
    'a wrong passphrase',
    (authority) => ({ ...authority.issue('a', { passphrase: 'open-sesame' }), passphrase: 'open-barley' }),
    'key',
    'bad_key',
    /is not opened by its passphrase$/,
    /passphrase/,
  ],
  [
    'a certificate in place of the key',
    (authority) => ({ cert: authority.issue('a').cert, key: authority.cert }),
    'key',
    'bad_key',
    /is no private key$/,
    /PRIVATE KEY/,
  ],
  [
    'a key in place of the certificate',
    (authority) => ({ cert: authority.key, key: authority.key }),
    'certificate',
    'bad_certificate',
    /holds no certificate in PEM$/,
    /openssl x509/,
  ],
  [
    'a certificate that is cut',
    (authority) => {
      const { cert, key } = authority.issue('a');
      return { cert: cert.replace(/^(.{64}\n)(.{64}\n)/m, '$2'), key };
    },
    'certificate',
    'bad_certificate',
    /can't be read as a certificate/,
    /copy the file anew/,
  ],
  [
    'a CA that is none',
    (authority) => ({ ca: authority.issue('api.bank.test').cert }),
    'ca',
    'bad_certificate',
    /^the tls\.ca holds CN=api\.bank\.test, which is no authority$/,
    /the CA that signs/,
  ],
  [
    'a key that is too short',
    (_, t) => {
      const { dir } = secretFiles(t);
      const args = ['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', 'key', '-out', 'cert', '-days', '60'];
      execFileSync('openssl', [...args, '-subj', '/CN=short'], { cwd: dir, stdio: 'ignore' });
      const read = (name: string): string => fs.readFileSync(path.join(dir, name), 'utf8');
      return { cert: read('cert'), key: read('key') };
    },
    'certificate',
    'bad_certificate',
    /KEY_TOO_SMALL/,
    /2048 bits/,
  ],
];

for (const [what, make, at, code, message, help] of WRONG) {
  test(`${what} is an error at its place`, (t) => {
    const material = make(makeAuthority(t), t);
    const found = check(tlsOf(secretFiles(t), 'p', material));
    t.is(found.length, 1, JSON.stringify(found));
    t.like(found[0], { severity: 'error', code, path: `providers.p.tls.${at}` });
    t.regex(found[0]?.message ?? '', message);
    t.regex(found[0]?.help ?? '', help);
    t.true(isClean(found, material.key ?? ''));
  });
}

test('a certificate without its key, and a key without its certificate, are errors', (t) => {
  const { cert, key } = makeAuthority(t).issue('a');
  for (const [material, missing] of [
    [{ cert }, 'key'],
    [{ key }, 'certificate'],
  ] as const) {
    const found = check(tlsOf(secretFiles(t), 'p', material));
    t.deepEqual(
      found.map((each) => `${each.code} ${each.path}`),
      [`missing_key providers.p.tls.${missing}`],
    );
  }
});

test('a certificate that has expired, or will within 14 days, is a warning and no more', (t) => {
  const authority = makeAuthority(t);
  for (const [days, message] of [
    [-1, /^the tls\.certificate \(CN=shop\) expired on \d{4}-\d\d-\d\d, 1 day ago$/],
    [13, /^the tls\.certificate \(CN=shop\) expires on \d{4}-\d\d-\d\d, in (?:12|13) days$/],
    [15, undefined],
  ] as const) {
    const found = check(tlsOf(secretFiles(t), 'p', authority.issue('shop', { days })));
    t.is(found.length, message ? 1 : 0);
    if (!message) continue;
    t.like(found[0], { severity: 'warning', code: 'expiring_certificate', path: 'providers.p.tls.certificate' });
    t.regex(found[0]?.message ?? '', message);
  }
});

test('keys of every usual kind are good, encrypted ones too', (t) => {
  const authority = makeAuthority(t);
  const files = secretFiles(t);
  const { dir } = files;
  const openssl = (...args: readonly string[]): string =>
    execFileSync('openssl', args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const { cert, key } = authority.issue('shop');
  files.write('plain', key);
  const sec1 = openssl('ec', '-in', 'plain');
  const withParameters = openssl('ecparam', '-name', 'prime256v1') + sec1;
  const encrypted = openssl('ec', '-in', 'plain', '-aes256', '-passout', 'pass:open-sesame');
  for (const [form, passphrase] of [[key], [sec1], [withParameters], [encrypted, 'open-sesame']] as const) {
    const material = { cert, key: form, ...(passphrase !== undefined && { passphrase }) };
    t.deepEqual(check(tlsOf(files, 'p', material)), [], form.split('\n', 1)[0]);
  }
  t.deepEqual(check(tlsOf(files, 'p', { cert: key + cert, key: cert + key })), [], 'both in one file');
  const [oneLine, windows] = [
    (text: string): string => text.replaceAll('\n', '\\n'),
    (text: string): string => text.replaceAll('\n', '\r\n'),
  ];
  for (const spelled of [oneLine, windows]) {
    t.deepEqual(check(tlsOf(files, 'p', { cert: spelled(cert), key: spelled(key), ca: spelled(authority.cert) })), []);
  }
});

test('metrics tell when the certificate of a provider expires, and a running proxy warns of it each day', async (t) => {
  // An hour on: a certificate ends on a whole second, so the full days that are left would depend on the fraction of it.
  const clock = fakeClock(Date.now() + 3_600_000);
  const { cert, key } = makeAuthority(t).issue('shop', { days: 16 });
  const outrider = await startOutrider(
    t,
    `admin: { address: 127.0.0.1:0 }\n${yamlOf('{ certificate: "${CERT}", key: "${PRIVATE_KEY}" }')}`,
    { clock, tellsOfFiles: true, env: { CERT: cert, PRIVATE_KEY: key } },
  );
  const metrics = await (await fetch(`${outrider.adminOrigin}/metrics`)).text();
  const [, seconds] =
    /^outrider_client_certificate_expiry_timestamp_seconds\{provider="p"\} (\S+)$/m.exec(metrics) ?? [];
  t.true(Math.abs(Number(seconds) - (Date.now() / 1_000 + 16 * 86_400)) < 3_600, seconds);
  const warnings = (): number =>
    outrider.logText().split('a certificate has to be renewed: the tls.certificate').length - 1;
  t.is(warnings(), 0);
  for (let day = 1; day <= 3; day++) await clock.advance(86_400_000);
  t.is(warnings(), 2, outrider.logText());
});
