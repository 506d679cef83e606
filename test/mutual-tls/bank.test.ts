import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { jwtVerify } from 'jose';
import { makeAuthority } from '../helpers/authority.ts';
import { secretFiles, startStrictServer } from '../helpers/mutual-tls.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { blockOf } from '../profiles/page.ts';

test('a bank behind mutual TLS that takes a JWT, by the recipe of the page', async (t) => {
  const authority = makeAuthority(t, 'Bank CA');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signing = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
  const [id, api] = [await startStrictServer(t, authority), await startStrictServer(t, authority)];
  // The token is bound to the certificate under which it was asked for (RFC 8705).
  id.answer = ({ certificate }) => ({
    body: JSON.stringify({ access_token: `token-of-${certificate}`, expires_in: 60 }),
  });
  api.answer = ({ certificate, authorization }) =>
    authorization === `Bearer token-of-${certificate}` ? { body: 'paid' } : { status: 401, body: 'no' };
  const files = secretFiles(t);
  const transport = authority.issue('shop');
  files.write('bank-signing.key', signing);
  files.write('bank-transport.pem', transport.cert);
  files.write('bank-transport.key', transport.key);
  files.write('bank-ca.pem', authority.cert);
  const { text } = blockOf('file', 'bank');
  t.true(text.trimEnd().split('\n').length <= 25);
  const yaml = text
    .replaceAll('/run/secrets', files.dir)
    .replace('https://id.bank.example', id.origin)
    .replace('https://api.bank.example', api.origin);
  const outrider = await startOutrider(t, yaml, { env: { BANK_CLIENT_ID: 'shop-1', BANK_KEY_ID: 'key-1' } });
  t.is((await outrider.call('/bank/payments', { method: 'POST', body: '{}' })).text, 'paid');
  const form = new URLSearchParams(id.requests[0]?.body);
  t.like(Object.fromEntries(form), { grant_type: 'client_credentials', scope: 'payments' });
  const { payload, protectedHeader } = await jwtVerify(
    form.get('client_assertion') ?? '',
    createPublicKey(privateKey),
    {
      issuer: 'shop-1',
      subject: 'shop-1',
      audience: `${id.origin}/as/token`,
    },
  );
  t.is(protectedHeader.kid, 'key-1');
  t.truthy(payload.jti);
});
