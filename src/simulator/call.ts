import type { IncomingMessage, ServerResponse } from 'node:http';
import { headerValues } from '../core/headers.ts';
import { countAnswer, countArrival, dueFailure } from './instance.ts';
import type { Instance } from './instance.ts';
import { isRefreshCall } from './oauth.ts';
import type { SimulatorAnswer, Role } from './types.ts';

/** Where a call goes, below the provider's mount. */
export interface Target {
  /** The path below the mount, as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Waits for `ms`. False: the caller closed the connection before. */
function delayed({ clock }: Instance, ms: number, response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(true));
    response.once('close', () => {
      timer.cancel();
      resolve(false);
    });
  });
}

function handle(provider: Instance, request: IncomingMessage, { path, query }: Target, body: Buffer): SimulatorAnswer {
  const { kind, route } = provider;
  const method = request.method ?? '';
  const match = route(method, path);
  if ('lost' in match) {
    const headers = match.lost === 405 ? { allow: match.allow } : {};
    return { status: match.lost, body: kind.lost(match.lost), headers };
  }
  const header = (name: string): string | undefined => {
    const values = headerValues(request.rawHeaders, name);
    return values.length > 0 ? values.join(', ') : undefined;
  };
  return match.endpoint.answer({ provider, method, path, query, params: match.params, body, header });
}

/**
 * Answers one call to a provider. The call is counted, delayed and made to fail as the knobs say, and then handled. Undefined:
 * the caller went away during the delay, so the call is not handled; it spends no refresh token and places no order.
 */
export async function answerCall(
  instance: Instance,
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
  body: Buffer,
): Promise<SimulatorAnswer | undefined> {
  const { counts, kind, knobs } = instance;
  const role: Role = target.path === kind.token ? 'token' : 'api';
  const leave = countArrival(instance, role, isRefreshCall(body));
  try {
    const delayMs = knobs.delayMs[role];
    if (delayMs > 0 && !(await delayed(instance, delayMs, response))) return undefined;
    const failure = dueFailure(instance, role);
    if (failure) {
      counts[role].failed += 1;
      return failure;
    }
    const answer = handle(instance, request, target, body);
    countAnswer(instance, role, answer);
    return answer;
  } finally {
    leave();
  }
}
