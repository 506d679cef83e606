import test from 'ava';
import type { Authorized } from '../../../src/auth/authorizer.ts';
import type { SignerSpec } from '../../../src/config/profile/profile.ts';
import { fakeClock } from '../../helpers/clock.ts';
import { benchOf, callOf, credentialsOf, jsonAnswer, outbound, profileOf, providerOf, readOf } from '../helpers.ts';

const AWS: SignerSpec = {
  when: {},
  signer: 'aws-sigv4',
  region: 'eu-central-1',
  service: 'sqs',
  accessKeyId: '{{credentials.id}}',
  secretAccessKey: '{{credentials.secret}}',
  sessionToken: undefined,
  payload: 'signed',
};
const CREDENTIALS = { id: {}, secret: { secret: true } };

const signatureOf = (authorized: unknown): string =>
  (authorized as Authorized).headers.find((value) => value.includes('Signature='))?.split('Signature=')[1] ?? '';

test('a rotated key, and another day, are signed with from the next request on', async (t) => {
  const clock = fakeClock();
  const credentials = credentialsOf({ id: 'i', secret: 'the first' });
  const provider = providerOf(profileOf({ credentials: CREDENTIALS, sign: [AWS] }), credentials);
  const authorizer = benchOf(provider, { clock }).auth.forUpstream('https://sqs.example');
  /** What a proxy that has signed nothing before makes of the same request. */
  const fresh = (secret: string): string => {
    const other = providerOf(profileOf({ credentials: CREDENTIALS, sign: [AWS] }), credentialsOf({ id: 'i', secret }));
    return signatureOf(benchOf(other, { clock }).auth.forUpstream('https://sqs.example').authorize(outbound()));
  };
  t.is(signatureOf(authorizer.authorize(outbound())), fresh('the first'));
  credentials.set({ id: 'i', secret: 'the second' });
  t.is(signatureOf(authorizer.authorize(outbound())), fresh('the second'));
  await clock.advance(86_400_000);
  t.is(signatureOf(authorizer.authorize(outbound())), fresh('the second'));
});

test('explain says whether a token is signed, and shows it by its name', (t) => {
  const explain = (name: string) => {
    const profile = profileOf({
      credentials: CREDENTIALS,
      token: {
        subject: undefined,
        fetch: callOf(),
        refresh: undefined,
        read: readOf(),
      },
      inject: { headers: { authorization: 'Bearer {{token.access_token}}' } },
      sign: [
        {
          when: {},
          signer: 'http-message-signature',
          components: [{ name, parameter: undefined }],
          key: '{{credentials.secret}}',
          keyId: undefined,
          algorithm: 'hmac-sha256',
          label: 'sig1',
          expiresMs: undefined,
          tag: undefined,
          digest: 'sha-256',
        },
      ],
    });
    const provider = providerOf(profile, credentialsOf({ id: 'i', secret: 's3cret' }), {
      endpoints: { token: 'https://id.example/token' },
    });
    const http = () => Promise.resolve(jsonAnswer({}));
    const { signatures } = benchOf(provider, { http }).auth.forUpstream('https://api.example').explain(outbound());
    return signatures[0];
  };
  const covered = explain('authorization');
  t.true(covered?.coversToken);
  t.true(covered?.text.startsWith('"authorization": Bearer <access_token>\n'));
  t.false(explain('@method')?.coversToken);
});
