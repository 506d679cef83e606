import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { makeCa } from '../../src/tunnel/certificate.ts';
import { createIssuers } from '../../src/tunnel/issuers.ts';
import { tokenYaml } from '../contract/given.ts';
import { fakeClock } from '../helpers/clock.ts';
import { openTunnel } from './client.ts';
import { givenIntercepted } from './intercepted.ts';

const DAY_MS = 24 * 3_600_000;

test('a reload that adds a host makes a new CA, and leaves those who trust the old one their hosts', async (t) => {
  const { upstream, tokens, outrider, ca, state, authority } = await givenIntercepted(t);
  const old = ca();
  const handshake = async (target: string, servername: string, trusted: string) =>
    (await openTunnel(t, outrider.port, target)).secure({ ca: trusted, servername });
  await handshake(authority, 'localhost', old);
  const extra = '  - { name: other, upstream: "https://other.test" }';
  const yaml = `${tokenYaml(`http://localhost:${upstream.port}/v1`, tokens.url, { extra })}
forward: { mode: intercept }\nstate_dir: ${state}`;
  await outrider.reload(yaml);
  const fresh = fs.readFileSync(path.join(state, 'ca.pem'), 'utf8');
  t.not(fresh, old);
  await handshake(authority, 'localhost', old);
  await handshake('other.test:443', 'other.test', fresh);
  await t.throwsAsync(handshake('other.test:443', 'other.test', old));
  await outrider.reload(yaml);
  await handshake(authority, 'localhost', old);
});

test('an authority that ends soon, or that no host needs any more, is not gone on with', async (t) => {
  const clock = fakeClock(Date.now());
  const issuers = createIssuers(clock);
  await t.throwsAsync(issuers.contextFor('a.test'), { message: /no CA/ });
  const make = (hosts: readonly string[], days: number) =>
    makeCa(hosts, { nowMs: clock.now(), lifetimeMs: days * DAY_MS });
  issuers.use(await make(['a.test'], 3), ['a.test']);
  const first = await issuers.contextFor('a.test');
  const next = await make(['a.test', 'b.test'], 300);
  issuers.use(next, ['a.test', 'b.test']);
  t.is(await issuers.contextFor('a.test'), first);
  await clock.advance(0.4 * DAY_MS);
  t.is(await issuers.contextFor('a.test'), first, 'no signature more than before');
  await clock.advance(2 * DAY_MS);
  const second = await issuers.contextFor('a.test');
  t.not(second, first);
  issuers.use(next, ['a.test', 'b.test']);
  t.is(await issuers.contextFor('a.test'), second);
});
