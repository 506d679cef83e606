import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endpointsOf } from '../simulation.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../core/clock.ts';
import { destinationOfUrl } from '../proxy/destination.ts';
import type { LocalCa } from '../tunnel/certificate.ts';
import { caFiles, ensureCa, loadCa } from '../tunnel/state.ts';
import { readConfig } from './config-file.ts';
import type { Context } from './output.ts';
import { columns, printError, shellQuote } from './output.ts';

export interface CaOptions {
  /** The root of the system's files. Default: `/`. Only tests give another one. */
  readonly root?: string;
}

const ANCHORS = 'usr/local/share/ca-certificates';
const NAME = 'outrider-local-ca.crt';
const UPDATE = 'update-ca-certificates';

/** Commands for systems whose store `ca trust` can't change. FILE and SERIAL are replaced. */
const OTHER_SYSTEMS: readonly (readonly [system: string, trust: string, untrust: string])[] = [
  [
    'macOS',
    'sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain FILE',
    'sudo security remove-trusted-cert -d FILE',
  ],
  [
    'Fedora, RHEL',
    `sudo cp FILE /etc/pki/ca-trust/source/anchors/${NAME} && sudo update-ca-trust`,
    `sudo rm /etc/pki/ca-trust/source/anchors/${NAME} && sudo update-ca-trust`,
  ],
  ['Arch', 'sudo trust anchor --store FILE', 'sudo trust anchor --remove FILE'],
  ['Windows', 'certutil -addstore -f Root FILE', 'certutil -delstore Root SERIAL'],
  [
    'Java',
    'keytool -importcert -noprompt -cacerts -alias outrider -file FILE',
    'keytool -delete -cacerts -alias outrider',
  ],
];

/** The hosts that the routes of a config lead to, normalised as `URL` does it. */
export function routedHosts(config: Config): ReadonlySet<string> {
  return new Set(
    config.routes.flatMap(({ upstream, provider: name }) => {
      const provider = name === undefined ? undefined : config.providers.get(name);
      const url = upstream ?? (provider && endpointsOf(provider, 'http://127.0.0.1')['api']);
      return url === undefined ? [] : [destinationOfUrl(url).host];
    }),
  );
}

const fingerprintOf = ({ certificate }: LocalCa): string => new X509Certificate(certificate).fingerprint256;

/**
 * Loads the config and the CA of its state directory. Undefined when one of them is missing: the error has been printed then.
 */
async function known(context: Context): Promise<{ config: Config; ca: LocalCa } | undefined> {
  const config = readConfig(context);
  if (!config) return undefined;
  const ca = await loadCa(config.stateDir);
  if (ca) return { config, ca };
  printError(context, {
    code: 'no_ca',
    message: `there is no CA in ${config.stateDir}`,
    help: '`outrider ca trust` makes one, and so does `outrider start` with `forward.mode: intercept`',
  });
  return undefined;
}

/** `outrider ca show`: prints the local CA's file, fingerprint, expiry and hosts. Resolves with the exit code. */
export async function showCa(context: Context): Promise<number> {
  const found = await known(context);
  if (!found) return 1;
  const { ca, config } = found;
  const facts = {
    certificate: caFiles(config.stateDir).certificate,
    subject: new X509Certificate(ca.certificate).subject.replaceAll('\n', ', '),
    sha256: fingerprintOf(ca),
    expires_at: new Date(ca.expiresAtMs).toISOString(),
    hosts: ca.hosts,
  };
  context.stdout.write(
    context.json
      ? `${JSON.stringify(facts)}\n`
      : columns([
          ['certificate', facts.certificate],
          ['subject', facts.subject],
          ['sha256', facts.sha256],
          ['expires', facts.expires_at],
          ['hosts', facts.hosts.join(', ') || 'none'],
        ]),
  );
  return 0;
}

/** `outrider ca export`: prints the certificate of the local CA in PEM, never its key. Resolves with the exit code. */
export async function exportCa(context: Context): Promise<number> {
  const found = await known(context);
  if (!found) return 1;
  context.stdout.write(found.ca.certificate);
  return 0;
}

/** The commands of other systems that trust the CA or no longer do so, one line for each system. */
const commands = (file: string, serial: string, which: 'trust' | 'untrust'): string =>
  columns(
    OTHER_SYSTEMS.map(([system, trust, untrust]) => [
      system,
      (which === 'trust' ? trust : untrust).replace('FILE', shellQuote(file)).replace('SERIAL', serial),
    ]),
  );

/** Makes the system read its trust anchors again. Returns whether that worked. */
function update(context: Context, ...args: readonly string[]): boolean {
  const { status } = spawnSync(UPDATE, args, { env: context.env as NodeJS.ProcessEnv, stdio: 'ignore' });
  return status === 0;
}

const needsRoot = (context: Context, which: string): number =>
  printError(context, {
    code: 'not_permitted',
    message: `the system's store can't be changed by this user`,
    help: `run \`outrider ca ${which}\` as root, with the same --config and XDG_STATE_HOME`,
  });

/**
 * Changes our file among the system's trust anchors. Returns true when that is done, false when it is not permitted, and
 * undefined when the system has no such directory.
 */
function changeAnchors(root: string, change: (file: string) => void): boolean | undefined {
  const directory = join(root, ANCHORS);
  if (!existsSync(directory)) return undefined;
  try {
    change(join(directory, NAME));
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/**
 * `outrider ca trust`: makes the local CA if there is none, and makes the system trust it. On Debian and systems like it that
 * is done, for other systems the commands are printed. Resolves with the exit code.
 */
export async function trustCa(context: Context, { root = '/' }: CaOptions = {}): Promise<number> {
  const config = readConfig(context);
  if (!config) return 1;
  const { ca } = await ensureCa(config.stateDir, routedHosts(config), systemClock.now());
  const { serialNumber } = new X509Certificate(ca.certificate);
  const { certificate: file } = caFiles(config.stateDir);
  const changed = changeAnchors(root, (anchor) => {
    writeFileSync(anchor, ca.certificate);
    // All users must be able to read it, whatever the umask is.
    chmodSync(anchor, 0o644);
  });
  if (changed === false) return needsRoot(context, 'trust');
  if (changed === undefined) {
    context.stdout.write(`Trust ${file} by the command of your system:\n\n${commands(file, serialNumber, 'trust')}`);
    return 0;
  }
  if (!update(context)) return printError(context, { code: 'not_updated', message: `\`${UPDATE}\` failed` });
  context.stdout.write(`The system trusts the CA ${fingerprintOf(ca)} for ${ca.hosts.join(', ')}.\n`);
  return 0;
}

/**
 * `outrider ca untrust`: takes the local CA out of the system's store. On Debian and systems like it that is done, for other
 * systems the commands are printed. Resolves with the exit code.
 */
export async function untrustCa(context: Context, { root = '/' }: CaOptions = {}): Promise<number> {
  const changed = changeAnchors(root, (anchor) => rmSync(anchor, { force: true }));
  if (changed === false) return needsRoot(context, 'untrust');
  if (changed === undefined) {
    const found = await known(context);
    if (!found) return 1;
    const { certificate } = caFiles(found.config.stateDir);
    const { serialNumber } = new X509Certificate(found.ca.certificate);
    context.stdout.write(`Use the command of your system:\n\n${commands(certificate, serialNumber, 'untrust')}`);
    return 0;
  }
  if (!update(context, '--fresh')) return printError(context, { code: 'not_updated', message: `\`${UPDATE}\` failed` });
  context.stdout.write('The system does not trust the CA any more.\n');
  return 0;
}
