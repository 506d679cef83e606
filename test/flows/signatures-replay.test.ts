import test from 'ava';
import fc from 'fast-check';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { numberedTokens, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Arrival } from '../helpers/upstream.ts';
import * as odd from '../profiles/odd.ts';
import { checkFormHash, digest, mac, PAYU_COMMAND } from '../profiles/strict.ts';

/** As PayU's QR APIs for partners: a bearer token, the command hash in the form, and a digest and a MAC in headers. */
const PROFILE = `
  partner-qr:
    extends: payu-partner
    credentials: { key: {}, salt: { secret: true } }
    inject:
      headers: { date: "{{now.http_date}}", x-attempt: "{{uuid}}" }
      form: { key: "{{credentials.key}}" }
    sign:
      - text: "{{credentials.key}}|{{request.form.command}}|{{request.form.var1}}|{{credentials.salt}}"
        algorithm: sha512
        set: { form: hash }
      - { text: "{{request.body}}", algorithm: sha256, encode: base64, set: { header: digest } }
      - text: "{{request.headers.date}}\\n{{request.headers.digest}}\\n{{request.headers.authorization}}\\n{{request.headers.x-attempt}}"
        algorithm: hmac-sha256
        key: "{{credentials.salt}}"
        encode: base64
        set: { header: x-signature, value: 'hmac username="{{credentials.key}}", signature="{{signature}}"' }`;

/** What is wrong with an attempt; `salt` is what the provider knows. */
async function check(arrival: Arrival, salt: string): Promise<string | undefined> {
  const { bytes: body } = await arrival.body();
  const { method, target } = arrival;
  const header = (name: string): string => arrival.header(name) ?? '';
  const wrong = checkFormHash({ method, target, header, body }, { key: 'k3y', salt, ...PAYU_COMMAND });
  if (wrong !== undefined) return wrong;
  if (Buffer.from(header('digest'), 'base64').toString('hex') !== digest('sha256', body)) return 'the digest is wrong';
  const signed = ['date', 'digest', 'authorization', 'x-attempt'].map(header).join('\n');
  const expected = `hmac username="k3y", signature="${mac(salt, signed).toString('base64')}"`;
  return header('x-signature') === expected ? undefined : `x-signature is ${header('x-signature')}`;
}

test('a rejected token is followed by one replay, signed anew over the same bytes', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t, numberedTokens);
  const field = fc.tuple(odd.formField('command'), odd.formField('var1'), fc.array(odd.formPiece, { maxLength: 4 }));
  const stale = fc.option(odd.formField('hash'));
  const forms = fc.tuple(field, stale).chain(([[command, var1, more], old]) => {
    const pieces = [command, var1, ...more, ...(old === null ? [] : [old])];
    return fc.shuffledSubarray(pieces, { minLength: pieces.length });
  });
  const requests = fc.record({ path: odd.path, query: odd.query, pieces: forms, isRejected: fc.boolean() });

  let replays = 0;
  await fc.assert(
    fc.asyncProperty(
      odd.secret,
      fc.array(requests, { minLength: 1, maxLength: 25, size: 'max' }),
      async (salt, list) => {
        const outrider = await startOutrider(
          t,
          `
profiles: ${PROFILE}
providers:
  p:
    profile: partner-qr
    environment: test
    credentials: { client_id: c, client_secret: of the client, key: k3y, salt: "\${SALT}" }
    endpoints: { token: "${tokens.url}", api: "${upstream.origin}" }
    renew: { cooldown: 0s }
routes: [{ name: p, match: { path: /p }, provider: p }]`,
          { clock, env: { SALT: salt } },
        );
        for (const { path, query, pieces, isRejected } of list) {
          const first = upstream.requests.length;
          upstream.handler = async (arrival, n) => {
            const wrong = await check(arrival, salt);
            await clock.advance(1_000);
            if (wrong !== undefined) return arrival.reply(400, { body: wrong });
            return arrival.reply(isRejected && n === first + 1 ? 401 : 200);
          };
          const headers = ['Content-Type', 'application/x-www-form-urlencoded', 'Idempotency-Key', `key ${first}`];
          const answer = await outrider.call(`/p${path}${query}`, { headers, body: pieces.join('&') });
          if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
          const attempts = upstream.requests.slice(first);
          if (attempts.length !== (isRejected ? 2 : 1)) throw new Error(`${attempts.length} attempts`);
          replays += attempts.length - 1;
          const distinct = (name: string): number => new Set(attempts.map((arrival) => arrival.header(name))).size;
          for (const name of ['authorization', 'date', 'x-attempt', 'x-signature']) {
            if (distinct(name) !== attempts.length) throw new Error(`${name} was not made anew`);
          }
          const rest = pieces.filter((piece) => new URLSearchParams(piece).get('hash') === null).join('&');
          for (const arrival of attempts) {
            const body = (await arrival.body()).bytes.toString();
            const isOurs = /^&?key=k3y&hash=[0-9a-f]{128}$/.test(body.slice(rest.length));
            if (!body.startsWith(rest) || !isOurs) throw new Error(`the body is ${body}`);
            if (arrival.target !== path + query) throw new Error(`the target is ${arrival.target}`);
            if (arrival.header('idempotency-key') !== `key ${first}`) throw new Error('the key is another');
          }
        }
        const stopped = outrider.app.stop({ signal: 'SIGINT' });
        await clock.advance(60_000);
        await stopped;
      },
    ),
    { numRuns: 8, interruptAfterTimeLimit: 40_000, includeErrorInReport: true },
  );
  t.true(replays > 0);
});
