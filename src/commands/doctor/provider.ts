import { day, expirySoon } from '../../config/checks/certificate.ts';
import type { Config, ProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { HttpClient } from '../../core/http.ts';
import type { RunProgram } from '../../core/program.ts';
import type { Egress } from '../../proxy/egress/egress.ts';
import { endpointsOf } from '../../simulation.ts';
import { checkAnswer } from './answer.ts';
import { checkConnection, speaksTls, type ConnectionDeps } from './connection.ts';
import { remedyFor } from './fault.ts';
import { failure, ok, type Finding } from './finding.ts';
import { hasSimulator, targetsOf, type Subject, type Target } from './target.ts';
import { checkToken } from './token.ts';

/** The time limit for all checks of one provider. */
const PROVIDER_MS = 10_000;
/** The part of it for name resolution, connections and TLS. */
const CONNECT_MS = 4_000;
/** The time limit for trying TLS where none was expected. */
const TLS_MS = 1_000;
/** The time that is kept back to report what was found. */
const RESERVE_MS = 500;

export interface ProviderDeps {
  readonly config: Config;
  readonly egress: Egress;
  readonly http: HttpClient;
  readonly run: RunProgram;
  readonly clock: Clock;
  readonly simulatorOrigin: string | undefined;
}

/** Looks at everything that lies between us and a provider, and asks it for one token. At most ten seconds. */
export async function checkProvider(subject: Subject, deps: ProviderDeps): Promise<readonly Finding[]> {
  const { config, egress, clock } = deps;
  const until = clock.monotonic() + PROVIDER_MS - RESERVE_MS;
  const { provider } = subject;
  const connection = { egress, clock, withinMs: Math.min(config.timeouts.connectMs, CONNECT_MS) };
  const targets = await Promise.all(
    targetsOf(subject).map(async (target) => ({ target, ...(await checkConnection(target, connection)) })),
  );
  const tokenTarget = targets.find(({ target }) => target.isToken);
  const isAsked = provider?.profile.token !== undefined && provider.profile.token.subject === undefined;
  const leftMs = Math.max(Math.floor((until - clock.monotonic()) / 1_000), 1) * 1_000;
  const answers = await Promise.all(
    targets.map(async ({ target, findings, isOpen }) => {
      if (!isOpen) return findings;
      const asked =
        target.isToken && isAsked
          ? await tokenOf(provider, deps, leftMs)
          : await checkAnswer(target, deps.http, clock, Math.min(leftMs, config.timeouts.responseMs));
      return [...findings, ...(await withTlsSpoken(asked, target, { ...connection, withinMs: TLS_MS }))];
    }),
  );
  const findings = answers.flat();
  if (hasSimulator(subject)) {
    findings.unshift(ok('simulator', 'simulated', 'the built-in simulator stands in for it'));
  }
  if (isAsked && !tokenTarget) findings.push(...(await tokenOf(provider, deps, leftMs)));
  if (provider?.profile.token?.subject !== undefined) {
    findings.push(ok('token', 'token_of_users', 'its tokens belong to users: none was asked for'));
  }
  findings.push(...certificatesOf(provider, clock));
  if (findings.length === 0) findings.push(ok('routes', 'unused', 'no route uses it, and it needs no token'));
  return findings;
}

/** The certificates of ours that are good for a while. What is wrong with others is told of the config. */
function certificatesOf(provider: ProviderConfig | undefined, clock: Clock): readonly Finding[] {
  const shown = [provider?.tls, provider?.tokenTls].flatMap((tls) => tls?.current.certificate ?? []);
  return [...new Map(shown.map((one) => [one.subject, one])).values()]
    .filter(({ expiresAtMs }) => expirySoon(expiresAtMs, clock.now()) === undefined)
    .map(({ subject, expiresAtMs }) => {
      return ok('certificate', 'client_certificate_ok', `${subject} goes along, valid until ${day(expiresAtMs)}`);
    });
}

const tokenOf = (provider: ProviderConfig, deps: ProviderDeps, leftMs: number): Promise<readonly Finding[]> => {
  const { config, http, run, clock, simulatorOrigin } = deps;
  const isProgram = provider.profile.token?.program !== undefined;
  const timeoutMs = isProgram ? leftMs : Math.min(config.timeouts.tokenMs, leftMs);
  return checkToken(provider, { endpoints: endpointsOf(provider, simulatorOrigin), http, run, clock, timeoutMs });
};

/** What TLS is spoken to in the clear breaks off, or answers no HTTP: then that is what is wrong. */
async function withTlsSpoken(
  findings: readonly Finding[],
  target: Target,
  connection: ConnectionDeps,
): Promise<readonly Finding[]> {
  const isOdd = ({ code }: Finding): boolean => code === 'not_http' || code === 'connection_broke';
  if (!findings.some(isOdd) || !target.origin.startsWith('http:') || !(await speaksTls(target, connection)))
    return findings;
  const code = 'tls_spoken';
  const message = `${target.host} speaks TLS, and the address says http`;
  const remedy = remedyFor(code, target.setting);
  return findings.map((each) => (isOdd(each) ? failure(each.check, { code, message, remedy }) : each));
}
