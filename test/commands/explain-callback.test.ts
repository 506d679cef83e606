import test from 'ava';
import { payuFields, payuForm, PAYMENT, xVerify } from '../callbacks/given.ts';
import { configFile, run } from './run.ts';

const YAML = `
version: 1
providers:
  payu: { profile: payu-payment, environment: test, credentials: { key: KEY, salt: salt-of-payu-1 } }
  phonepe: { profile: phonepe-x-verify, environment: sandbox, credentials: { merchant_id: SHOP, salt_key: salt-of-phonepe-2, salt_index: 2 } }
callbacks_listen: {}
callbacks:
  - { match: { path: /callbacks/payu }, verify: payu, forward: "http://127.0.0.1:3000/hooks/payu" }
  - { match: { path: /callbacks/phonepe }, verify: phonepe, forward: "http://127.0.0.1:3000/hooks/phonepe" }
`;
const TYPE = 'Content-Type: application/x-www-form-urlencoded';

test.serial('a callback that is verified', async (t) => {
  const { file } = configFile(t, YAML);
  const { body } = payuForm();
  const args = [
    'explain',
    '--config',
    file,
    '--callback',
    'payu',
    '-H',
    TYPE,
    '-H',
    'Outrider-Verified: me',
    '-d',
    body,
  ];
  const { code, stdout, stderr } = await run(t, args);
  t.is(stderr, '');
  t.is(code, 0);
  t.regex(stdout, /^callback +payu \(POST \/callbacks\/payu\)$/m);
  t.regex(stdout, /^verdict +verified$/m);
  t.regex(stdout, /^ +entry +1: form\.hash present/m);
  t.regex(
    stdout,
    /^ +text +<salt>\|success\|\|\|\|\|\|\|\|\|\|u 1\|asha@example\.in\|Asha\|Shoes \| size 42\|10\.00\|txn-1\|KEY$/m,
  );
  t.true(stdout.includes(`digest  ${payuFields(PAYMENT)['hash']}`), stdout);
  t.regex(stdout, /^ +place +form hash$/m);
  t.regex(stdout, /^ +to +POST http:\/\/127\.0\.0\.1:3000\/hooks\/payu$/m);
  t.notRegex(stdout, /salt-of-payu/);
});

test.serial('one that is not, as a curl line, and in JSON', async (t) => {
  const { file } = configFile(t, YAML);
  const { headers, body } = xVerify({ a: 1 }, 'other');
  const line = [
    'curl',
    'https://shop.example/x',
    '-H',
    `X-VERIFY: ${headers[3]}`,
    '-H',
    'Content-Type: application/json',
    '-d',
    body,
  ];
  const { code, stdout } = await run(t, [
    'explain',
    '--json',
    '--config',
    file,
    '--callback',
    'phonepe',
    '--',
    ...line,
  ]);
  t.is(code, 1);
  const report = JSON.parse(stdout) as { text: string };
  t.like(report, {
    callback: 'phonepe',
    verdict: 'rejected',
    entry: 1,
    places: ['header x-verify'],
    algorithm: 'sha256',
  });
  t.regex(report.text, /^[\w+/=]+<salt_key>$/);
  const shown = await run(t, ['explain', '--config', file, '--callback', 'phonepe', '-d', '{}']);
  t.is(shown.code, 1);
  t.regex(shown.stdout, /^verdict +rejected: /m);
  t.regex(shown.stdout, /401 callback_rejected/);
});

test.serial('a name that there is not, and arguments that are missing', async (t) => {
  const { file } = configFile(t, YAML);
  const unknown = await run(t, ['explain', '--config', file, '--callback', 'pay', '-d', '{}']);
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /unknown_callback.*"pay"[\s\S]*payu, phonepe/);
  const none = await run(t, ['explain', '--config', file]);
  t.is(none.code, 2);
  t.regex(none.stderr, /missing required argument 'method'/);
  const noUrl = await run(t, ['explain', 'GET', '--config', file]);
  t.regex(noUrl.stderr, /missing required argument 'url'/);
});
