/** Why a store can't be used at all, for the person who starts the program: what is wrong and what to do. */
export class StoreRefusal extends Error {
  override readonly name = 'StoreRefusal';
  /** Stable. `unsafe_store`: others could read it. `unusable_store`: it can't be written to. */
  readonly code: 'unsafe_store' | 'unusable_store';
  readonly help: string;

  constructor(code: StoreRefusal['code'], message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
