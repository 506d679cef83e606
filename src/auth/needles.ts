import { type ByteString, fromUnicode, toUnicode } from '../core/byte-string.ts';
import type { Secret } from '../core/secret.ts';
import { spellingsOf } from '../core/spellings.ts';

/** Texts with fewer characters are not searched for: they stand in others by chance. */
const MIN_LENGTH = 12;
/** How much of each needle decides where it may begin. Longer windows skip further, and cost more memory. */
const MAX_WINDOW = 32;
/** How many bytes are looked at together. */
const BLOCK = 3;
const BUCKETS = 2048;
/**
 * How often a byte is compared at most, on average. Only texts that are made for it come near: for these the search is given
 * up, since it is no defence against a provider that means harm.
 */
const MAX_COMPARES = 64;
const COMPARES_RESERVE = 64 * 1024;
/** How often a shared table may be changed before there is a new one. The more it knows, the less it skips. */
const MAX_CHANGES = BUCKETS / 8;

const bucket = (first: number, second: number, third: number): number =>
  (Math.imul(first, 961) + Math.imul(second, 31) + third) & (BUCKETS - 1);

/** By which bytes of a text needles are found in it. */
interface Table {
  /** By the last bytes of a window: how far the next window may be that is the beginning of a needle; 0: this one may be. */
  readonly shifts: Uint8Array;
  /** Which bytes begin a needle. */
  readonly firsts: Uint8Array;
}

/** The compiled needles, by the algorithm of Wu and Manber. */
interface Compiled {
  readonly needles: readonly ByteString[];
  /** The shared length of the beginnings by which needles are found. */
  readonly window: number;
  readonly table: Table;
}

/** Returns the spellings of secrets that are long enough to be searched for. */
function spell(secrets: readonly Secret[]): ByteString[] {
  const texts = secrets.map((secret) => secret.reveal());
  return texts.flatMap((text, i) => {
    if (texts.indexOf(text) !== i) return [];
    const unicode = toUnicode(text);
    if ((unicode ?? text).length < MIN_LENGTH) return [];
    if (unicode === undefined) return text;
    const spellings = spellingsOf(unicode);
    return unicode === text ? spellings : spellings.map(fromUnicode);
  });
}

const newTable = (window: number): Table => ({
  shifts: new Uint8Array(BUCKETS).fill(window - BLOCK + 1),
  firsts: new Uint8Array(256),
});

const copyOf = ({ shifts, firsts }: Table): Table => ({ shifts: shifts.slice(), firsts: firsts.slice() });

/**
 * Puts needles into a table. What is found by it stays right for those that were in it: it only skips less. Returns how often
 * the table was changed.
 */
function addTo({ shifts, firsts }: Table, needles: readonly ByteString[], window: number): number {
  let changes = 0;
  for (const needle of needles) {
    firsts[needle.charCodeAt(0)] = 1;
    for (let i = BLOCK - 1; i < window; i++) {
      const at = bucket(needle.charCodeAt(i - 2), needle.charCodeAt(i - 1), needle.charCodeAt(i));
      if ((shifts[at] as number) <= window - 1 - i) continue;
      shifts[at] = window - 1 - i;
      changes++;
    }
  }
  return changes;
}

const windowOf = (needles: readonly ByteString[]): number =>
  needles.reduce((least, { length }) => Math.min(least, length), MAX_WINDOW);

function compile(needles: readonly ByteString[]): Compiled | undefined {
  if (needles.length === 0) return undefined;
  const window = windowOf(needles);
  const table = newTable(window);
  addTo(table, needles, window);
  return { needles, window, table };
}

/** What a search found at one place of a text. */
export interface Found {
  readonly start: number;
  readonly end: number;
}

/** What a search of a part of a text came to. */
export interface Search {
  /** The needles that stand in it whole, by where they begin. They may overlap. */
  readonly found: readonly Found[];
  /** Where the first needle may begin that would end behind the part; its length when there is none. */
  readonly open: number;
}

const NOTHING: readonly Found[] = [];

/**
 * Secrets to be searched for in what comes back from a provider, in all their spellings. They are compiled when first
 * searched for. Neither they nor their spellings can be read from outside.
 */
export class Needles {
  readonly #secrets: readonly Secret[];
  readonly #others: readonly Needles[];
  #compiled: Compiled | undefined;
  #isCompiled = false;
  /** The table of these and of others that were searched for with these. */
  #shared: { readonly table: Table; readonly changes: number } | undefined;
  #last: { readonly secrets: readonly Secret[]; readonly needles: Needles } | undefined;

