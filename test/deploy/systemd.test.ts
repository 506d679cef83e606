import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runProgram, testWith } from '../helpers/programs.ts';
import { KIT, kitFile, problemsOf, renewsAndReplays, secretsIn, someSecrets, startKit, withSecrets } from './kit.ts';

const UNIT = kitFile('systemd/outrider.service');
const CONFIG = kitFile('systemd/proxy.config.yaml');
const settings = (key: string): string[] =>
  [...UNIT.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value as string);

const analyzed = testWith('systemd-analyze');

analyzed('outrider.service is a unit that systemd understands', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-unit-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'outrider.service');
  // It is looked whether the program is there, which is installed where the unit is.
  writeFileSync(file, UNIT.replace(/^ExecStart=outrider /m, `ExecStart=${process.execPath} `));
  const verify = (): Promise<string> => runProgram('systemd-analyze', ['verify', file]);
  t.is(await verify(), '');
  writeFileSync(file, UNIT.replace('ProtectSystem=strict', 'ProtectSystem=stricter'));
  t.regex(
    await verify().catch((error: unknown) => String(error)),
    /protect system value, ignoring: stricter/,
    'positive control',
  );
});

analyzed('outrider.service is exposed to 2.5 of 10 at most', async (t) => {
  const file = join(KIT, 'systemd/outrider.service');
  const said = await runProgram('systemd-analyze', ['security', '--offline=yes', '--threshold=25', '--no-pager', file]);
  t.regex(said, /Overall exposure level for outrider\.service: [0-2]\.\d/);
});

test('outrider.service has the secrets that its config reads, what the image sets, and time to drain', async (t) => {
  const loaded = settings('LoadCredential').map((each) => each.split(':')[0]);
  t.deepEqual(loaded, secretsIn(CONFIG));
  for (const each of ['MALLOC_ARENA_MAX=1', 'NODE_OPTIONS=--max-semi-space-size=16'])
    t.true(
      settings('Environment').some((line) => line.includes(each)),
      each,
    );
  t.deepEqual(settings('TimeoutStopSec'), ['40s']);
  const state = `/var/lib/${settings('StateDirectory')[0]}/`;
  const [, path = ''] = /^ +path: (\/.*)$/m.exec(CONFIG) ?? [];
  t.true(path.startsWith(state), path);
  t.deepEqual(await problemsOf(t, withSecrets(t, CONFIG, someSecrets(secretsIn(CONFIG))), {}), []);
});

test('the config for systemd renews and replays, and is ready', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-state-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const config = withSecrets(t, CONFIG, someSecrets(secretsIn(CONFIG))).replace('/var/lib/outrider', dir);
  const metrics = await renewsAndReplays(t, await startKit(t, config, {}), []);
  t.regex(metrics, /^outrider_store_up\{kind="file"\} 1$/m);
});
