import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Trail, type TrailReports } from '../../src/observe/audit/trail.ts';
import { verifyTrail, type Broken, type VerifyOptions, type Whole } from '../../src/observe/audit/verify.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

/** One line of a trail. */
export interface TrailLine {
  readonly seq: number;
  readonly time: string;
  readonly event: string;
  readonly prev: string;
  readonly [name: string]: unknown;
}

/** The lines of a trail, with line breaks only between them. */
export const linesOf = (path: string): readonly string[] => readFileSync(path, 'utf8').trimEnd().split('\n');

export const readTrail = (path: string): readonly TrailLine[] =>
  linesOf(path).map((line) => JSON.parse(line) as TrailLine);

export const eventsOf = (path: string, event: string): readonly TrailLine[] =>
  readTrail(path).filter((line) => line.event === event);

export const newKey = (): KeyObject => createSecretKey(randomBytes(32));

/** The path of a trail that is not there yet, in a directory of the test's own. */
export const trailPath = (t: Pick<ExecutionContext, 'teardown'>): string => join(temporaryDirectory(t), 'audit.jsonl');

/** Opens a trail, and notes what it reports. */
export function openTrail(path: string, key?: KeyObject): { readonly trail: Trail; readonly said: string[] } {
  const said: string[] = [];
  const reports: TrailReports = {
    lost: (why) => said.push(`lost ${why}`),
    mended: (lines) => said.push(`mended ${lines}`),
    torn: () => said.push('torn'),
    begun: () => said.push('begun'),
    notBegun: (error) => said.push(`not begun: ${String(error)}`),
    notSynced: () => said.push('not synced'),
  };
  return { trail: new Trail({ path, key, time: () => '2026-01-01T00:00:00.000Z', reports }), said };
}

/** Makes a trail of `count` lines, and returns its file. */
export async function makeTrail(path: string, count: number, key?: KeyObject): Promise<Buffer> {
  const { trail } = openTrail(path, key);
  for (let i = 2; i <= count; i++) trail.append('request', { request_id: `r-${i}`, path: '/pay/ü', status: 200 });
  await trail.close();
  return readFileSync(path);
}

/** Verifies a text that comes in pieces of that size. */
export function verify(bytes: Buffer, options: VerifyOptions = {}, pieceBytes = 100): Promise<Whole | Broken> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  return verifyTrail(pieces(), options);
}