  /** @param others Needles that are searched for too. They are not spelled anew. */
  constructor(secrets: readonly Secret[], others: readonly Needles[] = []) {
    this.#secrets = secrets;
    this.#others = others;
  }

  /** These, and others. The last answer is kept for the same others. */
  with(more: readonly Secret[]): Needles {
    if (more.length === 0) return this;
    const last = this.#last?.secrets;
    const isSame = last?.length === more.length && more.every((secret, i) => secret.equals(last[i] as Secret));
    if (!this.#last || !isSame) this.#last = { secrets: more, needles: new Needles(more, [this]) };
    return this.#last.needles;
  }

  /** These, and those of another request. */
  and(other: Needles): Needles {
    return other === this ? this : new Needles([], [this, other]);
  }

  #get(): Compiled | undefined {
    if (!this.#isCompiled) {
      const spelled = spell(this.#secrets);
      const [first, ...rest] = this.#others;
      this.#compiled = first && rest.length === 0 ? first.#compileWith(spelled) : this.#compileAll(spelled);
      this.#isCompiled = true;
    }
    return this.#compiled;
  }

  #compileAll(spelled: readonly ByteString[]): Compiled | undefined {
    return compile([...spelled, ...this.#others.flatMap((needles) => needles.#get()?.needles ?? [])]);
  }

  /** Compiles these with spellings that may be new for each request: so they share a table with those before them. */
  #compileWith(spelled: readonly ByteString[]): Compiled | undefined {
    const own = this.#get();
    if (!own || spelled.length === 0) return own ?? compile(spelled);
    const needles = [...spelled, ...own.needles];
    const { window } = own;
    if (windowOf(spelled) < window) return compile(needles);
    const { table, changes } = this.#shared ?? { table: copyOf(own.table), changes: 0 };
    const now = changes + addTo(table, spelled, window);
    this.#shared = now < MAX_CHANGES ? { table, changes: now } : undefined;
    return { needles, window, table };
  }

  /** Whether there is nothing to search for. */
  get isEmpty(): boolean {
    return this.#get() === undefined;
  }

  /** Whether a text, one character for each byte, may have one of them in it. When false, it has none. */
  mayStandIn(text: string): boolean {
    const compiled = this.#get();
    if (!compiled) return false;
    const { window, table } = compiled;
    const { shifts } = table;
    for (let last = window - 1; last < text.length;) {
      const at = bucket(text.charCodeAt(last - 2), text.charCodeAt(last - 1), text.charCodeAt(last));
      const shift = shifts[at] as number;
      if (shift === 0) return true;
      last += shift;
    }
    return false;
  }

  /**
   * Searches a part of a text for needles that begin before `limit`.
   * @param isLast Whether the text ends with it. If not, a needle may go on behind it.
   */
  search(part: Uint8Array, limit: number, isLast: boolean): Search {
    const compiled = this.#get();
    const { length } = part;
    if (!compiled) return { found: NOTHING, open: length };
    const { needles, window, table } = compiled;
    const { shifts, firsts } = table;
    let found: Found[] | undefined;
    let open = length;
    let last = window - 1;
    let compares = 0;
    const maxCompares = COMPARES_RESERVE + MAX_COMPARES * length;
    const stop = Math.min(length, limit + window - 1);
    while (last < stop && compares < maxCompares) {
      const shift = shifts[bucket(part[last - 2] as number, part[last - 1] as number, part[last] as number)] as number;
      if (shift > 0) {
        last += shift;
        continue;
      }
      const start = last - window + 1;
      for (const needle of needles) {
        const end = start + needle.length;
        const count = agreeing(part, start, needle);
        compares += count;
        if (start + count < Math.min(end, length)) continue;
        if (end <= length) (found ??= []).push({ start, end });
        else if (!isLast) open = Math.min(open, start);
      }
      last++;
    }
    if (isLast || compares >= maxCompares) return { found: found ?? NOTHING, open: length };
    const tail = Math.min(open, limit);
    for (let start = last - window + 1; start < tail; start++) {
      if (firsts[part[start] as number] === 0) continue;
      if (!needles.some((needle) => start + agreeing(part, start, needle) === length)) continue;
      open = start;
      break;
    }
    return { found: found ?? NOTHING, open };
  }
}

/** How many bytes from `start` on are those of a needle. */
function agreeing(part: Uint8Array, start: number, needle: ByteString): number {
  const most = Math.min(needle.length, part.length - start);
  let count = 0;
  while (count < most && part[start + count] === needle.charCodeAt(count)) count++;
  return count;
}
