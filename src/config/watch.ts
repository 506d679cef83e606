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

/** Credentials to keep up to date, and whose they are. */
export interface Watched {
  readonly kind: 'provider' | 'caller' | 'listener';
  readonly name: string;
  readonly credentials: ReloadableCredentials;
}

interface WatchedFiles extends Watched {
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
 * Watches the files of each owner's credentials. When the files of one have been quiet for a second, all of its values are
 * swapped at once. While one value is missing, unreadable, empty or can't be sent, all old values stay and a notice says why.
 * The notice of a swap also says what looks suspicious in a new value. A notice at the start shows the values from files that
 * are no secrets.
 * @returns A function that ends the watch.
 */
export function watchCredentials(
  owners: readonly Watched[],
  clock: Clock,
  readFile: InterpolationSources['readFile'],
  onNotice: (notice: NoticeRecord) => void,
): () => void {
  // All files count as changed at first: one may have been written while the config was being loaded.
  const start = clock.monotonic();
  const watched: WatchedFiles[] = owners
    .map((owner) => ({ ...owner, files: owner.credentials.files, changedAt: start, complaint: undefined }))
    .filter(({ files }) => files.length > 0);
  if (watched.length === 0) return () => {};
  for (const owner of watched) tellOf(owner);
  const look = (): Map<string, string> =>
    new Map([...new Set(watched.flatMap(({ files }) => files))].map((file) => [file, signatureOf(file)]));
  let seen = look();
  let timer: Timer = clock.after(POLL_MS, poll);

  function tellOf({ kind, name, credentials: { shown, isCarriedOn } }: Watched): void {
    if (isCarriedOn || Object.keys(shown).length === 0) return;
    onNotice({ level: 'info', message: 'credentials from files are in use', fields: { [kind]: name, ...shown } });
  }

  function poll(): void {
    timer = clock.after(POLL_MS, poll);
    const now = clock.monotonic();
    const found = look();
    for (const owner of watched) {
      if (owner.files.some((file) => found.get(file) !== seen.get(file))) owner.changedAt = now;
    }
    seen = found;
    for (const owner of watched) {
      if (owner.changedAt !== undefined && now - owner.changedAt >= QUIET_MS) takeOver(owner, now);
    }
  }

  function takeOver(owner: WatchedFiles, now: number): void {
    const { kind, name, credentials, files } = owner;
    const isCurrent = (): boolean => files.every((file) => signatureOf(file) === seen.get(file));
    try {
      const result = credentials.reload(readFile, isCurrent);
      if (result === undefined) {
        owner.changedAt = now;
        return;
      }
      owner.changedAt = undefined;
      if ('refused' in result) {
        report(owner, result.refused);
        return;
      }
      owner.complaint = undefined;
      if (result.changed.length === 0) return;
      const complaints = [...result.suspicions, ...result.ages];
      const code = result.suspicions.length > 0 ? 'suspicious_secret' : 'expiring_certificate';
      onNotice({
        level: complaints.length > 0 ? 'warn' : 'info',
        message: `credentials changed, the new ones are in use${complaints.map((each) => `; ${each}`).join('')}`,
        fields: {
          [kind]: name,
          changed: result.changed,
          ...result.shown,
          ...(complaints.length > 0 ? { code } : {}),
        },
      });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      owner.changedAt = undefined;
      report(owner, error.message);
    }
  }

  function report(owner: WatchedFiles, complaint: string): void {
    if (owner.complaint === complaint) return;
    owner.complaint = complaint;
    onNotice({
      level: 'warn',
      message: `${complaint}: all old credentials of the ${owner.kind} stay in use`,
      fields: { [owner.kind]: owner.name },
    });
  }

  return () => timer.cancel();
}
