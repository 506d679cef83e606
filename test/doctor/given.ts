import { join } from 'node:path';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { ExecutionContext } from 'ava';
import { run, type RunOptions } from '../commands/run.ts';
import { issueLeaf, makeCa, makeKeys, pemOfKey } from '../../src/tunnel/certificate.ts';

/** One finding as `--json` has it. */
export interface Found {
  readonly provider: string | null;
  /** None: it is about the machine, or a provider without routes. */
  readonly routes: readonly string[];
  readonly check: string;
  readonly result: 'ok' | 'warning' | 'failure';
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
}

export interface Diagnosis {
  readonly ok: boolean;
  readonly failures: number;
  readonly warnings: number;
  readonly duration_ms: number;
  readonly findings: readonly Found[];
}

/** Something wrong, and how it has to be told. */
export interface Told {
  readonly result: 'warning' | 'failure';
  readonly code: string;
  readonly message: RegExp;
  readonly remedy: RegExp;
}

/** Runs `outrider doctor --json`; its exit code must fit what it found, and nothing may be on stderr. */
export async function diagnose(
  t: ExecutionContext,
  file: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Diagnosis> {
  const { code, stdout, stderr } = await run(t, ['doctor', ...args, '--json', '--config', file], options);
  t.is(stderr, '');
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  t.is(code, diagnosis.failures > 0 ? 1 : 0);
  t.is(diagnosis.ok, diagnosis.failures === 0);
  for (const { result, remedy, code: each } of diagnosis.findings) t.is(remedy === undefined, result === 'ok', each);
  return diagnosis;
}

/** What is not well among findings, as `result code`. */
export const troubles = (findings: readonly Found[]): readonly string[] =>
  findings.filter(({ result }) => result !== 'ok').map(({ result, code }) => `${result} ${code}`);

/** Holds that exactly this is wrong, told so. */
export function assertTold(t: ExecutionContext, findings: readonly Found[], told: Told, planted: string): void {
  t.deepEqual(troubles(findings), [`${told.result} ${told.code}`], `${planted}: ${JSON.stringify(findings)}`);
  const found = findings.find(({ code }) => code === told.code);
  t.regex(found?.message ?? '', told.message, planted);
  t.regex(found?.remedy ?? '', told.remedy, planted);
}

/** A directory that is gone after the test. */
export function freshDir(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-doctor-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const DAY_MS = 86_400_000;

/** Certificates by a CA of the test, for a host and days from now on. */
export async function testCa(dir: string) {
  const nowMs = Date.now();
  const ca = await makeCa(['localhost', 'other.test', 'api.provider.test'], {
    nowMs: nowMs - 100 * DAY_MS,
    lifetimeMs: 400 * DAY_MS,
  });
  const file = join(dir, 'root.pem');
  writeFileSync(file, ca.certificate);
  const keys = await makeKeys();
  const key = pemOfKey(keys.privateKey);
  return {
    certificate: ca.certificate,
    /** Has a process trust it. */
    env: { NODE_EXTRA_CA_CERTS: file },
    async issue(host: string, fromDays: number, toDays: number) {
      const validity = { nowMs: nowMs + fromDays * DAY_MS, lifetimeMs: (toDays - fromDays) * DAY_MS };
      return { key, cert: (await issueLeaf(ca, keys, host, validity)).certificate };
    },
  };
}
