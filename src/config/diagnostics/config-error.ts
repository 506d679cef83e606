import type { DiagnosticCode } from './codes.ts';

/**
 * A mistake in a config. It is thrown where the place in the file is not known: a caller further up catches it and adds the
 * place. It holds no secret.
 */
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
