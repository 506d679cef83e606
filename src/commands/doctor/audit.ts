import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AuditConfig } from '../../config/config.ts';
import { checkPrivate, atTrail } from '../../observe/audit/file.ts';
import { macKey } from '../../observe/audit/line.ts';
import { AuditRefusal } from '../../observe/audit/refusal.ts';
import { checkTrail } from '../../observe/audit/trail.ts';
import { canBeMade, freeBytes, isWritable, LEAST_FREE_BYTES, roughly } from './files.ts';
import { failure, ok, warning, type Finding } from './finding.ts';

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );

const unwritable = (message: string): Finding =>
  failure('audit', {
    code: 'unusable_audit',
    message,
    remedy: 'set `audit.path` to a file in a directory that this user may make or write to',
  });

/**
 * Whether the audit trail can be kept as the config says. Nothing is written to it, and a running proxy may hold it. There is no
 * finding when the config has no trail.
 */
export async function checkAudit(audit: AuditConfig | undefined): Promise<readonly Finding[]> {
  if (!audit) return [];
  const { path, key } = audit;
  const directory = dirname(path);
  if (!(await isThere(directory))) {
    if (await canBeMade(directory))
      return [ok('audit', 'audit_ok', `${path} is not there yet: it is made at the start`)];
    return [unwritable(`the directory of the audit trail ${path} is not there and can't be made`)];
  }
  try {
    atTrail(path, () => checkPrivate(path));
    if (!(await isWritable(directory)))
      return [unwritable(`this user can't write to ${directory}, where the audit trail lies`)];
    const isNew = !(await isThere(path));
    if (!isNew) checkTrail(path, key && macKey(key));
    const free = await freeBytes(directory);
    if (free < LEAST_FREE_BYTES) {
      const message = `${directory} has ${roughly(free)} left for the audit trail`;
      return [warning('audit', { code: 'audit_space', message, remedy: 'make room there' })];
    }
    const how = isNew ? 'is not there yet: it is made at the start' : "is this user's alone and can be gone on with";
    return [ok('audit', 'audit_ok', `${path} ${how}; ${roughly(free)} left`)];
  } catch (error) {
    if (!(error instanceof AuditRefusal)) throw error;
    return [failure('audit', { code: error.code, message: error.message, remedy: error.help })];
  }
}
