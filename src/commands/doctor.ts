import type { Config, ProviderConfig } from '../config/config.ts';
import type { Diagnostic } from '../config/diagnostics/diagnostics.ts';
import { didYouMean } from '../config/diagnostics/suggest.ts';
import { loadConfig } from '../config/load.ts';
import { systemClock } from '../core/clock.ts';
import { ReadScheduler } from '../http1/read-scheduler.ts';
import { createClient } from '../proxy/client.ts';
import { readEgress, type Egress } from '../proxy/egress/egress.ts';
import { sharedLookup } from '../proxy/lookup.ts';
import { createUpstream } from '../proxy/upstream.ts';
import { startSimulator } from '../simulation.ts';
import { locateConfig } from './config-file.ts';
import { failure, ok, warning, type Finding, type Group } from './doctor/finding.ts';
import { checkMachine } from './doctor/machine.ts';
import { showProgress } from './doctor/progress.ts';
import { checkProvider } from './doctor/provider.ts';
import { count, formatJson, formatText, type Report } from './doctor/report.ts';
import { hasSimulator, targetsOf, type Subject } from './doctor/target.ts';
import type { Context } from './output.ts';
import { printError } from './output.ts';
import { redactSecretsOf } from './redact-text.ts';
import { programsFor } from './token-program.ts';

export interface DoctorOptions {
  /** The only ones to look at; none: all of them, and everything else. */
  readonly providers: readonly string[];
  /** Asks no provider and no egress proxy. */
  readonly isOffline: boolean;
}

const MACHINE = 'this machine';
const counted = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

function findingOf({ severity, code, message, file, line, column, path, help }: Diagnostic): Finding {
  const place = `${file}${line === 0 ? '' : `:${line}:${column}`}${path === '' ? '' : ` (${path})`}`;
  const trouble = { code, message: `${message}, at ${place}`, remedy: help ?? 'see `outrider check`' };
  return severity === 'error' ? failure('config', trouble) : warning('config', trouble);
}

/** What is wrong with the config, or that nothing is. */
function checkConfig(config: Config | undefined, diagnostics: readonly Diagnostic[]): readonly Finding[] {
  if (diagnostics.length > 0 || !config) return diagnostics.map(findingOf);
  const size = `${counted(config.routes.length, 'route')}, ${counted(config.providers.size, 'provider')}`;
  return [ok('config', 'config_ok', `${config.file}: ${size}`)];
}

/** The way to the providers; where its variables can't be read, what is wrong with them. */
function egressOf(env: Context['env']): Egress | Finding {
  try {
    return readEgress(env);
  } catch (error) {
    const { message } = error as Error;
    const remedy = 'write http://HOST:PORT there; until then nothing can be reached, and no provider was asked';
    return failure('egress', { code: 'bad_egress_variable', message, remedy });
  }
}

/** What to look at: the named providers with their routes, or all of them and the routes without one. */
function subjectsOf(config: Config, names: readonly string[]): readonly Subject[] {
  const routesOf = (name: string | undefined) => config.routes.filter(({ provider }) => provider === name);
  const isNamed = ({ name }: ProviderConfig): boolean => names.length === 0 || names.includes(name);
  const named = [...config.providers.values()].filter(isNamed);
  const subjects = named.map((provider): Subject => ({ provider, routes: routesOf(provider.name) }));
  const rest = names.length === 0 ? routesOf(undefined) : [];
  return rest.length === 0 ? subjects : [...subjects, { provider: undefined, routes: rest }];
}

const titleOf = ({ provider }: Subject): string => provider?.name ?? 'routes without a provider';

function noteOf({ provider, routes }: Subject): string {
  const names = routes.map(({ name }) => name).join(', ');
  if (!provider) return names;
  const environment = provider.environment === undefined ? '' : `, environment ${provider.environment}`;
  const used = routes.length === 0 ? 'no route' : `${routes.length === 1 ? 'route' : 'routes'} ${names}`;
  return `profile ${provider.profileName}${environment}, ${used}`;
}

