/** How much a finding matters: a failure keeps something from working, a warning doesn't yet. */
export type Result = 'ok' | 'warning' | 'failure';

/** One thing that was looked at. Its texts hold no secrets. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly result: Result;
  /** Stable. */
  readonly code: string;
  readonly message: string;
  /** What to do; there is one wherever the result is not ok. */
  readonly remedy?: string;
  readonly durationMs?: number;
}

/** Findings that belong together. */
export interface Group {
  readonly title: string;
  /** Behind the title. */
  readonly note: string;
  /** Undefined: the findings are about no provider. */
  readonly provider: string | undefined;
  /** The routes that the findings are about. */
  readonly routes: readonly string[];
  readonly findings: readonly Finding[];
}

/** Something is as it should be. */
export const ok = (check: string, code: string, message: string, durationMs?: number): Finding => ({
  check,
  result: 'ok',
  code,
  message,
  ...(durationMs !== undefined && { durationMs }),
});

/** What is wrong, and its remedy. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** Something may go wrong. */
export const warning = (check: string, trouble: Trouble): Finding => ({ check, result: 'warning', ...trouble });

/** Something does not work. */
export const failure = (check: string, trouble: Trouble): Finding => ({ check, result: 'failure', ...trouble });
