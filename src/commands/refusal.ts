import type { CommandCode } from './codes.ts';

/** Why a command can't do what was asked: it is told as a problem of the person at the keyboard. `code` is stable. */
export class CommandRefusal extends Error {
  readonly code: CommandCode;
  readonly help: string;

  constructor(code: CommandCode, message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
