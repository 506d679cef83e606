import { createHash } from 'node:crypto';
import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { assertProblem } from '../helpers/problem.ts';
import { as, caller, givenCallers, tokenOf } from './given.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const header = (...values: readonly string[]): readonly string[] =>
  values.flatMap((value) => ['X-Outrider-Token', value]);
const basic = (password: string): string => `Basic ${Buffer.from(`any:${password}`).toString('base64')}`;

test('a caller is known by its token, one of its tokens, or the digest of one', async (t) => {
  const { outrider, upstream } = await givenCallers(t, [
    caller('plain'),
    '  - { name: rotating, tokens: [the-new-token, the-old-token], routes: [a] }',
    `  - { name: digest, token: "sha256:${sha256('the-digested-token')}", routes: [a] }`,
  ]);
  const ways = [
    [as('plain'), 'plain'],
    [['Proxy-Authorization', `Bearer ${tokenOf('plain')}`], 'plain'],
    [['Proxy-Authorization', basic(tokenOf('plain'))], 'plain'],
    [header('the-new-token'), 'rotating'],
    [header('the-old-token'), 'rotating'],
    [header('the-new-token', 'the-old-token'), 'rotating'],
    [header('the-digested-token'), 'digest'],
  ] as const;
  for (const [headers, name] of ways) {
    const answer = await outrider.call('/a/x', { headers });
    t.is(answer.status, 200, `${name}: ${answer.text}`);
    t.is((await outrider.logged(upstream.requests.length)).at(-1)?.caller, name);
  }
  for (const { head } of upstream.requests) t.notRegex(head, /x-outrider-token|proxy-authorization/i);
});

test('a stranger gets client_unauthenticated, and nothing is dialled', async (t) => {
  const digest = `sha256:${sha256('the-digested-token')}`;
  const { outrider, upstream } = await givenCallers(t, [
    caller('one'),
    caller('two'),
    `  - { name: digest, token: "${digest}", routes: "*" }`,
  ]);
  const strangers: readonly (readonly string[])[] = [
    [],
    header(`${tokenOf('one')}x`),
    header(digest),
    header(digest.slice('sha256:'.length)),
    header(tokenOf('one'), tokenOf('two')),
    header(tokenOf('one'), 'another'),
    ['Authorization', `Bearer ${tokenOf('one')}`],
    ['Proxy-Authorization', `Bearer ${tokenOf('one')}`, ...as('two')],
  ];
  for (const headers of strangers) {
    const answer = await outrider.call('/a/x', { headers });
    assertProblem(t, answer, { status: 401, code: 'client_unauthenticated' });
    t.not(answer.header('www-authenticate') ?? '', '');
  }
  t.is(upstream.connections, 0);
});

test('a caller is nobody from the moment of its expiry on', async (t) => {
  const clock = fakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const { outrider } = await givenCallers(t, [caller('guest', 'routes: [a], expires: 2026-01-01T00:01:00Z')], {
    clock,
  });
  t.is((await outrider.call('/a/x', { headers: as('guest') })).status, 200);
  await clock.advance(59_999);
  t.is((await outrider.call('/a/x', { headers: as('guest') })).status, 200);
  await clock.advance(1);
  const answer = await outrider.call('/a/x', { headers: as('guest') });
  assertProblem(t, answer, { status: 401, code: 'client_unauthenticated', detail: /expired/ });
});
