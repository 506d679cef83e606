import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { run, startProxy } from '../commands/run.ts';
import { httpCall } from '../helpers/outrider.ts';

export const KIT = join(import.meta.dirname, '../../config/deploy');
export const kitFile = (name: string): string => readFileSync(join(KIT, name), 'utf8');

/** Where the configs of the kit look for secrets. */
const SECRETS = /\/run\/(?:secrets\/outrider|credentials\/outrider\.service)\b/g;

/** The secrets that a config of the kit reads, by the names of their files. */
export const secretsIn = (config: string): string[] =>
  [...config.matchAll(/\$\{file:\/run\/(?:secrets\/outrider|credentials\/outrider\.service)\/(\w+)\}/g)].map(
    ([, name]) => name as string,
  );

export type Secrets = Readonly<Record<string, string>>;

/** A good value for each secret of the kit: a key of 32 bytes for the store, else a text. */
export const someSecrets = (names: readonly string[]): Secrets =>
  Object.fromEntries(names.map((name) => [name, randomBytes(32).toString(name === 'store_key' ? 'base64' : 'hex')]));

/** A config of the kit as it is, but for what a test can't have: its secrets lie in a directory of the test. */
export function withSecrets(t: ExecutionContext, config: string, secrets: Secrets): string {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-kit-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, value] of Object.entries(secrets)) writeFileSync(join(dir, name), `${value}\n`);
  return config.replaceAll(SECRETS, dir);
}

/** Runs it on free ports, with the simulator in the provider's place; `redis` is where Redis is. */
export async function startKit(
  t: ExecutionContext,
  config: string,
  env: Readonly<Record<string, string>>,
  redis = '',
): Promise<Awaited<ReturnType<typeof startProxy>>> {
  const yaml = config
    .replace(/^( +address: [\d.]+):\d+/gm, '$1:0')
    .replace('outrider-redis:6379', redis)
    .concat('\n');
  return startProxy(t, yaml, [], { env: { ...env, PHONEPE_ENV: 'simulator' } });
}

const TARGET = '/phonepe/checkout/v2/order/order-1/status';

/** What a program of the kit's user does, and what the simulator makes of it: a request is answered, its token revoked, and the next one too. Resolves with the metrics. */
export async function renewsAndReplays(
  t: ExecutionContext,
  proxy: Awaited<ReturnType<typeof startProxy>>,
  headers: readonly string[],
): Promise<string> {
  const here = proxy.origin.replace('0.0.0.0', '127.0.0.1');
  const said = (name: string): string =>
    new RegExp(`^ *${name} +(?:curl -X POST )?(http\\S+)`, 'm').exec(proxy.stdout())?.[1] ?? '';
  // As the kubelet does: by an address that no config names.
  const admin = said('admin').replace('0.0.0.0', '127.0.0.2');
  t.is((await httpCall(admin, '/readyz')).status, 200);
  const answered = async (): Promise<void> => {
    const { status, text } = await httpCall(here, TARGET, { headers });
    t.is(status, 404, text);
    // The simulator's own word, which it has for those who are let in alone.
    t.regex(text, /INVALID_MERCHANT_ORDER_ID/);
  };
  await answered();
  const control = said('control');
  t.is((await httpCall(new URL(control).origin, '/_control/revoke', { method: 'POST' })).status, 200);
  await answered();
  const { text: metrics } = await httpCall(admin, '/metrics');
  t.regex(metrics, /^outrider_replays_total\{route="phonepe",status="401",outcome="ok"\} 1$/m);
  return metrics;
}

/** The codes of what `check` finds. */
export async function problemsOf(
  t: ExecutionContext,
  config: string,
  env: Readonly<Record<string, string>>,
): Promise<string[]> {
  const file = join(mkdtempSync(join(tmpdir(), 'outrider-kit-')), 'proxy.config.yaml');
  t.teardown(() => rmSync(join(file, '..'), { recursive: true, force: true }));
  writeFileSync(file, config);
  const { stdout, stderr } = await run(t, ['check', '--config', file], { env });
  return [...`${stdout}${stderr}`.matchAll(/^(?:error|warning)\[(\w+)\]/gm)].map(([, code]) => code as string);
}
