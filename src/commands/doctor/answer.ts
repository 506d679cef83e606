import { dateOf } from '../../auth/token/failure.ts';
import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import type { RawHeaders } from '../../core/headers.ts';
import type { HttpClient } from '../../core/http.ts';
import { VERSION } from '../../core/version.ts';
import { span } from '../span.ts';
import { faultFinding } from './fault.ts';
import { ok, warning, type Finding } from './finding.ts';
import type { Target } from './target.ts';

/** Clocks that differ by more are worth a word. */
const SKEW_MS = 60_000;
/** `Date` has whole seconds (RFC 9110 §5.6.7). */
const HALF_SECOND_MS = 500;

/** Compares our clock with that of an answer's `Date`; nothing where there is none. */
export function checkClock(host: string, headers: RawHeaders, arrivedAtMs: number): readonly Finding[] {
  const date = dateOf(headers);
  if (date === undefined) return [];
  const aheadMs = arrivedAtMs - (date + HALF_SECOND_MS);
  if (Math.abs(aheadMs) < SKEW_MS) return [ok('clock', 'clock_ok', `agrees with that of ${host}`)];
  const where = aheadMs > 0 ? 'ahead of' : 'behind';
  const message = `the clock of this machine is ${span(Math.abs(aheadMs))} ${where} that of ${host}`;
  const remedy = 'have NTP set it (`timedatectl set-ntp true`), unless it is the other one that is wrong';
  return [warning('clock', { code: 'clock_skew', message, remedy })];
}

/** Sends a HEAD request without a credential to an origin. Checks that HTTP is answered there, and reads the server's clock. */
export async function checkAnswer(
  target: Target,
  http: HttpClient,
  clock: Clock,
  timeoutMs: number,
): Promise<readonly Finding[]> {
  const startedAt = clock.monotonic();
  try {
    const headers = ['accept', '*/*', 'user-agent', `outrider/${VERSION}`];
    const call = {
      method: 'HEAD',
      url: `${target.origin}/`,
      tls: target.tls,
      headers,
      body: null,
      timeoutMs,
      maxBytes: 0,
    };
    const answer = await http(call);
    const durationMs = clock.monotonic() - startedAt;
    const message = `${target.host} answers (HEAD / without a credential: status ${answer.status})`;
    return [ok('answer', 'answer_ok', message, durationMs), ...checkClock(target.host, answer.headers, clock.now())];
  } catch (error) {
    if (error instanceof OutriderError) return [faultFinding('answer', error, target, timeoutMs)];
    throw error;
  }
}
