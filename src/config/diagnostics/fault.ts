import type { DiagnosticCode } from './codes.ts';

/** A problem whose place is known only further up. Holds no secret. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: DiagnosticCode;
  readonly help: string | undefined;

  constructor(code: DiagnosticCode, message: string, help?: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
