import test from 'ava';
import type { VerifySpec } from '../../src/config/profile/profile.ts';
import { createVerifier, type Callback } from '../../src/auth/verify/verifier.ts';
import { fakeClock } from '../helpers/clock.ts';
import { hmacSha256 } from '../callbacks/given.ts';
import { credentialsOf, profileOf, providerOf } from './helpers.ts';

const SIGNED_BODY: VerifySpec = {
  when: {},
  unwrap: undefined,
  parts: undefined,
  text: '{{request.body}}',
  algorithm: 'hmac-sha256',
  key: '{{credentials.secret}}',
  form: 'raw',
  encode: 'hex',
  equals: [{ place: 'header', name: 'x-signature', value: '{{signature}}' }],
  timestamp: undefined,
  id: undefined,
  require: [],
  separator: undefined,
};

const signedWith = (secret: string): Callback => ({
  method: 'POST',
  target: '/hook',
  headers: ['X-Signature', hmacSha256(secret, '{}').toString('hex')],
  body: Buffer.from('{}'),
});

test('a signature under an empty secret proves nothing, also one that became empty while it runs', (t) => {
  const credentials = credentialsOf({ secret: 'of-the-hook' });
  const profile = {
    ...profileOf({ credentials: { secret: { secret: true, empty: true } } }),
    verify: [SIGNED_BODY],
  };
  const verifier = createVerifier(providerOf(profile, credentials), {}, fakeClock());
  const verify = (name: string, callback: Callback) => verifier.verify(name, callback);
  t.is(verify('hook', signedWith('of-the-hook')).outcome, 'verified');
  t.is(verify('hook', signedWith('')).outcome, 'rejected');
  credentials.set({ secret: '' });
  t.is(verify('hook', signedWith('')).outcome, 'rejected');
  t.is(verify('hook', signedWith('of-the-hook')).outcome, 'rejected');
  credentials.set({ secret: 'the-newer-one' });
  t.is(verify('hook', signedWith('the-newer-one')).outcome, 'verified');
});
