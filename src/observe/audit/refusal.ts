/** The error that stops a start because the audit trail can't be kept: what is wrong, and in `help` what to do about it. */
export class AuditRefusal extends Error {
  override readonly name = 'AuditRefusal';
  /**
   * A stable code. `audit_in_use`: another process writes the trail. `audit_other_key`: its last line was not written with this
   * key. `broken_audit`: the file is no trail. `unsafe_audit`: others could read or replace it. `unusable_audit`: it can't be
   * written.
   */
  readonly code: 'audit_in_use' | 'audit_other_key' | 'broken_audit' | 'unsafe_audit' | 'unusable_audit';
  readonly help: string;

  constructor(code: AuditRefusal['code'], message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
