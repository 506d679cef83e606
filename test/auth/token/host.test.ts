import test from 'ava';
import { hostOf } from '../../../src/auth/token/failure.ts';
import { until } from '../../helpers/http1.ts';
import { credentialsOf, callOf, profileOf, providerOf, benchOf, outbound } from '../helpers.ts';
import { OAUTH, tokenOf } from './flow.ts';

for (const [url, host] of [
  ['https://accounts.example.com/oauth/token?client_secret=x', 'accounts.example.com'],
  ['https://Accounts.Example.com:443/', 'accounts.example.com'],
  ['http://accounts.example.com:80?x', 'accounts.example.com'],
  ['https://accounts.example.com:8443#x', 'accounts.example.com:8443'],
  ['http://accounts.example.com:443/', 'accounts.example.com:443'],
  ['https://[::1]:8443/oauth', '[::1]:8443'],
  ['https://me:secret@accounts.example.com/', 'accounts.example.com'],
  ['https://me:se@cret@accounts.example.com/', 'accounts.example.com'],
  ['https://<tenant>.example.com/token', '<tenant>.example.com'],
  ['', 'the token endpoint'],
  ['nonsense', 'the token endpoint'],
] as const) {
  test(`of ${url === '' ? 'no URL' : url} a person sees ${host}`, (t) => t.is(hostOf(url), host));
}

test('a secret in the name of the host stands as its name', async (t) => {
  const token = tokenOf({ fetch: callOf({ url: 'https://{{credentials.client_secret}}.id.example/token' }) });
  const credentials = credentialsOf({ client_id: 'me', client_secret: 'hunter-two' });
  const { auth, notices } = benchOf(providerOf(profileOf({ ...OAUTH, token }), credentials), {
    http: () => Promise.resolve({ status: 503, headers: [], body: new Uint8Array(0) }),
  });
  const error = await t.throwsAsync(async () => auth.forUpstream('https://api.example').authorize(outbound()));
  t.is(error?.message, 'token_unavailable: <client_secret>.id.example failed (status 503)');
  await until('the notice', () => notices.length === 1);
  t.false(JSON.stringify(notices).includes('hunter-two'));
});
