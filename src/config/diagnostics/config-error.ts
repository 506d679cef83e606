import type { DiagnosticCode } from './codes.ts';

/** A problem whose place is known only further up. Holds no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: DiagnosticCode;
  readonly help: string | undefined;

  constructor(code: DiagnosticCode, message: string, help?: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
