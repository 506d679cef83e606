import { parseDuration } from '../core/units.ts';
import type { Instance } from './instance.ts';
import type { MaybePromise } from '../core/http.ts';
import type { Role, SimulatedCallback, SimulatorAnswer } from './types.ts';

type Parameters = ReadonlyMap<string, string>;
type Parsed<T> = { readonly value: T } | { readonly wrong: string };

/** One path below `/_control`. */
interface Control {
  readonly method: 'GET' | 'POST';
  readonly summary: string;
  /** Name → description. Every control takes `provider` too. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Reads the parameters and gives the action to apply to each provider; `wrong` says which parameter can't be read. */
  readonly read: (parameters: Parameters) => Parsed<(instance: Instance) => MaybePromise<object>>;
}

const TIME = {
  ms: 'a whole number of milliseconds',
  seconds: 'a whole number of seconds',
  value: 'a duration: 250ms, 5s, 2m, 1h',
};
const TARGET = { target: 'token (the default) or api' };
const FAILURE = {
  status: '400 to 599 (503 by default); 0: no longer',
  count: 'how many calls, 1 or more; by default all, until status=0',
  retry_after: 'the Retry-After header to send along: seconds or an HTTP date',
};

function readWhole(text: string | undefined, unit: number): number | undefined {
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined;
  return Number(text) * unit;
}

/** The given time in milliseconds; undefined when none is given. */
function readTime(parameters: Parameters): Parsed<number | undefined> {
  const given = Object.keys(TIME).filter((name) => parameters.has(name));
  if (given.length === 0) return { value: undefined };
  if (given.length > 1) return { wrong: 'only one of ms, seconds and value may be given' };
  const value =
    readWhole(parameters.get('ms'), 1) ??
    readWhole(parameters.get('seconds'), 1000) ??
    parseDuration(parameters.get('value') ?? '');
  return value === undefined ? { wrong: `${given[0]} must be ${TIME[given[0] as keyof typeof TIME]}` } : { value };
}

const readTarget = (parameters: Parameters): Role | undefined =>
  ([undefined, 'token', 'api'] as const).includes(parameters.get('target') as Role)
    ? ((parameters.get('target') as Role | undefined) ?? 'token')
    : undefined;
const wrongTarget = { wrong: `target must be ${TARGET.target}` };

const revoke: Control = {
  method: 'POST',
  summary: 'revokes every access token that has been issued',
  parameters: { refresh: 'true: revokes the refresh tokens too (pincode)' },
  read(parameters) {
    const refresh = parameters.get('refresh') ?? 'false';
    if (!['true', 'false'].includes(refresh)) return { wrong: 'refresh must be true or false' };
    return { value: ({ tokens }) => ({ revoked: tokens.revokeAll(refresh === 'true') }) };
  },
};

const lifetime: Control = {
  method: 'POST',
  summary: 'sets the lifetime of tokens issued from now on; with no time: as at the start',
  parameters: TIME,
  read(parameters) {
    const time = readTime(parameters);
    if ('wrong' in time) return time;
    return {
      value: ({ knobs }) => {
        knobs.lifetimeMs = time.value ?? knobs.initialLifetimeMs;
        return { lifetime_ms: knobs.lifetimeMs };
      },
    };
  },
};

const delay: Control = {
  method: 'POST',
  summary: 'answers that much later from now on; 0, or no time: at once again',
  parameters: { ...TIME, ...TARGET },
  read(parameters) {
    const time = readTime(parameters);
    const target = readTarget(parameters);
    if ('wrong' in time) return time;
    if (!target) return wrongTarget;
    return {
      value: ({ knobs }) => {
        knobs.delayMs[target] = time.value ?? 0;
        return { target, delay_ms: knobs.delayMs[target] };
      },
    };
  },
};

const fail: Control = {
  method: 'POST',
  summary: 'answers with a failure instead of looking at the call',
  parameters: { ...FAILURE, ...TARGET },
  read(parameters) {
    const status = readWhole(parameters.get('status') ?? '503', 1);
    const count = parameters.has('count') ? readWhole(parameters.get('count'), 1) : Infinity;
    const retryAfter = parameters.get('retry_after');
    const target = readTarget(parameters);
    if (status === undefined || (status !== 0 && (status < 400 || status > 599)))
      return { wrong: `status must be ${FAILURE.status}` };
    if (!count) return { wrong: `count must be ${FAILURE.count}` };
    if (retryAfter !== undefined && !/^[\w ,:+-]{1,40}$/.test(retryAfter))
      return { wrong: `retry_after must be ${FAILURE.retry_after}` };
    if (!target) return wrongTarget;
    return {
      value: ({ knobs }) => {
        knobs.failure[target] = status === 0 ? undefined : { status, retryAfter, left: count };
        return { target, status, count: Number.isFinite(count) ? count : null };
      },
    };
  },
};

const calls: Control = {
  method: 'GET',
  summary: 'counts the calls that came and what became of them',
  parameters: {},
  read: () => ({ value: ({ kindName, counts }) => ({ kind: kindName, ...counts }) }),
};

const CALLBACK = {
  to: 'where it goes: an http or https URL of this machine',
  order: "the merchant's id of the order; by default the newest",
  outcome: 'success (the default) or failure',
};
/** How long the answer to a callback may take. */
const CALLBACK_MS = 30_000;

