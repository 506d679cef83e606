import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { print, table } from './report.ts';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const ROOT = join(import.meta.dirname, '../..');

function placeOf(url: string, line: number): string {
  if (url === '') return '';
  return `${url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url}:${line + 1}`;
}

/** Where the time of the `.cpuprofile` in `dir` went: functions by their own time, idle time left out. */
export function printHotSpots(dir: string, lines = 40): void {
  const file = readdirSync(dir).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no profile was written to ${dir}`);
  const profile = JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const own = new Map<string, number>();
  let total = 0;
  for (const [i, id] of profile.samples.entries()) {
    const frame = nodes.get(id);
    if (!frame || frame.functionName === '(idle)') continue;
    const us = profile.timeDeltas[i] as number;
    const key = `${frame.functionName || '(anonymous)'}\t${placeOf(frame.url, frame.lineNumber)}`;
    own.set(key, (own.get(key) ?? 0) + us);
    total += us;
  }
  const top = [...own].toSorted((a, b) => b[1] - a[1]).slice(0, lines);
  print(table(top.map(([key, us]) => [key.replace('\t', '  '), `${((us / total) * 100).toFixed(1)} %`])));
}
