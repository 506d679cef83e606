import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { configFile, startProxy } from '../commands/run.ts';
import { isLinux, shell } from '../files/place.ts';
import { redisTest, startRedis } from '../helpers/redis.ts';
import { diagnose, freshDir, troubles, type Diagnosis, type Told } from './given.ts';

interface Fault extends Told {
  readonly planted: string;
}

/** Each fault has to be told, each with its remedy, and nothing else. */
function assertAllTold(t: ExecutionContext, { findings }: Diagnosis, faults: readonly Fault[]): void {
  const expected = faults.map(({ result, code }) => `${result} ${code}`);
  t.deepEqual([...troubles(findings)].toSorted(), expected.toSorted(), JSON.stringify(findings, null, 1));
  for (const { planted, code, message, remedy } of faults) {
    const told = findings.filter((found) => found.code === code && message.test(found.message));
    t.is(told.length, 1, planted);
    t.regex(told[0]?.remedy ?? '', remedy, planted);
  }
}

/** A port of this machine that somebody else has. */
async function takenPort(t: ExecutionContext): Promise<number> {
  const server = net.createServer((socket) => socket.end('220 mail.test ESMTP\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

function secretFile(dir: string, name: string, mode: number): string {
  const file = join(dir, name);
  writeFileSync(file, `secret-of-${name}-0815`);
  chmodSync(file, mode);
  return file;
}

/** Where nobody can write, not even root. */
const CLOSED = '/proc';

const WRONG: readonly Fault[] = [
  {
    planted: 'a secret file that its group can read',
    result: 'warning',
    code: 'secret_file_readable',
    message: /read the secret in .*\/readable \(mode 0640\)/,
    remedy: /^run `chmod go= .*\/readable`/,
  },
  {
    planted: 'a secret file that everybody can change',
    result: 'failure',
    code: 'secret_file_writable',
    message: /change the secret in .*\/writable \(mode 0666\)/,
    remedy: /^run `chmod go= .*\/writable`/,
  },
  {
    planted: 'a port that another program has',
    result: 'failure',
    code: 'address_in_use',
    message: /127\.0\.0\.1:\d+ is in use already \(`listen\.address`\)/,
    remedy: /stop the program that listens there, or set `listen\.address`/,
  },
  {
    planted: 'a socket in a directory that is not there',
    result: 'failure',
    code: 'address_unavailable',
    message: /can be no socket at .* \(`admin\.address`\)/,
    remedy: /directory must exist.*`admin\.address`/,
  },
  {
    planted: 'a state directory that is not there',
    result: 'warning',
    code: 'state_dir_missing',
    message: /state directory .*\/state is not there/,
    remedy: /outrider ca trust/,
  },
  {
    planted: 'a spool directory that can not be written to',
    result: 'failure',
    code: 'spool_dir_unwritable',
    message: /spool directory \/proc \(E/,
    remedy: /`replay\.dir`/,
  },
  {
    planted: 'a Redis that is not there',
    result: 'failure',
    code: 'store_unreachable',
    message: /Redis at 127\.0\.0\.1:9 can't be used: ECONNREFUSED/,
    remedy: /start Redis, or correct host and port in `store\.url`/,
  },
  {
    planted: 'too few file descriptors',
    result: 'failure',
    code: 'few_descriptors',
    message: /may open 300 files, and `limits\.connections: 10000` needs up to 20100/,
    remedy: /ulimit -n 20100.*`limits\.connections` to 100/,
  },
];

(isLinux ? test.serial : test.serial.skip)('each fault of the machine is found by name, with its remedy', async (t) => {
  const dir = freshDir(t);
  const { file } = configFile(
    t,
    `version: 1
listen: { address: "127.0.0.1:${await takenPort(t)}" }
admin: { address: "unix:${dir}/missing/admin.sock" }
forward: { mode: intercept }
state_dir: "${dir}/state"
replay: { dir: "${CLOSED}" }
store: { kind: redis, url: "redis://127.0.0.1:9" }
providers:
  p: { profile: basic, credentials: { username: "\${file:${secretFile(dir, 'readable', 0o640)}}", password: "\${file:${secretFile(dir, 'writable', 0o666)}}" } }
routes:
  - { provider: p, match: { path: /p }, upstream: "https://api.provider.test" }
`,
  );
  // Nothing of it needs a network.
  assertAllTold(t, await diagnose(t, file, ['--offline'], { under: shell('ulimit -n 300') }), WRONG);
});

const OTHERWISE: readonly Fault[] = [
  {
    planted: 'an address of another machine',
    result: 'failure',
    code: 'address_unavailable',
    message: /192\.0\.2\.1:8080 is no address of this machine \(`listen\.address`\)/,
    remedy: /set `listen\.address` to another address/,
  },
  {
    planted: 'a state directory that others can write to',
    result: 'failure',
    code: 'unsafe_state_dir',
    message: /others can replace what is in .*\/state \(mode 0777\)/,
    remedy: /set `state_dir` to a directory of its own/,
  },
  {
    planted: 'a spool directory that is not there',
    result: 'failure',
    code: 'spool_dir_missing',
    message: /spool directory .*\/spool is not there/,
    remedy: /mkdir -p -m 700 .*\/spool/,
  },
  {
    planted: 'a store that others can read',
    result: 'failure',
    code: 'unsafe_store',
    message: /\/tokens is open to other users \(mode 0755\)/,
    remedy: /chmod -R go= /,
  },
  {
    planted: 'an audit trail that others can read',
    result: 'failure',
    code: 'unsafe_audit',
    message: /\/audit\.jsonl is open to other users \(mode 0644\)/,
    remedy: /chmod go= /,
  },
];

test.serial('directories that are open to others or missing, and an address that is not ours', async (t) => {
  const dir = freshDir(t);
  for (const name of ['state', 'tokens']) mkdirSync(join(dir, name));
  chmodSync(join(dir, 'state'), 0o777);
  chmodSync(join(dir, 'tokens'), 0o755);
  secretFile(join(dir, 'state'), 'ca-key.pem', 0o600);
  secretFile(dir, 'audit.jsonl', 0o644);
  const { file } = configFile(
    t,
    `version: 1
listen: { address: "192.0.2.1:8080", access_tokens: [the-access-token-of-this-test] }
admin: false
forward: { mode: intercept }
state_dir: "${dir}/state"
replay: { dir: "${dir}/spool" }
store: { kind: file, path: "${dir}/tokens" }
audit: { path: "${dir}/audit.jsonl" }
limits: { connections: 10 }
routes: [{ match: { path: /p }, upstream: "https://api.provider.test" }]
`,
  );
  assertAllTold(t, await diagnose(t, file, ['--offline']), OTHERWISE);
});

const FURTHER: readonly Fault[] = [
  {
    planted: 'a state directory that can not be made',
    result: 'failure',
    code: 'state_dir_unwritable',
    message: /state directory \/proc\/outrider is not there, and this user can't make it/,
    remedy: /`state_dir`/,
  },
  {
    planted: 'a store that can not be made',
    result: 'failure',
    code: 'unusable_store',
    message: /\/proc\/tokens is not there and can't be made/,
    remedy: /`store\.path`/,
  },
  {
    planted: 'an audit trail that can not be made',
    result: 'failure',
    code: 'unusable_audit',
    message: /the directory of the audit trail \/proc\/trail\/audit\.jsonl is not there and can't be made/,
    remedy: /`audit\.path`/,
  },
  {
    planted: 'a spool directory that others can write to',
    result: 'warning',
    code: 'spool_dir_open',
    message: /write to the spool directory .* \(mode 0777\)/,
    remedy: /chmod go= /,
  },
  {
    planted: 'a disk with less room than the spool may take',
    result: 'warning',
    code: 'spool_space',
    message: /has \d+[MG]iB left, and `replay\.spool_total` is 1000000GiB/,
    remedy: /make room there, lower `replay\.spool_total`/,
  },
  {
    planted: 'descriptors for the callers, and not for the providers',
    result: 'warning',
    code: 'few_descriptors',
    message: /may open 300 files, and `limits\.connections: 150` needs up to 400/,
    remedy: /ulimit -n 400/,
  },
];

(isLinux ? test.serial : test.serial.skip)('what can not be made, and what will not be enough', async (t) => {
  const dir = freshDir(t);
  chmodSync(dir, 0o777);
  const { file } = configFile(
    t,
    `version: 1
listen: { address: "127.0.0.1:0" }
admin: false
forward: { mode: intercept }
state_dir: ${CLOSED}/outrider
replay: { dir: "${dir}", spool_total: 1000000GiB }
store: { kind: file, path: ${CLOSED}/tokens }
audit: { path: ${CLOSED}/trail/audit.jsonl }
limits: { connections: 150 }
routes: [{ match: { path: /p }, upstream: "https://api.provider.test" }]
`,
  );
  assertAllTold(t, await diagnose(t, file, ['--offline'], { under: shell('ulimit -n 300') }), FURTHER);
  t.deepEqual(readdirSync(dir), []);
});

redisTest(
  'a Redis with another password is told so; with the right one it can be used',
  async (t) => {
    const password = 'the-password-of-this-test';
    const redis = await startRedis(t, ['--requirepass', password]);
    const configWith = (key: string): string =>
      configFile(
        t,
        `version: 1\nlisten: { address: "127.0.0.1:0" }\nadmin: false\nlimits: { connections: 10 }\nstore: { kind: redis, url: "${redis.url}"${key} }\nroutes: [{ match: { path: /p }, upstream: "https://api.provider.test" }]\n`,
      ).file;
    const tell = (key: string): Promise<Diagnosis> => diagnose(t, configWith(key), ['--offline']);
    const refused = {
      result: 'failure',
      code: 'store_password_refused',
      message: /Redis at 127\.0\.0\.1:\d+ can't be used/,
    } as const;
    assertAllTold(t, await tell(', password: another-password-of-it'), [
      { ...refused, planted: 'a wrong password', remedy: /correct `store\.username` and `store\.password`/ },
    ]);
    assertAllTold(t, await tell(''), [{ ...refused, planted: 'no password', remedy: /set `store\.password`/ }]);
    const { findings } = await tell(`, password: ${password}`);
    t.deepEqual(troubles(findings), []);
    t.regex(findings.find(({ check }) => check === 'store')?.message ?? '', /lets us in and can be written to/);
  },
  { serial: true },
);

test.serial('addresses that a running proxy has are told as its own', async (t) => {
  const upstream = 'http://127.0.0.1:9';
  const yaml = (listen: string, admin: string): string =>
    `version: 1\nlisten: { address: "${listen}" }\nadmin: { address: "${admin}" }\nlimits: { connections: 10 }\ntimeouts: { lame_duck: 0ms }\nroutes: [{ match: { path: / }, upstream: "${upstream}" }]\n`;
  const running = await startProxy(t, yaml('127.0.0.1:0', '127.0.0.1:0'));
  const [, admin = ''] = await running.says(/^ *admin +http:\/\/(\S+)/m);
  const { file } = configFile(t, yaml(new URL(running.origin).host, admin));
  const { findings } = await diagnose(t, file, ['--offline']);
  t.deepEqual(troubles(findings), []);
  const addresses = findings.filter(({ check }) => check === 'address');
  t.deepEqual(
    addresses.map(({ code }) => code),
    ['address_ours', 'address_ours'],
  );
  t.regex(addresses[0]?.message ?? '', /taken by an Outrider that is running/);
});

test.serial('an audit trail that is in use is well, and one of another key is told', async (t) => {
  const dir = freshDir(t);
  const key = (byte: number): string => Buffer.alloc(32, `audit-key-of-doctor-${byte}`).toString('base64');
  const yaml = (byte: number): string => `version: 1
listen: { address: "127.0.0.1:0" }
admin: false
limits: { connections: 10 }
audit: { path: "${dir}/trail/audit.jsonl", key: "${key(byte)}" }
routes: [{ match: { path: /p }, upstream: "https://api.provider.test" }]
`;
  const told = async (byte: number): Promise<Diagnosis> => diagnose(t, configFile(t, yaml(byte)).file, ['--offline']);
  const message = async (): Promise<string> =>
    (await told(1)).findings.find(({ code }) => code === 'audit_ok')?.message ?? '';
  t.regex(await message(), /is not there yet: it is made at the start/);
  await startProxy(t, yaml(1));
  t.regex(await message(), /is this user's alone and can be gone on with; \d+[MG]iB left/);
  assertAllTold(t, await told(2), [
    {
      planted: 'another key',
      result: 'failure',
      code: 'audit_other_key',
      message: /was not written with this `audit\.key`/,
      remedy: /move the file away/,
    },
  ]);
});
