import test from 'ava';
import type { ExecutionContext } from 'ava';
import { configFile, run } from '../commands/run.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { checkPayuV2, digest } from '../profiles/strict.ts';

const SALT = 'salty-salt-of-the-merchant';
const MERCHANT = `credentials: { merchant_id: M1, salt_key: ${SALT}, salt_index: 2 }`;
const PAYU = `environment: test, credentials: { key: gtKFFx, salt: ${SALT} }`;

const YAML = `
version: 1
profiles:
  stacked:
    extends: payu-partner
    credentials: { salt: { secret: true }, pin: { secret: true } }
    inject: { form: { pin: "{{credentials.pin}}" } }
    sign:
      - { text: "{{request.body}}", algorithm: sha256, encode: base64, set: { header: digest, value: "SHA-256={{signature}}" } }
      - { text: "{{request.method}}\\n{{request.path}}\\n{{request.headers.digest}}", algorithm: hmac-sha512, key: "{{credentials.salt}}", set: { query: sig } }
providers:
  pay: { profile: phonepe-x-verify, environment: sandbox, ${MERCHANT} }
  user: { profile: phonepe-user, environment: sandbox, ${MERCHANT} }
  hash: { profile: payu-hash, ${PAYU} }
  v2: { profile: payu-v2, ${PAYU} }
  stacked: { profile: stacked, environment: test, credentials: { client_id: c, client_secret: secret-of-the-client, salt: ${SALT}, pin: 0451-of-the-pin } }
routes:
${['pay', 'user', 'hash', 'v2', 'stacked'].map((name) => `  - { name: ${name}, match: { path: /${name} }, provider: ${name} }`).join('\n')}
`;

interface Signature {
  readonly text: string;
  readonly algorithm: string;
  readonly place: string;
  readonly value: string;
}

interface Explained {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly signatures: readonly Signature[];
  readonly upstream: string;
}

/** Runs the real command line; fails when a secret shows, in whatever coding. */
async function explain(t: ExecutionContext, ...args: readonly string[]): Promise<string> {
  const { file } = configFile(t, YAML);
  const { code, stdout, stderr } = await run(t, ['explain', ...args, '--config', file]);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  for (const secret of [SALT, 'secret-of-the-client', '0451-of-the-pin']) {
    for (const coding of ['utf8', 'base64', 'base64url', 'hex'] as const) {
      t.false(stdout.includes(Buffer.from(secret).toString(coding).replaceAll('=', '')), `${secret} in ${coding}`);
    }
  }
  return stdout;
}

const data = async (t: ExecutionContext, ...args: readonly string[]): Promise<Explained> =>
  JSON.parse(await explain(t, ...args, '--json')) as Explained;

const GRANT = '{"grantToken":"GRT1"}';
const WRAPPED = Buffer.from(GRANT).toString('base64');
const VERIFIED = `${digest('sha256', `${WRAPPED}/v3/service/auth/access${SALT}`)}###2`;

test.serial(
  'the string that is signed is shown with the salt by its name, then the digest and its place',
  async (t) => {
    const shown = await explain(t, 'POST', '/pay/v3/service/auth/access?q=1', '-d', GRANT);
    t.true(
      shown.includes(`
signs
  text   ${WRAPPED}/v3/service/auth/access<salt_key>
  with   sha256
  gives  ${VERIFIED}
  place  header x-verify
`),
      shown,
    );
    t.regex(shown, new RegExp(`^  header  x-verify: ${VERIFIED}$`, 'm'));
  },
);

test.serial('--json has the same, and it is what is then sent', async (t) => {
  const { signatures } = await data(t, 'POST', '/pay/v3/service/auth/access', '-d', GRANT);
  const text = `${WRAPPED}/v3/service/auth/access<salt_key>`;
  t.deepEqual(signatures, [{ text, algorithm: 'sha256', place: 'header x-verify', value: VERIFIED }]);

  const upstream = await startUpstream(t);
  const provider = `{ profile: phonepe-x-verify, environment: sandbox, ${MERCHANT}, endpoints: { api: "${upstream.origin}" } }`;
  const { origin } = await startOutrider(
    t,
    `providers: { pay: ${provider} }\nroutes: [{ name: pay, match: { path: /pay }, provider: pay }]`,
  );
  t.is((await httpCall(origin, '/pay/v3/service/auth/access', { body: GRANT })).status, 200);
  t.is(upstream.requests[0]?.header('x-verify'), VERIFIED);
});

test.serial("a user's token and the grant token are names, the signature of the call is whole", async (t) => {
  const shown = await explain(t, 'GET', '/user/v3/service/userdetails', '-H', 'X-Grant-Token: GRT1');
  t.regex(shown, /^ {2}header {2}X-Grant-Token$/m);
  t.regex(shown, /^ {2}header {2}x-access-token: <access_token>$/m);
  t.regex(shown, /^ {2}text {3}\/v3\/service\/userdetails<salt_key>$/m);
  t.regex(shown, new RegExp(`^  gives  ${digest('sha256', `/v3/service/userdetails${SALT}`)}###2$`, 'm'));
  t.regex(shown, /^ {2}field {2}grantToken=<subject>$/m);
  t.notRegex(shown, /GRT1/);
});

test.serial('a form field is shown as such, and with what it is made of', async (t) => {
  const { signatures } = await data(t, 'POST', '/hash/x?form=2', '-d', 'command=verify%5Fpayment&var1=12345');
  t.deepEqual(signatures, [
    {
      text: 'gtKFFx|verify_payment|12345|<salt>',
      algorithm: 'sha512',
      place: 'form hash',
      value: digest('sha512', `gtKFFx|verify_payment|12345|${SALT}`),
    },
  ]);
});

test.serial('a signature over a date verifies with the date that is shown beside it', async (t) => {
  const { headers, upstream, signatures } = await data(t, 'POST', '/v2/v2/payments', '-d', '{"amount":1.10}');
  const header = (name: string) => headers.find((field) => field.name.toLowerCase() === name)?.value;
  const body = Buffer.from('{"amount":1.10}');
  t.is(checkPayuV2({ method: 'POST', target: upstream, header, body }, { key: 'gtKFFx', salt: SALT }), undefined);
  t.is(signatures[0]?.text, `{"amount":1.10}|${header('date')}|<salt>`);
});

test.serial(
  'several signatures are shown in their order, one that covers a secret in the body as it is sent',
  async (t) => {
    const { signatures } = await data(t, 'POST', '/stacked/v1/qr', '-d', 'amount=10');
    const [first, second] = signatures;
    const sent = digest('sha256', 'amount=10&pin=0451-of-the-pin');
    const sum = `SHA-256=${Buffer.from(sent, 'hex').toString('base64')}`;
    t.deepEqual(first, { text: 'amount=10&pin=%3Cpin%3E', algorithm: 'sha256', place: 'header digest', value: sum });
    t.like(second, { text: `POST\n/v1/qr\n${sum}`, algorithm: 'hmac-sha512', place: 'query sig' });
    t.regex(second?.value ?? '', /^[0-9a-f]{128}$/);
  },
);
