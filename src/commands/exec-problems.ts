import type { Clock } from '../core/clock.ts';
import type { Events, ProblemRecord } from '../core/events.ts';
import { oneLine } from '../observe/line.ts';

/** How long problems of one code are told and counted together. */
const WHILE_MS = 10_000;
/** A program that fails at a thousand different URLs fails for one reason. */
const MAX_LINES = 5;
const MAX_TARGET = 300;

const withoutFinalDot = (text: string): string => text.replace(/\.$/, '');
const uncapitalized = (text: string): string => text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

/** A target without its query and the user's name and password, which may be secrets. */
function shown(target: string): string {
  const open = target.replace(/[?#][^]*$/, '').replace(/^([a-z]+:\/\/)?[^/]*@/i, '$1');
  return open.length > MAX_TARGET ? `${open.slice(0, MAX_TARGET)}…` : open;
}

/** An answer of Outrider's own as one line: status, code, request, cause, and what helps. */
export function problemLine({ method, target, error }: ProblemRecord): string {
  const { status, code, detail, outcome } = error;
  const said = [String(status), code, method, shown(target)].filter((word) => word !== '').join(' ');
  // What has its own name in the answer is all on this line.
  const remedy = withoutFinalDot(uncapitalized(error.remedy)).replaceAll('`detail`', 'this line');
  const fate = outcome === 'unknown' ? ' (outcome: unknown)' : '';
  return oneLine(`outrider: ${said}: ${withoutFinalDot(detail)}; ${remedy}${fate}`);
}

/**
 * Tells of every error with which Outrider itself answers. The same line comes once in a while, and of one code a few different ones;
 * what was left out is told as a number, at the end of that time or of the run.
 * @param tell Gets each line, without a break at its end; secrets are still in it.
 */
export function tellProblems(events: Events, clock: Clock, tell: (line: string) => void): { end(): void } {
  const open = new Map<string, { end(): void; add(line: string): void }>();
  const begin = ({ error: { status, code } }: ProblemRecord) => {
    const lines = new Set<string>();
    let more = 0;
    const end = (): void => {
      timer.cancel();
      open.delete(code);
      if (more > 0) tell(`outrider: ${status} ${code}: ${more} more like ${lines.size === 1 ? 'this' : 'these'}`);
    };
    const timer = clock.after(WHILE_MS, end);
    return {
      end,
      add(line: string) {
        if (lines.has(line) || lines.size === MAX_LINES) {
          more++;
          return;
        }
        lines.add(line);
        tell(line);
      },
    };
  };
  const listener = (problem: ProblemRecord): void => {
    const { code } = problem.error;
    const kind = open.get(code) ?? begin(problem);
    open.set(code, kind);
    kind.add(problemLine(problem));
  };
  events.on('problem', listener);
  return {
    end() {
      events.off('problem', listener);
      for (const kind of open.values()) kind.end();
    },
  };
}