async function sendCallback({ order, headers, body }: SimulatedCallback, to: string): Promise<object> {
  try {
    const signal = AbortSignal.timeout(CALLBACK_MS);
    const answer = await fetch(to, { method: 'POST', headers, body, redirect: 'manual', signal });
    return { order, status: answer.status, answer: (await answer.text()).slice(0, 1_000) };
  } catch (error) {
    const { cause = error } = error as Error;
    return { order, status: 0, error: (cause as NodeJS.ErrnoException).code ?? 'no answer' };
  }
}

const callback: Control = {
  method: 'POST',
  summary: 'sends the callback about an order, signed as the provider signs it, and shows what is answered',
  parameters: CALLBACK,
  read(parameters) {
    const to = parameters.get('to') ?? '';
    const outcome = parameters.get('outcome') ?? 'success';
    // A page in a browser can send such requests too. They must not lead to other machines.
    if (!URL.canParse(to) || !/^https?:$/.test(new URL(to).protocol) || !isHere(new URL(to).hostname))
      return { wrong: `to must be ${CALLBACK.to}` };
    if (!['success', 'failure'].includes(outcome)) return { wrong: `outcome must be ${CALLBACK.outcome}` };
    return {
      value: (instance) => {
        if (!instance.kind.callback) return { error: 'this provider sends no callbacks' };
        const made = instance.kind.callback(instance, parameters.get('order'), outcome === 'success');
        return made ? sendCallback(made, to) : { error: 'there is no such order' };
      },
    };
  },
};

const isHere = (hostname: string): boolean => /^(?:127(?:\.\d+){3}|\[::1\]|(?:.+\.)?localhost)$/.test(hostname);

const CONTROLS: ReadonlyMap<string, Control> = new Map([
  ['/_control/revoke', revoke],
  ['/_control/lifetime', lifetime],
  ['/_control/delay', delay],
  ['/_control/fail', fail],
  ['/_control/callback', callback],
  ['/_control/calls', calls],
]);

const PROVIDER = 'one provider by its name, or by its profile; by default all';

/** The control paths with their parameters, as data for `--json`. */
export const CONTROL_PATHS = [...CONTROLS].map(([path, { method, summary, parameters }]) => ({
  method,
  path,
  summary,
  parameters: { provider: PROVIDER, ...parameters },
}));

/** The control paths as text for people: one path after another, with its parameters below it. */
export const CONTROL_HELP: string = CONTROL_PATHS.map(({ method, path, summary, parameters }) =>
  [
    `${method.padEnd(4)} ${path}  ${summary}`,
    ...Object.entries(parameters).map(([name, says]) => `       ${`${name}=`.padEnd(13)}${says}`),
  ].join('\n'),
).join('\n');

const refuse = (status: number, error: string, rest: object = {}): SimulatorAnswer => ({
  status,
  body: { error, ...rest },
});

function readParameters(query: URLSearchParams, body: Buffer): Parsed<Parameters> {
  const parameters = new Map<string, string>();
  if (body.length > 0) {
    try {
      const json: unknown = JSON.parse(body.toString('utf8'));
      if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('not an object');
      for (const [name, value] of Object.entries(json)) parameters.set(name, String(value));
    } catch {
      return { wrong: 'the body must be empty or a JSON object of parameters' };
    }
  }
  for (const [name, value] of query) {
    if (parameters.has(name)) return { wrong: 'a parameter was given twice' };
    parameters.set(name, value);
  }
  return { value: parameters };
}

/**
 * Answers a request to `/_control/…`. Parameters come in the query or as a JSON object in the body. With `provider`, the answer
 * is about that provider; without it, it is `{ providers: […] }`. For an unknown name, the answer is a 404 that lists the known
 * ones.
 */
export function control(
  instances: ReadonlyMap<string, Instance>,
  method: string,
  path: string,
  query: URLSearchParams,
  body: Buffer,
): MaybePromise<SimulatorAnswer> {
  const found = CONTROLS.get(path);
  if (!found) return refuse(404, 'no such control path', { known: [...CONTROLS.keys()] });
  if (found.method !== method) return { ...refuse(405, `use ${found.method}`), headers: { allow: found.method } };
  const parameters = readParameters(query, body);
  if ('wrong' in parameters) return refuse(400, parameters.wrong);
  for (const name of parameters.value.keys())
    if (name !== 'provider' && !Object.hasOwn(found.parameters, name))
      return refuse(400, 'an unknown parameter was given', { known: ['provider', ...Object.keys(found.parameters)] });

  const name = parameters.value.get('provider');
  const chosen = choose(instances, name);
  if (chosen.length === 0) return refuse(404, 'no such provider', { known: [...instances.keys()] });
  const action = found.read(parameters.value);
  if ('wrong' in action) return refuse(400, action.wrong, { parameters: found.parameters });
  const results = chosen.map((instance) => action.value(instance));
  const answer = (all: readonly object[]): SimulatorAnswer => {
    const done = all.map((result, index) => ({ provider: chosen[index]?.name, ...result }));
    return { status: 200, body: name === undefined ? { providers: done } : done[0] };
  };
  const isLater = results.some((result) => result instanceof Promise);
  return isLater ? Promise.all(results.map(async (result) => result)).then(answer) : answer(results);
}

/**
 * The providers that a control applies to: all without a name; else the provider of that name, or the first one of that kind.
 */
function choose(instances: ReadonlyMap<string, Instance>, name: string | undefined): readonly Instance[] {
  const all = [...instances.values()];
  if (name === undefined) return all;
  return [instances.get(name) ?? all.find(({ kindName }) => kindName === name)].filter((found) => found !== undefined);
}
