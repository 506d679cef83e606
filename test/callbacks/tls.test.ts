import fs from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { LOCAL, makeAuthority, type Pair } from '../helpers/authority.ts';
import { temporaryDirectory } from '../helpers/directory.ts';
import { until } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { payuForm, startCallbacks, type Sent } from './given.ts';

/** Sends a callback over TLS. Resolves with the status, and with the certificate that was shown. */
function sendOver(
  origin: string,
  { headers, body }: Sent,
  ca: string,
): Promise<{ readonly status: number | undefined; readonly serial: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${origin}/callbacks/payu`, {
      method: 'POST',
      ca,
      agent: false,
      headers: [...headers, 'Host', 'shop'],
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      const serial = (answer.socket as TLSSocket).getPeerCertificate().serialNumber;
      answer.resume().on('end', () => resolve({ status: answer.statusCode, serial }));
    });
    sent.end(body);
  });
}

test('callbacks come in over TLS, and a new pair of files is shown without a restart', async (t) => {
  const dir = temporaryDirectory(t);
  const authority = makeAuthority(t);
  const write = ({ cert, key }: Pair): void => {
    fs.writeFileSync(path.join(dir, 'tls.crt'), cert);
    fs.writeFileSync(path.join(dir, 'tls.key'), key);
  };
  write(authority.issue('first', { names: LOCAL }));
  const tls = `{ certificate: "\${file:${dir}/tls.crt}", key: "\${file:${dir}/tls.key}" }`;
  const { origin, shop, outrider } = await startCallbacks(t, { listen: `, tls: ${tls}` });
  t.regex(origin, /^https:/);

  const first = await sendOver(origin, payuForm(), authority.cert);
  t.is(first.status, 200);
  t.is((await shop.request(1)).header('outrider-verified'), 'payu');
  const forged = payuForm();
  t.is(
    (await sendOver(origin, { ...forged, body: forged.body.replace('success', 'failure') }, authority.cert)).status,
    401,
  );
  t.is(shop.requests.length, 1);

  const plain = await httpCall(origin.replace('https:', 'http:'), '/callbacks/payu', { method: 'POST', ...payuForm() });
  t.is(plain.status, 400);
  t.is(shop.requests.length, 1);

  write(authority.issue('second', { names: LOCAL }));
  await until('the new pair', () => outrider.app.config.callbacksListen?.tls?.current.version === 2, 10_000);
  const second = await sendOver(origin, payuForm(), authority.cert);
  t.is(second.status, 200);
  t.not(second.serial, first.serial);
});
