import fs from 'node:fs';
import type { Clock, Timer } from '../core/clock.ts';
import type { NoticeRecord } from '../core/events.ts';
import type { ReloadableCredentials } from './credentials.ts';
import { ConfigError } from './diagnostics/config-error.ts';
import type { InterpolationSources } from './yaml/interpolate.ts';

/** How often the files are looked at. File system events miss swapped symlinks (Kubernetes) and changes on network mounts. */
const POLL_MS = 250;
/**
 * A set of files counts as complete after this long without a change. That is a second, within which related changes are
 * expected, and one more poll.
 */
const QUIET_MS = 1_000 + POLL_MS;

/** A provider by its name, with the credentials to keep up to date. */
export interface WatchedProvider {
  readonly name: string;
  readonly credentials: ReloadableCredentials;
}

interface Watched extends WatchedProvider {
  readonly files: readonly string[];
  /** Monotonic time (ms) of the last change. Undefined when no change is left to be taken over. */
  changedAt: number | undefined;
  /** The last complaint. It is kept so that the same one isn't repeated. */
  complaint: string | undefined;
}

/** A text that changes when the file is written or replaced, and when its path leads to another file. */
function signatureOf(file: string): string {
  try {
    const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? 'none' : [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/**
 * Watches the files of each provider's credentials. When the files of a provider have been quiet for a second, all of its
 * values are swapped at once. While one value is missing, unreadable, empty or can't be sent, all old values stay and a notice
 * says why. The notice of a swap also says what looks suspicious in a new value. A notice at the start shows the values from
 * files that are no secrets.
 * @returns A function that ends the watch.
 */
export function watchCredentials(
  providers: readonly WatchedProvider[],
  clock: Clock,
  readFile: InterpolationSources['readFile'],
  onNotice: (notice: NoticeRecord) => void,
): () => void {
  // All files count as changed at first: one may have been written while the config was being loaded.
  const start = clock.monotonic();
  const watched: Watched[] = providers
    .map((provider) => ({ ...provider, files: provider.credentials.files, changedAt: start, complaint: undefined }))
    .filter(({ files }) => files.length > 0);
  if (watched.length === 0) return () => {};
  for (const { name, credentials } of watched) tellOf(name, credentials);
  const look = (): Map<string, string> =>
    new Map([...new Set(watched.flatMap(({ files }) => files))].map((file) => [file, signatureOf(file)]));
  let seen = look();
  let timer: Timer = clock.after(POLL_MS, poll);

  function tellOf(provider: string, { shown, isCarriedOn }: ReloadableCredentials): void {
    if (isCarriedOn || Object.keys(shown).length === 0) return;
    onNotice({ level: 'info', message: 'credentials from files are in use', fields: { provider, ...shown } });
  }

  function poll(): void {
    timer = clock.after(POLL_MS, poll);
    const now = clock.monotonic();
    const found = look();
    for (const provider of watched) {
      if (provider.files.some((file) => found.get(file) !== seen.get(file))) provider.changedAt = now;
    }
    seen = found;
    for (const provider of watched) {
      if (provider.changedAt !== undefined && now - provider.changedAt >= QUIET_MS) takeOver(provider, now);
    }
  }

  function takeOver(provider: Watched, now: number): void {
    const { name, credentials, files } = provider;
    const isCurrent = (): boolean => files.every((file) => signatureOf(file) === seen.get(file));
    try {
      const result = credentials.reload(readFile, isCurrent);
      if (result === undefined) {
        provider.changedAt = now;
        return;
      }
      provider.changedAt = undefined;
      if ('refused' in result) {
        report(provider, result.refused);
        return;
      }
      provider.complaint = undefined;
      if (result.changed.length === 0) return;
      const complaints = [...result.suspicions, ...result.ages];
      const code = result.suspicions.length > 0 ? 'suspicious_secret' : 'expiring_certificate';
      onNotice({
        level: complaints.length > 0 ? 'warn' : 'info',
        message: `credentials changed, the new ones are in use${complaints.map((each) => `; ${each}`).join('')}`,
        fields: {
          provider: name,
          changed: result.changed,
          ...result.shown,
          ...(complaints.length > 0 ? { code } : {}),
        },
      });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      provider.changedAt = undefined;
      report(provider, error.message);
    }
  }

  function report(provider: Watched, complaint: string): void {
    if (provider.complaint === complaint) return;
    provider.complaint = complaint;
    onNotice({
      level: 'warn',
      message: `${complaint}: all old credentials of the provider stay in use`,
      fields: { provider: provider.name },
    });
  }

  return () => timer.cancel();
}
