/** The error that stops a start because the store can't be used: what is wrong, and in `help` what to do about it. */
export class StoreRefusal extends Error {
  override readonly name = 'StoreRefusal';
  /** A stable code. `unsafe_store`: other users could read the store. `unusable_store`: it can't be written to. */
  readonly code: 'unsafe_store' | 'unusable_store';
  readonly help: string;

  constructor(code: StoreRefusal['code'], message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
