import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { configFile, run } from '../commands/run.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { apiOf } from '../admin/given.ts';
import { explained } from '../../src/admin/schemas.ts';
import { checkMessageSignature } from '../profiles/strict-signers.ts';

const SECRETS = {
  AWS_SECRET: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  AWS_SESSION: 'IQoJb3JpZ2luX2VjEXAMPLE==',
  CONSUMER_SECRET: 'the-secret-of-the-consumer',
  USER_TOKEN: 'the-token-of-the-user',
  SIGNING_KEY: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
};

const yamlOf = (upstream: string): string => `
providers:
  aws: { profile: aws, credentials: { access_key_id: AKIDEXAMPLE, secret_access_key: "\${AWS_SECRET}", session_token: "\${AWS_SESSION}", region: eu-central-1, service: sqs } }
  oauth: { profile: oauth1, credentials: { consumer_key: ck, consumer_secret: "\${CONSUMER_SECRET}", token: "\${USER_TOKEN}" } }
  message: { profile: message-signature, credentials: { key_id: shop-1, private_key: "\${SIGNING_KEY}" } }
routes:
${['aws', 'oauth', 'message'].map((name) => `  - { match: { path: /${name} }, provider: ${name}, upstream: "${upstream}" }`).join('\n')}
`;

/** What must never be seen: the secrets, in every coding, and the lines of a key. */
const HIDDEN = Object.values(SECRETS)
  .flatMap((secret) =>
    secret.includes('\n') ? secret.split('\n').filter((line) => !line.startsWith('-----') && line !== '') : [secret],
  )
  .flatMap((secret) => [
    secret,
    ...(['base64', 'base64url', 'hex'] as const).map((coding) =>
      Buffer.from(secret).toString(coding).replaceAll('=', ''),
    ),
  ]);

const DIGEST = `sha-256=:${createHash('sha256').update('b').digest('base64')}:`;

for (const [name, args, lines] of [
  [
    'aws-sigv4',
    ['POST', '/aws/q?b=2&a=%7e', '-d', '{"n":1}', '-H', 'content-type: application/json'],
    [
      '  text    POST',
      '          /q',
      '          a=~&b=2',
      '          content-type:application/json',
      '          x-amz-security-token:<session_token>',
      '  covers  method, path, query, content-type, host, x-amz-date, x-amz-security-token, body',
      '  with    AWS4-HMAC-SHA256, key <secret_access_key>',
      '  place   header authorization',
      '  header  x-amz-security-token: <session_token>',
    ],
  ],
  [
    'oauth1',
    ['GET', '/oauth/q?a=1'],
    [
      '  covers  method, URL, query, oauth_consumer_key, oauth_token, oauth_signature_method, oauth_timestamp, oauth_nonce, oauth_version',
      '  with    HMAC-SHA1, key <consumer_secret>',
      '  place   header authorization',
    ],
  ],
  [
    'http-message-signature',
    ['POST', '/message/q?a=1', '-d', 'b'],
    [
      '  text    "@method": POST',
      '          "@authority": api.example',
      '          "@path": /q',
      '          "@query": ?a=1',
      `          "content-digest": ${DIGEST}`,
      '  covers  "@method", "@authority", "@path", "@query", "content-digest"',
      "  with    the key's own, key <private_key>",
      '  place   header signature',
      `  header  content-digest: ${DIGEST}`,
    ],
  ],
] as const) {
  test.serial(`explain shows what ${name} signs, what that covers and where it goes, and no secret`, async (t) => {
    const { file } = configFile(t, `version: 1\n${yamlOf('https://api.example')}`);
    const { code, stdout, stderr } = await run(t, ['explain', ...args, '--config', file], { env: SECRETS });
    t.is(code, 0, stderr);
    const shown = stdout.split('\n');
    for (const line of lines) t.true(shown.includes(line), `${line}\n${stdout}`);
    for (const secret of HIDDEN) t.false(stdout.includes(secret));
  });
}

test('the admin address signs nothing for anybody, and no secret gets out by a log, an error or an answer', async (t) => {
  const key = createPublicKey(SECRETS.SIGNING_KEY);
  const upstream = await startUpstream(t, async (arrival) => {
    const { bytes: body } = await arrival.body();
    if (!arrival.target.startsWith('/signed')) return arrival.reply(500, { body: 'no' });
    const { method, target } = arrival;
    const wrong = await checkMessageSignature(
      { method, target, header: (name) => arrival.header(name), body },
      { key, algorithm: 'ed25519', id: 'shop-1', covered: ['@method', '@path', 'content-digest'] },
    );
    return arrival.reply(wrong === undefined ? 200 : 403, { body: wrong ?? 'ok' });
  });
  const outrider = await startOutrider(t, `admin: { address: 127.0.0.1:0 }\n${yamlOf(upstream.origin)}`, {
    env: SECRETS,
  });
  const answers = [
    await outrider.call('/message/signed', { method: 'POST', body: '{"a":1}' }),
    await outrider.call('/aws/x?a=b+c'),
    await outrider.call('/oauth/x?oauth_token=x'),
    await outrider.call('/aws/x'),
    await outrider.call('/oauth/x'),
  ];
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 400, 400, 500, 500],
    answers[0]?.text,
  );
  const api = apiOf(t, outrider);
  let seen = outrider.logText() + answers.map(({ text }) => text).join();
  for (const name of ['aws', 'oauth', 'message']) {
    const found = await api.post('/api/explain', explained, 200, { method: 'POST', url: `/${name}/x`, body: 'b' });
    if ('answered_with' in found) return t.fail();
    t.like(found.signatures, [{ text: '[hidden]', digest: '[hidden]', value: '[hidden]' }]);
    t.notRegex(JSON.stringify(found), /Signature=[0-9a-f]|oauth_signature=|:[A-Za-z0-9+/]{86}==:/);
    seen += JSON.stringify(found);
  }
  for (const path of ['/metrics', '/api/status']) seen += (await api.call(path)).text;
  for (const secret of HIDDEN) t.false(seen.includes(secret));
});
