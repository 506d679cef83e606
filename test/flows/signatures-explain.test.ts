import { createHmac } from 'node:crypto';
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
      - { text: "{{request.headers.authorization}}", algorithm: sha256, set: { header: x-over-token } }
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
  readonly key: string | null;
  readonly digest: string;
  readonly place: string;
  readonly value: string;
  readonly covers_token: boolean;
}

interface Explained {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: string | null;
  readonly signatures: readonly Signature[];
  readonly upstream: string;
  readonly token: { readonly body: string | null; readonly signatures: readonly Signature[] } | null;
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
const SUM = digest('sha256', `${WRAPPED}/v3/service/auth/access${SALT}`);
const VERIFIED = `${SUM}###2`;
/** What `--json` says of a plain digest over no token. */
const PLAIN = { key: null, covers_token: false };

test.serial(
  'the body as it is sent, the string that is signed with the salt by its name, the digest and its place are shown',
  async (t) => {
    const shown = await explain(t, 'POST', '/pay/v3/service/auth/access?q=1', '-d', GRANT);
    t.true(
      shown.endsWith(`
sends
  body  {"request":"${WRAPPED}"}

signs
  text    ${WRAPPED}/v3/service/auth/access<salt_key>
  with    sha256
  digest  ${SUM}
  gives   ${VERIFIED}
  place   header x-verify
`),
      shown,
    );
    t.regex(shown, new RegExp(`^  header  x-verify: ${VERIFIED}$`, 'm'));
  },
);

test.serial('--json has the same, and it is what is then sent', async (t) => {
  const { body, signatures, token } = await data(t, 'POST', '/pay/v3/service/auth/access', '-d', GRANT);
  const text = `${WRAPPED}/v3/service/auth/access<salt_key>`;
  const how = { ...PLAIN, algorithm: 'sha256', digest: SUM };
  t.deepEqual(signatures, [{ ...how, text, place: 'header x-verify', value: VERIFIED }]);
  t.is(token, null);

  const upstream = await startUpstream(t);
  const provider = `{ profile: phonepe-x-verify, environment: sandbox, ${MERCHANT}, endpoints: { api: "${upstream.origin}" } }`;
  const { origin } = await startOutrider(
    t,
    `providers: { pay: ${provider} }\nroutes: [{ name: pay, match: { path: /pay }, provider: pay }]`,
  );
  t.is((await httpCall(origin, '/pay/v3/service/auth/access', { body: GRANT })).status, 200);
  t.is(upstream.requests[0]?.header('x-verify'), VERIFIED);
  t.is(body, (await upstream.requests[0]?.body())?.bytes.toString() ?? '');
});

test.serial("a user's token and the grant token are names, the signature of the call is whole", async (t) => {
  const shown = await explain(t, 'GET', '/user/v3/service/userdetails', '-H', 'X-Grant-Token: GRT1');
  t.regex(shown, /^ {2}header {2}X-Grant-Token$/m);
  t.regex(shown, /^ {2}header {2}x-access-token: <access_token>$/m);
  const sum = digest('sha256', `/v3/service/userdetails${SALT}`);
  t.true(
    shown.includes(`
signs
  text    /v3/service/userdetails<salt_key>
  with    sha256
  digest  ${sum}
  gives   ${sum}###2
  place   header x-verify

token call, `),
    shown,
  );
  t.regex(shown, /^ {2}field {2}grantToken=<subject>$/m);
  t.notRegex(shown, /GRT1/);
  t.false(shown.includes(WRAPPED));
});

test.serial("the token call's own signature is shown like any other, with the grant token by its name", async (t) => {
  const args = ['GET', '/user/v3/service/userdetails', '-H', 'X-Grant-Token: GRT1'];
  const shown = await explain(t, ...args);
  const seen = 'base64({"grantToken":"<subject>"})';
  t.true(
    shown.endsWith(`
  field  x-verify=${VERIFIED}
  body   {"request":"base64({\\"grantToken\\":\\"<subject>\\"})"}

signs the token call
  text    ${seen}/v3/service/auth/access<salt_key>
  with    sha256
  digest  ${SUM}
  gives   ${VERIFIED}
  place   header x-verify
`),
    shown,
  );
  const { body, token } = await data(t, ...args);
  t.is(body, null, 'the request itself has none');
  t.deepEqual(JSON.parse(token?.body ?? ''), { request: seen });
  const text = `${seen}/v3/service/auth/access<salt_key>`;
  const how = { ...PLAIN, algorithm: 'sha256', digest: SUM };
  t.deepEqual(token?.signatures, [{ ...how, text, place: 'header x-verify', value: VERIFIED }]);
});

test.serial('a form field is shown as such, and with what it is made of', async (t) => {
  const form = 'command=verify%5Fpayment&var1=12345';
  const sum = digest('sha512', `gtKFFx|verify_payment|12345|${SALT}`);
  const text = 'gtKFFx|verify_payment|12345|<salt>';
  for (const sent of [form, `hash=stale&${form}&key=stale`]) {
    const { body, signatures } = await data(t, 'POST', '/hash/x?form=2', '-d', sent);
    t.deepEqual(signatures, [{ ...PLAIN, text, algorithm: 'sha512', digest: sum, place: 'form hash', value: sum }]);
    t.is(body, `${form}&key=gtKFFx&hash=${sum}`);
  }
});

test.serial('a signature over a date verifies with the date that is shown beside it', async (t) => {
  const explained = await data(t, 'POST', '/v2/v2/payments', '-d', '{"amount":1.10}');
  const { headers, upstream, signatures } = explained;
  const header = (name: string) => headers.find((field) => field.name.toLowerCase() === name)?.value;
  const body = Buffer.from('{"amount":1.10}');
  t.is(checkPayuV2({ method: 'POST', target: upstream, header, body }, { key: 'gtKFFx', salt: SALT }), undefined);
  const sum = digest('sha512', `{"amount":1.10}|${header('date')}|${SALT}`);
  t.is(signatures.length, 1);
  t.like(signatures[0], { ...PLAIN, text: `{"amount":1.10}|${header('date')}|<salt>`, digest: sum });
  t.is(signatures[0]?.value, header('authorization'));
  t.is(explained.body, null, 'it goes as it came');
});

const SENT = digest('sha256', 'amount=10&pin=0451-of-the-pin');
const FIRST = Buffer.from(SENT, 'hex').toString('base64');
const SECOND = createHmac('sha512', SALT).update(`POST\n/v1/qr\nSHA-256=${FIRST}`).digest('hex');
const THIRD = digest('sha256', 'Bearer <access_token>');

test.serial(
  'several signatures are shown in their order, one that covers a secret in the body as it is sent',
  async (t) => {
    const { body, signatures } = await data(t, 'POST', '/stacked/v1/qr', '-d', 'amount=10');
    const seen = 'amount=10&pin=%3Cpin%3E';
    t.is(body, seen);
    t.deepEqual(signatures, [
      { ...PLAIN, text: seen, algorithm: 'sha256', digest: FIRST, place: 'header digest', value: `SHA-256=${FIRST}` },
      {
        text: `POST\n/v1/qr\nSHA-256=${FIRST}`,
        algorithm: 'hmac-sha512',
        key: '<salt>',
        digest: SECOND,
        place: 'query sig',
        value: SECOND,
        covers_token: false,
      },
      {
        text: 'Bearer <access_token>',
        algorithm: 'sha256',
        key: null,
        digest: THIRD,
        place: 'header x-over-token',
        value: THIRD,
        covers_token: true,
      },
    ]);
  },
);

test.serial(
  'a text of several lines has each on its own, an HMAC its key, and what covers the token says so',
  async (t) => {
    const shown = await explain(t, 'POST', '/stacked/v1/qr', '-d', 'amount=10');
    t.true(
      shown.includes(`
signs
  text    POST
          /v1/qr
          SHA-256=${FIRST}
  with    hmac-sha512, key <salt>
  digest  ${SECOND}
  gives   ${SECOND}
  place   query sig

signs
  text    Bearer <access_token>
  with    sha256
  digest  ${THIRD} (with the token's name in its place: what is sent is another)
  gives   ${THIRD}
  place   header x-over-token
`),
      shown,
    );
    t.is(shown.split('what is sent is another').length, 2, 'the others are real');
  },
);

test.serial("the caller's own field is neither in the text nor in the body that is shown", async (t) => {
  const args = ['POST', '/stacked/v1/qr?sig=stale', '-d', 'pin=stale&amount=10'];
  const { body, signatures } = await data(t, ...args);
  t.is(body, 'amount=10&pin=%3Cpin%3E');
  t.deepEqual(
    signatures.map((signature) => signature.digest),
    [FIRST, SECOND, THIRD],
  );
});
