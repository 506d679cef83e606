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

/** The file that a frame lies in: below the checkout, or as V8 names its own. */
function fileOf(url: string): string {
  if (url === '') return '(native)';
  return url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url;
}

function printShares(title: string, own: ReadonlyMap<string, number>, lines: number): void {
  const total = [...own.values()].reduce((sum, us) => sum + us, 0);
  const top = [...own].toSorted((a, b) => b[1] - a[1]).slice(0, lines);
  print(table([[title, ''], ...top.map(([name, us]) => [name, `${((us / total) * 100).toFixed(1)} %`])]));
  print();
}

/** Where the time of the `.cpuprofile` in `dir` went, by function and by file: their own time, idle time left out. */
export function printHotSpots(dir: string): void {
  const file = readdirSync(dir).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no profile was written to ${dir}`);
  const profile = JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile;
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const byFunction = new Map<string, number>();
  const byFile = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, us: number): void => void map.set(key, (map.get(key) ?? 0) + us);
  for (const [i, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    if (!frame || frame.functionName === '(idle)') continue;
    const us = profile.timeDeltas[i] as number;
    const name = frame.functionName || '(anonymous)';
    add(byFunction, frame.url === '' ? name : `${name}  ${fileOf(frame.url)}:${frame.lineNumber + 1}`, us);
    add(byFile, frame.url === '' && name.startsWith('(') ? name : fileOf(frame.url), us);
  }
  printShares('by file', byFile, 25);
  printShares('by function', byFunction, 40);
}
