import type { ExecutionContext } from 'ava';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { isOurs, keepCredentials, keepSecret, leakIn, secretsIn } from './canary.ts';

/** Fails its test when a known secret stands in what was written or answered. */
export interface Watch {
  /** Looks through a text at the test's end. */
  sees(where: string, text: () => string | Promise<string>): void;
  /** Notes at once that a secret has leaked. */
  reports(leak: string): void;
}

/** Ends after whatever the test registers for its end later on: what is written while things stop counts too. */
export function watchFor(t: Pick<ExecutionContext, 'teardown'>): Watch {
  const leaks: string[] = [];
  const looks: (() => Promise<void>)[] = [];
  t.teardown(async () => {
    for (const look of looks) await look();
    if (leaks.length > 0) throw new Error(`secrets leaked: ${leaks.join('; ')}`);
  });
  return {
    reports: (leak) => void leaks.push(leak),
    sees(where, text) {
      looks.push(async () => {
        const found = secretsIn(await text());
        if (found.length > 0) leaks.push(`${found.join(', ')} in ${where}`);
      });
    },
  };
}

/** Makes the secrets of a config known, by the names that they have in it. */
export function keepSecretsOf(config: Config): void {
  const { providers, listen, admin } = config;
  for (const { name, credentials, profile } of providers.values()) {
    for (const [credential, text] of credentials.current.values) {
      if (profile.credentials[credential]?.secret !== false && text !== 'test') {
        keepSecret(`credential ${credential} of ${name}`, text);
      }
    }
  }
  for (const token of listen.accessTokens) keepSecret('an access token', token.reveal());
  if (admin !== false && admin.token) keepSecret('the admin token', admin.token.reveal());
  for (const text of config.secretTexts()) keepSecret('a secret of the config', text);
}

/** Makes the passwords in the URLs of egress proxies known. */
export function keepSecretsIn(env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value = ''] of Object.entries(env)) {
    const [, user = '', password] = /^\w+:\/\/([^/@:]*):([^/@]*)@/.exec(value) ?? [];
    if (password === undefined) continue;
    keepSecret(`the password in ${name}`, password);
    keepCredentials(`proxy-authorization: basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  }
}

const byPort = new Map<number, Watch>();

/** Answers that are got from this port by whoever belong to that watch. */
export function watchPort(watch: Watch, origin: string): void {
  if (origin.startsWith('http')) byPort.set(Number(new URL(origin).port), watch);
}

/** Looks at an answer that came from a port: at what Outrider makes of its own, not at what providers say. */
export function lookAtAnswer(
  port: number,
  { status, headers, text }: { readonly status: number; readonly headers: readonly string[]; readonly text: string },
  said: string,
): void {
  const watch = byPort.get(port);
  if (!watch || !isOurs(status, headers)) return;
  const leak = leakIn(`${headers.join('\n')}\n${text}`, said);
  if (leak !== undefined) watch.reports(`${leak} in an answer with status ${status}`);
}

/** A program of ours in a process of its own. */
export interface WatchedProcess {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** Looks through what a process prints, but for what `--show`, `token-for` and the program that `exec` runs print on its stdout. */
export function watchProcess(t: ExecutionContext, { args, env, stdout, stderr }: WatchedProcess): Watch {
  const watch = watchFor(t);
  const [, file] = args.slice(args.indexOf('--config'));
  const config = file === undefined ? undefined : loadConfig(file, { env }).config;
  if (config) keepSecretsOf(config);
  keepSecretsIn(env);
  watch.sees(`stderr of ${args[0]}`, stderr);
  const isForSecrets = ['exec', 'token-for'].includes(args[0] ?? '') || args.includes('--show');
  if (!isForSecrets) watch.sees(`stdout of ${args[0]}`, stdout);
  return watch;
}