/** Asks each subject, all at once; `done` is told as each of them is through. */
async function checkSubjects(
  context: Context,
  config: Config,
  subjects: readonly Subject[],
  egress: Egress,
  done: (subject: Subject) => void,
): Promise<readonly Group[]> {
  const clock = systemClock;
  const { answerHeaderBytes } = config.limits;
  const { connectionAgeMs } = config.timeouts;
  const upstream = createUpstream(clock, new ReadScheduler(), {
    egress,
    lookup: sharedLookup(),
    isReused: false,
    limits: () => ({ answerHeaderBytes, connectionAgeMs }),
  });
  const simulator = subjects.some(hasSimulator) ? await startSimulator(config) : undefined;
  const programs = programsFor(context, config);
  const http = createClient(upstream, clock);
  const deps = { config, egress, http, run: programs.run, clock, simulatorOrigin: simulator?.origin };
  try {
    return await Promise.all(
      subjects.map(async (subject): Promise<Group> => {
        const findings = await checkProvider(subject, deps);
        done(subject);
        return {
          title: titleOf(subject),
          note: noteOf(subject),
          provider: subject.provider?.name,
          routes: subject.routes.map(({ name }) => name),
          findings,
        };
      }),
    );
  } finally {
    programs.close();
    await upstream.close();
    await simulator?.close();
  }
}

/**
 * Looks for what commonly goes wrong, on this machine and on the way to each provider, and prints each finding with its remedy.
 * Resolves to the exit code: 1 when something does not work, else 0, warnings or not.
 */
export async function doctor(context: Context, { providers, isOffline }: DoctorOptions): Promise<number> {
  const { env, cwd, stdout, stderr } = context;
  const startedAt = performance.now();
  const file = locateConfig(context);
  if (file === undefined) return 1;
  const { config, diagnostics, secretFiles } = loadConfig(file, { env, cwd });
  if (config) redactSecretsOf(config);
  const unknown = config && providers.find((name) => !config.providers.has(name));
  if (unknown !== undefined) {
    return printError(context, {
      code: 'unknown_provider',
      message: `the config has no provider "${unknown}"`,
      help: didYouMean(unknown, config?.providers.keys() ?? [], 'providers'),
    });
  }
  const egress = egressOf(env);
  const machine: Finding[] = [...checkConfig(config, diagnostics)];
  if ('check' in egress) machine.push(egress);
  const subjects = config && !isOffline && !('check' in egress) ? subjectsOf(config, providers) : [];
  const progress = showProgress(stderr, [MACHINE, ...subjects.map(titleOf)]);
  const direct: Egress = () => undefined;
  const way = 'check' in egress ? direct : egress;
  const origins = subjects.flatMap(targetsOf).map(({ origin }) => origin);
  const isWhole = config !== undefined && providers.length === 0;
  try {
    const [more, groups] = await Promise.all([
      isWhole
        ? checkMachine({ config, secretFiles, egress: way, clock: systemClock, origins, isOffline }).finally(() =>
            progress.done(MACHINE),
          )
        : [],
      config ? checkSubjects(context, config, subjects, way, (subject) => progress.done(titleOf(subject))) : [],
    ]);
    machine.push(...more);
    if (config && isOffline) machine.push(ok('providers', 'not_asked', 'none was asked for anything (--offline)'));
    const first: Group = { title: MACHINE, note: '', provider: undefined, routes: [], findings: machine };
    const durationMs = performance.now() - startedAt;
    const report: Report = { config: file, isOffline, groups: [first, ...groups], durationMs };
    progress.end();
    const color = (stdout as { isTTY?: boolean }).isTTY === true && !env['NO_COLOR'];
    stdout.write(context.json ? formatJson(report) : formatText(report, { color }));
    return count(report, 'failure') > 0 ? 1 : 0;
  } finally {
    progress.end();
  }
}
