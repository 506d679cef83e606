import { createProviderAuth } from '../../auth/provider.ts';
import { saidOfExpiry } from '../../auth/token/expiry.ts';
import { hostOf, TokenFailure, type Advice } from '../../auth/token/failure.ts';
import { parseBody } from '../../auth/token/parse.ts';
import type { ProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import { createEvents } from '../../core/events.ts';
import type { HttpAnswer, HttpClient } from '../../core/http.ts';
import type { RunProgram } from '../../core/program.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { TokenRecord } from '../../store/store.ts';
import { span } from '../span.ts';
import { collectWarnings } from '../token.ts';
import { checkClock } from './answer.ts';
import { faultFinding } from './fault.ts';
import { failure, ok, warning, type Finding } from './finding.ts';
import { settingOf } from './target.ts';

/** What a failed token call is told as, by what can be done about it. */
const CODES: Readonly<Record<Advice, string>> = {
  credentials: 'credentials_refused',
  call: 'token_call_refused',
  address: 'no_token_endpoint',
  network: 'token_endpoint_unreachable',
  egress: 'egress_refused',
  time: 'no_answer',
  provider: 'token_endpoint_failed',
  program: 'token_program_failed',
  ours: 'internal_error',
  answer: 'no_token',
};

const EXPIRED_ALREADY = {
  code: 'token_expired_already',
  message: 'by what the answer says its token has expired already',
  remedy: 'compare `token.read.expiry` of the profile with the answer, and the clock of this machine with theirs',
};

export interface TokenDeps {
  /** Final URLs. */
  readonly endpoints: Readonly<Record<string, string>>;
  readonly http: HttpClient;
  readonly run: RunProgram;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

interface Arrived extends HttpAnswer {
  readonly host: string;
  readonly atMs: number;
}

/**
 * Makes one real token call by the profile's `fetch`, and throws the token away. It begins with an empty store of its own, so
 * that no refresh token is spent, and what running proxies share is neither read nor changed.
 */
export async function checkToken(provider: ProviderConfig, deps: TokenDeps): Promise<readonly Finding[]> {
  const { endpoints, clock, timeoutMs } = deps;
  const events = createEvents();
  const warnings = collectWarnings(events);
  const dead: Finding[] = [];
  events.on('notice', ({ fields }) => {
    if (fields?.['lifetime_ms'] !== undefined) dead.push(warning('expiry', EXPIRED_ALREADY));
  });
  let said = '';
  events.on('notice', ({ fields }) => {
    if (typeof fields?.['stderr'] === 'string') said = fields['stderr'].split('\n').at(-1) ?? '';
  });
  let arrived: Arrived | undefined;
  const http: HttpClient = async (call) => {
    const answer = await deps.http(call);
    arrived = { ...answer, host: hostOf(call.url), atMs: clock.now() };
    return answer;
  };
  const auth = createProviderAuth(provider, {
    endpoints,
    store: createMemoryStore(clock),
    clock,
    events,
    http,
    tls: () => provider.tokenTls?.current,
    run: (call) => deps.run({ ...call, timeoutMs: Math.min(call.timeoutMs, timeoutMs) }),
    tokenTimeoutMs: timeoutMs,
    maxWaiting: 1,
  });
  const startedAt = clock.monotonic();
  const { program } = provider.profile.token ?? {};
  const giver = program ? (program.command[0] ?? 'the program') : undefined;
  const skew = (): readonly Finding[] =>
    arrived === undefined ? [] : checkClock(arrived.host, arrived.headers, arrived.atMs);
  try {
    const record = await auth.token({ renew: true });
    const durationMs = clock.monotonic() - startedAt;
    return [
      ok(
        'token',
        'token_ok',
        `${giver ?? arrived?.host ?? 'the endpoint'} gave a token, which was thrown away`,
        durationMs,
      ),
      ...(arrived ? [expiryOf(provider, record, arrived)] : []),
      ...warnings.map((each) => warning('expiry', { code: each.code, message: each.message, remedy: each.help })),
      ...dead,
      ...skew(),
    ];
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    const found = failureOf(error, provider, endpoints['token'] ?? '', timeoutMs);
    return [said === '' ? found : { ...found, message: `${found.message}; its last words: ${said}` }, ...skew()];
  } finally {
    auth.close();
  }
}

function failureOf(error: OutriderError, provider: ProviderConfig, url: string, timeoutMs: number): Finding {
  const { cause } = error;
  if (!(cause instanceof TokenFailure)) {
    return failure('token', { code: error.code, message: error.detail, remedy: error.remedy });
  }
  if (cause.cause instanceof OutriderError && cause.cause.code.startsWith('upstream_')) {
    const target = { origin: url, host: hostOf(url), setting: settingOf(provider, 'token') };
    return faultFinding('token', cause.cause, target, timeoutMs);
  }
  return failure('token', { code: CODES[cause.advice], message: cause.detail, remedy: cause.remedy });
}

/** What the answer said of its expiry, and what was understood. */
function expiryOf({ profile }: ProviderConfig, record: TokenRecord, { body }: Arrived): Finding {
  const lifetimeMs = record.expiresAtMs - record.issuedAtMs;
  const understood = `it lives for ${span(lifetimeMs)}`;
  const read = profile.token?.read;
  const parsed = read && parseBody(read.format, body);
  const root = parsed && 'root' in parsed ? parsed.root : undefined;
  const said = read ? saidOfExpiry(read, { root, accessToken: record.accessToken }) : [];
  if (said.length === 0) {
    const message = `the answer says nothing of it: \`token.read.lifetime_default\` holds, ${understood}`;
    return ok('expiry', 'expiry_default', message);
  }
  const fields = said.map(({ field, value }) => `${field} ${value === undefined ? "can't be read" : `is ${value}`}`);
  return ok('expiry', 'expiry_ok', `${[...new Set(fields)].join(', ')}: ${understood}`);
}
