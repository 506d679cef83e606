import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { givenTokens, tokenYaml } from './given.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

test('reload: one that fails when all was read already (no CA can be made) changes nothing, the secrets neither', async (t) => {
  const dir = temporaryDirectory(t);
  const file = path.join(dir, 'no-directory');
  fs.writeFileSync(file, '');
  // As it is from the start: a new `state_dir` waits for a restart.
  const extra = `state_dir: ${file}/below`;
  const { outrider, upstream, tokens, clock, warm } = await givenTokens(t, { extra });
  await warm();
  const next = tokenYaml(`${upstream.origin}/new`, tokens.url, {
    extra: `forward: { mode: intercept }\n${extra}`,
  }).replace('my-secret-of-the-demo', 'another-secret-of-the-demo');
  await t.throwsAsync(outrider.reload(next));
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(upstream.requests.at(-1)?.target, '/x');
  await clock.advance(3_600_000);
  t.is((await outrider.call('/api/x')).status, 200);
  t.true(tokens.calls.length > 1);
  t.deepEqual([...new Set(tokens.calls.map(({ form }) => form.get('client_secret')))], ['my-secret-of-the-demo']);
  await outrider.reload(next.replace('mode: intercept', 'mode: none'));
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(upstream.requests.at(-1)?.target, '/new/x');
});
