import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { AuditConfig, CallerConfig } from '../../config/config.ts';
import type { Audit } from '../../core/audit.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { AuthOutcome, Events, ExchangeRecord } from '../../core/events.ts';
import { VERSION } from '../../core/version.ts';
import { FileLock } from '../../store/file-lock.ts';
import { callerTexts, type Redacts } from '../caller-texts.ts';
import { isoTimes } from '../line.ts';
import { subscribe } from '../subscribe.ts';
import { CallerChanges } from './caller-changes.ts';
import { asRefusal, checkPrivate } from './file.ts';
import { digestOf, macKey, type Told } from './line.ts';
import { AuditRefusal } from './refusal.ts';
import { AuditReports } from './reports.ts';
import { Trail } from './trail.ts';

/** What the audit trail works with. */
export interface AuditDeps {
  readonly clock: Clock;
  readonly events: Events;
  readonly logger: Redacts;
  /** The callers of the config in use. */
  readonly callers: () => readonly CallerConfig[];
}

/** How a trail is. */
export interface AuditState {
  readonly path: string;
  /** The SHA-256 of the newest line, in hex. */
  readonly head: string;
  /** The number of the newest line. */
  readonly lines: number;
  /** How many lines could not be written since the start. */
  readonly gaps: number;
}

/** An audit trail that has to be closed. */
export interface OpenAudit extends Audit {
  readonly state: AuditState;
  /** Writes a last line, and lets another process write the trail. */
  close(): Promise<void>;
}

/** How often the file is synced, and looked for under its name. */
const TICK_MS = 1_000;
/** After this time another process may write the trail, if this one says nothing. */
const LEASE_MS = 10_000;
/** How often the lease is begun anew, in ticks. */
const EXTEND_TICKS = 3;
const ASK_AGAIN_MS = 250;

/** What was done about a request that carried a credential. */
const CARRIES: ReadonlySet<AuthOutcome | undefined> = new Set<AuthOutcome>([
  'injected',
  'signed',
  'certificate',
  'renewed',
  'replayed',
]);

/** Whether a credential went out with the request, or a signature was handed to its caller. */
const carriesCredential = ({ attempts, auth, status }: ExchangeRecord): boolean =>
  CARRIES.has(auth) && (attempts > 0 || (auth === 'signed' && status === 200));

/**
 * Takes the lock of a trail. A process that died without giving it back may have run elsewhere, or under our own number. So it waits
 * until the lease lapses, or is begun anew. Throws `audit_in_use`.
 */
async function takeLock(path: string, lock: FileLock, holder: string): Promise<void> {
  let firstVersion: number | undefined;
  while (!(await lock.take(holder, LEASE_MS))) {
    const other = await lock.holder();
    if (!other) continue;
    firstVersion ??= other.version;
    if (other.pid !== undefined || other.version !== firstVersion) {
      const who = other.pid === undefined ? 'another process' : `the process ${other.pid}`;
      throw new AuditRefusal(
        'audit_in_use',
        `${who} writes the audit trail ${path}`,
        'stop that process, or set `audit.path` to another file: each process has a trail of its own',
      );
    }
    await setTimeout(ASK_AGAIN_MS);
  }
}

/** The line of a request. */
function toldOf(record: ExchangeRecord, body: Uint8Array | undefined, logger: Redacts): Told {
  const { id, path } = callerTexts(record, logger);
  return {
    request_id: id,
    trace_id: record.traceId,
    route: record.route,
    provider: record.provider,
    caller: record.caller,
    method: record.method,
    path,
    upstream: record.upstream,
    auth: record.auth,
    attempts: record.attempts,
    status: record.status,
    code: record.code,
    outcome: record.outcome,
    body_sha256: body && digestOf(body),
  };
}

/**
 * Opens the audit trail. Rejects with an `AuditRefusal` when it can't be kept, or another process writes it. Later failures are
 * told as notices and counted, and requests go on.
 */
export async function openAudit({ path, key, sync }: AuditConfig, deps: AuditDeps): Promise<OpenAudit> {
  const { clock, events, logger, callers } = deps;
  const lock = new FileLock(`${path}.lock`, clock);
  const holder = randomUUID();
  try {
    checkPrivate(path);
    await takeLock(path, lock, holder);
  } catch (error) {
    throw asRefusal(path, error);
  }
  const reports = new AuditReports(path, deps);
  let trail: Trail;
  try {
    trail = new Trail({ path, key: key && macKey(key), time: isoTimes(() => clock.now()), reports });
  } catch (error) {
    await lock.free(holder);
    throw error;
  }
  let isOurs = true;
  let ticks = 0;
  let timer: Timer;

  const append = (event: string, told: Told): boolean => {
    if (isOurs) return trail.append(event, told);
    events.emit('auditGap');
    return false;
  };

  async function extend(): Promise<void> {
    // A full disk may not take the note that we are still here. It takes none of others either.
    if (await lock.extend(holder, LEASE_MS).catch(() => true)) return;
    isOurs = false;
    reports.takenOver();
  }

  const callerChanges = new CallerChanges(callers());
  const tellCallers = (): void => {
    for (const change of callerChanges.since(callers())) append('caller', { ...change });
  };

  function tick(): void {
    timer = clock.after(TICK_MS, tick);
    if (!isOurs) return;
    tellCallers();
    trail.look();
    void trail.durable();
    if (++ticks % EXTEND_TICKS === 0) void extend();
  }
  timer = clock.after(TICK_MS, tick);

  append('start', { version: VERSION });
  const stop = subscribe(events, {
    renewal: ({ provider, reason, outcome, expiresAtMs, detail }) =>
      void append('token', {
        provider,
        reason,
        outcome,
        expires_at: expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString(),
        detail: detail && logger.redact(detail),
      }),
    reload({ outcome, detail }) {
      trail.look();
      append('reload', { outcome, detail: detail && logger.redact(detail) });
      tellCallers();
    },
  });

  return {
    get state() {
      const { head, lines, gaps } = trail;
      return { path, head, lines, gaps };
    },
    request(record, body) {
      if (!carriesCredential(record)) return undefined;
      const isWritten = append('request', toldOf(record, body, logger));
      return isWritten && sync === 'always' ? trail.durable() : undefined;
    },
    async close() {
      stop();
      timer.cancel();
      append('stop', {});
      await trail.close();
      if (isOurs) await lock.free(holder).catch(() => undefined);
    },
  };
}
