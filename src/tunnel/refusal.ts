/** Says why the local CA can't be kept in its directory: what is wrong (`message`) and what to do (`help`). */
export class CaRefusal extends Error {
  override readonly name = 'CaRefusal';
  /**
   * A stable code. `unsafe_state_dir`: others could use or replace the CA. `unusable_state_dir`: it can't be read or written.
   */
  readonly code: 'unsafe_state_dir' | 'unusable_state_dir';
  readonly help: string;

  constructor(code: CaRefusal['code'], message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}

/** Runs `use` and returns its result. An error of the system becomes an `unusable_state_dir`; other errors stay as they are. */
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
