/** Why the local CA can't be kept where it should be, for the person who starts the program: what is wrong and what to do. */
export class CaRefusal extends Error {
  override readonly name = 'CaRefusal';
  /** Stable. `unsafe_state_dir`: others could use the CA, or replace it. `unusable_state_dir`: it can't be read or written. */
  readonly code: 'unsafe_state_dir' | 'unusable_state_dir';
  readonly help: string;

  constructor(code: CaRefusal['code'], message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}

/** Runs `use`; what the system has against it is told as an `unusable_state_dir`. */
export function inStateDir<T>(stateDir: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof CaRefusal || code === undefined) throw error;
    throw new CaRefusal(
      'unusable_state_dir',
      `the state directory ${stateDir} can't be used: ${code}`,
      'set `state_dir` to a directory that this user may make or write to',
    );
  }
}
