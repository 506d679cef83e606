import { fromUnicode, toBytes, toUnicode } from '../core/byte-string.ts';
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

const bucket = (first: number, second: number, third: number): number =>
  (Math.imul(first, 961) + Math.imul(second, 31) + third) & (BUCKETS - 1);

/** The compiled needles, by the algorithm of Wu and Manber. */
interface Compiled {
  readonly needles: readonly Buffer[];
  /** The shared length of the beginnings by which needles are found. */
  readonly window: number;
  /** By the last bytes of a window: how far the next window may be that is the beginning of a needle; 0: this one may be. */
  readonly shifts: Uint8Array;
  /** Which bytes begin a needle. */
  readonly firsts: Uint8Array;
}

/** Returns the spellings of secrets that are long enough to be searched for. */
function spell(secrets: readonly Secret[]): readonly Buffer[] {
  const spellings = new Set<string>();
  for (const secret of secrets) {
    const text = secret.reveal();
    const unicode = toUnicode(text);
    if ((unicode ?? text).length < MIN_LENGTH) continue;
    if (unicode === undefined) spellings.add(text);
    else for (const spelling of spellingsOf(unicode)) spellings.add(fromUnicode(spelling));
  }
  return [...spellings].map(toBytes);
}

function compile(needles: readonly Buffer[]): Compiled | undefined {
  if (needles.length === 0) return undefined;
  const window = Math.min(MAX_WINDOW, ...needles.map(({ length }) => length));
  const shifts = new Uint8Array(BUCKETS).fill(window - BLOCK + 1);
  const firsts = new Uint8Array(256);
  for (const needle of needles) {
    firsts[needle[0] as number] = 1;
    for (let i = BLOCK - 1; i < window; i++) {
      const at = bucket(needle[i - 2] as number, needle[i - 1] as number, needle[i] as number);
      shifts[at] = Math.min(shifts[at] as number, window - 1 - i);
    }
  }
  return { needles, window, shifts, firsts };
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
  #last: { readonly digest: string; readonly needles: Needles } | undefined;

  /** @param others Needles that are searched for too. They are not spelled anew. */
  constructor(secrets: readonly Secret[], others: readonly Needles[] = []) {
    this.#secrets = secrets;
    this.#others = others;
  }

  /** These, and others. The last answer is kept for the same others. */
  with(more: readonly Secret[]): Needles {
    if (more.length === 0) return this;
    const digest = more.map((secret) => secret.digest()).join(' ');
    if (this.#last?.digest !== digest) this.#last = { digest, needles: new Needles(more, [this]) };
    return this.#last.needles;
  }

  /** These, and those of another request. */
  and(other: Needles): Needles {
    return other === this ? this : new Needles([], [this, other]);
  }

  #get(): Compiled | undefined {
    if (!this.#isCompiled) {
      const others = this.#others.flatMap((needles) => needles.#get()?.needles ?? []);
      this.#compiled = compile([...spell(this.#secrets), ...others]);
      this.#isCompiled = true;
    }
    return this.#compiled;
  }

  /** Whether there is nothing to search for. */
  get isEmpty(): boolean {
    return this.#get() === undefined;
  }

  /** Whether a text, one character for each byte, may have one of them in it. When false, it has none. */
  mayStandIn(text: string): boolean {
    const compiled = this.#get();
    if (!compiled) return false;
    const { window, shifts } = compiled;
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
    const { needles, window, shifts, firsts } = compiled;
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
function agreeing(part: Uint8Array, start: number, needle: Buffer): number {
  const most = Math.min(needle.length, part.length - start);
  let count = 0;
  while (count < most && part[start + count] === needle[count]) count++;
  return count;
}
