import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { type Arrival, startUpstream } from '../helpers/upstream.ts';
import { blockOf } from './page.ts';
import { checkAws, checkOAuth1 } from './strict-signers.ts';
import type { Received } from './strict.ts';

// Providers that want a signature by a standard. Each is a whole file on the page, and runs before a server that checks.

async function received(arrival: Arrival): Promise<Received> {
  const { bytes: body } = await arrival.body();
  return { method: arrival.method, target: arrival.target, header: (name) => arrival.header(name), body };
}

/** The page's file, with its upstreams replaced by our own. */
const local = (name: string, origin: string): string =>
  blockOf('providers', name)
    .text.replace('version: 1\n', '')
    .replaceAll(/upstream: "https:\/\/[^/"]+/g, `upstream: "${origin}`);

const AWS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

test('AWS, by the page: S3 takes a file of any size, and API Gateway a signed body', async (t) => {
  const sessionToken = 'IQoJb3JpZ2luX2VjEXAMPLE';
  const upstream = await startUpstream(t, async (arrival) => {
    const request = await received(arrival);
    const region = 'eu-central-1';
    const wrong = request.target.startsWith('/prod/')
      ? checkAws(request, { ...AWS, sessionToken }, { region, service: 'execute-api' })
      : checkAws(request, AWS, { region, service: 's3', takesUnsigned: true });
    return arrival.reply(wrong === undefined ? 200 : 403, { body: wrong ?? 'ok' });
  });
  const env = { AWS_ID: AWS.accessKeyId, AWS_SECRET: AWS.secretAccessKey, AWS_TOKEN: sessionToken };
  const outrider = await startOutrider(t, local('aws', upstream.origin), { env });
  const file = Buffer.alloc(3 * 1024 * 1024, 'f');
  t.is((await outrider.call('/files/a%20b.bin', { method: 'PUT', body: file })).text, 'ok');
  const headers = ['Content-Type', 'application/json'];
  t.is((await outrider.call('/orders/7?b=1&a=2', { method: 'POST', headers, body: '{"amount":1.10}' })).text, 'ok');
});

test('Mastercard, by the page: every request is signed with RSA-SHA256, with the hash of its body', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const upstream = await startUpstream(t, async (arrival) => {
    const request = await received(arrival);
    const authorization = request.header('authorization') ?? '';
    const missing = ['oauth_body_hash', 'oauth_consumer_key="ck!1"', 'oauth_signature_method="RSA-SHA256"'].find(
      (part) => !decodeURIComponent(authorization).includes(part),
    );
    const wrong = missing ?? checkOAuth1(request, publicKey);
    return arrival.reply(wrong === undefined ? 200 : 403, { body: wrong ?? 'ok' });
  });
  const env = {
    MASTERCARD_CONSUMER_KEY: 'ck!1',
    MASTERCARD_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
  const outrider = await startOutrider(t, local('mastercard', upstream.origin), { env });
  const headers = ['Content-Type', 'application/json'];
  t.is((await outrider.call('/mastercard/pay?Format=JSON', { method: 'POST', headers, body: '{"a":1}' })).text, 'ok');
  t.is((await outrider.call('/mastercard/pay', { method: 'GET' })).text, 'ok');
});
