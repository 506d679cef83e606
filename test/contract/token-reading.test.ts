import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider, type Outrider } from '../helpers/outrider.ts';
import { startTokenEndpoint, type TokenScript } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { givenTokens, tokenYaml } from './given.ts';

interface Warning {
  readonly level: string;
  readonly message: string;
  readonly provider?: string;
  readonly code?: string;
}

const warnings = (outrider: Outrider): Warning[] =>
  outrider
    .logText()
    .split('\n')
    .filter((line) => line.includes('_expiry"'))
    .map((line) => JSON.parse(line) as Warning);

/** A profile with these lines under `token`, in place of the usual ones. */
const withRead = (yaml: string, read: string): string =>
  yaml.replace(/ {6}read:\n(?: {8}.*\n)+/, `      read: ${read}\n`);

async function given(
  t: Parameters<typeof startUpstream>[0],
  read: string,
  script: TokenScript,
  change = (yaml: string) => yaml,
) {
  const clock = fakeClock();
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t, script);
  const yaml = change(withRead(tokenYaml(upstream.origin, tokens.url), read));
  const outrider = await startOutrider(t, yaml, { clock });
  return { clock, upstream, tokens, outrider, yaml };
}

test('an API that wants `Bearer` gets it, however the token endpoint spells the type', async (t) => {
  const script: TokenScript = ({ n }) => ({
    body: { access_token: `token-${n}`, token_type: 'bearer', expires_in: 60 },
  });
  const { outrider, upstream } = await givenTokens(t, { script });
  upstream.handler = (arrival) =>
    arrival.reply(/^Bearer token-\d+$/.test(arrival.header('authorization') ?? '') ? 200 : 401);
  t.is((await outrider.call('/api/x')).status, 200);
});

test('a form-encoded answer is a token with its lifetime', async (t) => {
  const form = ({ n }: { n: number }) => ({
    headers: { 'content-type': 'text/plain' },
    body: `access_token=token-${n}&expires_in=100`,
  });
  const { outrider, upstream, tokens, clock } = await given(t, '{ format: form }', form);
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(upstream.requests[0]?.header('authorization'), 'Bearer token-1');
  await clock.advance(101_000);
  await outrider.call('/api/x');
  t.is(tokens.calls.length, 2);
});

test('a text is a token, and its own claim says how long it lives', async (t) => {
  const claims = Buffer.from('{"iat":1000,"exp":1100}').toString('base64url');
  const script: TokenScript = ({ n }) => ({ headers: { 'content-type': 'text/plain' }, body: `h${n}.${claims}.s\n` });
  const read = '{ format: text, expiry: [{ jwt: /exp, since: /iat }] }';
  const { outrider, upstream, tokens, clock } = await given(t, read, script);
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(upstream.requests[0]?.header('authorization'), `Bearer h1.${claims}.s`);
  await clock.advance(101_000);
  await outrider.call('/api/x');
  t.is(tokens.calls.length, 2);
  t.deepEqual(warnings(outrider), []);
});

test('an RFC 3339 moment is corrected by the Date of the answer', async (t) => {
  const script: TokenScript = ({ n }) => ({
    headers: { date: 'Tue, 01 Dec 2026 00:00:00 GMT' },
    body: { access_token: `token-${n}`, expires: '2026-12-01T05:31:40+05:30' },
  });
  const { outrider, tokens, clock } = await given(t, '{ expiry: [{ at: /expires, unit: iso }] }', script);
  await outrider.call('/api/x');
  await clock.advance(99_000);
  await outrider.call('/api/x');
  t.true(tokens.calls.length <= 2);
  await clock.advance(2_000);
  t.is((await outrider.call('/api/x')).status, 200);
  t.deepEqual(warnings(outrider), []);
});

const ODD: TokenScript = ({ n }) => ({
  body: { access_token: `token-${n}`, expires_at: `2026-12-0${n}T00:00:00Z`, expires_in: 3_600_000 },
});
const SOURCES = '{ expiry: [{ at: /expires_at, unit: s }, { in: /expires_in, unit: s }] }';

test('an expiry that can not be read, or is not to be believed, is one warning each: per provider and config, without its value', async (t) => {
  const { outrider, tokens, upstream, clock, yaml } = await given(t, SOURCES, ODD);
  upstream.handler = (arrival) => arrival.reply(401);
  for (let i = 0; i < 3; i++) {
    await outrider.call('/api/x');
    await clock.advance(10_000);
  }
  t.true(tokens.calls.length >= 3);
  t.deepEqual(
    new Set(warnings(outrider).map(({ code }) => code)),
    new Set(['implausible_expiry', 'unreadable_expiry']),
  );
  t.is(warnings(outrider).length, 2);
  for (const { level, provider } of warnings(outrider)) t.deepEqual([level, provider], ['warn', 'demo']);
  t.regex(JSON.stringify(warnings(outrider)), /\/expires_at of the token answer/);
  t.false(outrider.logText().includes('2026-12-0'));

  await outrider.reload(yaml.replace('path: /api', 'path: /other'));
  await outrider.call('/other/x');
  await clock.advance(10_000);
  t.is(warnings(outrider).length, 2, 'the provider did not change');
  await outrider.reload(yaml.replace('cooldown: 5s', 'cooldown: 4s'));
  await outrider.call('/api/x');
  t.is(warnings(outrider).length, 4, 'it is another one now');
});

test('they are not told again for each user', async (t) => {
  const { outrider, tokens } = await given(t, SOURCES, ODD, (yaml) =>
    yaml.replace('token:\n      fetch:', 'token:\n      subject: "{{request.headers.x-user}}"\n      fetch:'),
  );
  for (const user of ['a', 'b', 'c']) await outrider.call('/api/x', { headers: ['X-User', user] });
  t.is(tokens.calls.length, 3);
  t.is(warnings(outrider).length, 2);
});

test('a token call says who sends it', async (t) => {
  const { outrider, tokens } = await givenTokens(t);
  await outrider.call('/api/x', { headers: ['User-Agent', 'theirs'] });
  t.regex(tokens.calls[0]?.headers['user-agent'] ?? '', /^outrider\/\d+\.\d+\.\d+/);
});
