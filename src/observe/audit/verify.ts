import type { KeyObject } from 'node:crypto';
import { digestOf, isSigned, NO_LINE, readLine, type Line } from './line.ts';

/** What a trail is held against. */
export interface VerifyOptions {
  /** The key of the HMACs. Without it they are not checked. */
  readonly key?: KeyObject | undefined;
  /** The digest that a line must have, in hex. */
  readonly head?: string | undefined;
}

/** A trail of which no line was changed, dropped, inserted or swapped. */
export interface Whole {
  readonly isWhole: true;
  /** How many lines the file has. */
  readonly lines: number;
  /** The numbers that its first and its last line have in the trail. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The times of both. */
  readonly from: string;
  readonly to: string;
  /** The digest of the last line, in hex. */
  readonly head: string;
  /** The head of the file before this one, in hex; undefined when the trail begins here. */
  readonly follows: string | undefined;
  /** How many lines its gaps lack. */
  readonly lost: number;
  /** How many lines are torn. */
  readonly torn: number;
  /** Whether the last line is torn. */
  readonly endsTorn: boolean;
  readonly hmac: 'checked' | 'not_checked' | 'none';
  /** The line that has the head that was asked for; 0 for the last one of the file before. */
  readonly headLine: number | undefined;
}

/** Where a trail is not what was written. */
export interface Broken {
  readonly isWhole: false;
  /** The line in the file, from 1. */
  readonly line: number;
  /** What is wrong, behind "line N". */
  readonly why: string;
}

/** The place in the chain behind a line. */
interface Place {
  readonly seq: number;
  readonly digest: string;
}

const broken = (line: number, why: string): Broken => ({ isWhole: false, line, why });
const plural = (count: number): string => (count === 1 ? '1 line is' : `${count} lines are`);

/** Holds the lines of a trail against each other, in turn. */
class Verifier {
  readonly #options: VerifyOptions;
  #count = 0;
  #first: Line | undefined;
  #last: Line | undefined;
  #place: Place | undefined;
  /** The place before the line that came last, whatever that line is. */
  #before: Place | undefined;
  #digest = '';
  /** What is wrong with the line that came last. A line behind it may say that it is torn. */
  #doubt: ((next: Line | undefined) => Broken) | undefined;
  #lost = 0;
  #torn = 0;
  #hasMacs = false;
  #headLine: number | undefined;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  /** Takes the next line. Returns what is wrong with it, or with one before it. */
  take(bytes: Buffer): Broken | undefined {
    const line = readLine(bytes);
    this.#count++;
    if (line && this.#saysTorn(line, bytes)) {
      this.#doubt = undefined;
      this.#torn++;
      this.#place = this.#before;
      this.#accept(line, bytes);
      return undefined;
    }
    if (this.#doubt) return this.#doubt(line);
    this.#before = this.#place;
    this.#doubt = this.#wrong(line, bytes);
    if (line && !this.#doubt) this.#accept(line, bytes);
    else this.#digest = digestOf(bytes);
    return undefined;
  }

  /** Takes the end of the file. */
  end(endsTorn: boolean): Whole | Broken {
    if (this.#doubt) return this.#doubt(undefined);
    const { head } = this.#options;
    if (!this.#first || !this.#last) return broken(1, 'is missing: the file has no whole line');
    if (head !== undefined && this.#headLine === undefined)
      return broken(this.#count + 1, 'is missing: no line has that head, so the end was cut off or written anew');
    const isBegun = this.#first.event !== 'begin' || this.#first.prev === NO_LINE;
    const follows = isBegun ? undefined : this.#first.prev;
    return {
      isWhole: true,
      lines: this.#count,
      firstSeq: this.#first.seq,
      lastSeq: this.#last.seq,
      from: this.#first.time,
      to: this.#last.time,
      head: this.#digest,
      follows,
      lost: this.#lost,
      torn: this.#torn,
      endsTorn,
      hmac: !this.#hasMacs ? 'none' : this.#options.key ? 'checked' : 'not_checked',
      headLine: this.#headLine,
    };
  }

  #accept(line: Line, bytes: Buffer): void {
    const { head } = this.#options;
    if (!this.#first) {
      this.#first = line;
      if (head === line.prev) this.#headLine = 0;
    }
    this.#last = line;
    this.#digest = digestOf(bytes);
    this.#place = { seq: line.seq, digest: this.#digest };
    if (head === this.#digest) this.#headLine = this.#count;
    if (line.hmac !== undefined) this.#hasMacs = true;
    if (line.event === 'gap') this.#lost += Number(line.told['lines']);
  }

  /** Whether a line says that the one before it was torn. */
  #saysTorn(line: Line, bytes: Buffer): boolean {
    const { key } = this.#options;
    if (line.event !== 'torn' || this.#count === 1) return false;
    const { seq = 0, digest = NO_LINE } = this.#before ?? {};
    const isNext = line.seq === seq + 1 && line.prev === this.#digest && line.told['after'] === digest;
    return isNext && (!key || isSigned(bytes, line, key));
  }

  /** What is wrong with a line, as far as the line behind it has no say; undefined: nothing. */
  #wrong(line: Line | undefined, bytes: Buffer): ((next: Line | undefined) => Broken) | undefined {
    const at = this.#count;
    const is = (why: string) => (): Broken => broken(at, why);
    const { key } = this.#options;
    if (!line) return is('was changed: it is no line of an audit trail');
    if (key && line.hmac === undefined) return is('was changed or inserted: it has no HMAC');
    if (key && !isSigned(bytes, line, key)) return is('was changed or inserted, or written with another key');
    const place = this.#place;
    if (!place) {
      const isFirst = line.event === 'begin' && (line.prev !== NO_LINE || line.seq === 1);
      if (isFirst) return undefined;
      return is(`has the number ${line.seq}: what came before it is missing`);
    }
    const due = place.seq + 1;
    const isChained = line.prev === place.digest;
    if (line.seq === due && isChained) return undefined;
    if (isChained) return is(`was changed: it has the number ${line.seq} in place of ${due}`);
    if (line.seq > due) {
      const missing = plural(line.seq - due);
      return is(`has the number ${line.seq} in place of ${due}: ${missing} missing before it, or it was moved here`);
    }
    if (line.seq < due) return is(`has the number ${line.seq} in place of ${due}: it was inserted, or moved here`);
    if (line.event === 'torn' && line.told['after'] === place.digest) return is('follows a torn line that is missing');
    const digest = digestOf(bytes);
    return (next) => {
      // A changed line breaks the chain behind it. This one breaks it on both sides, if the line before it is as it was.
      const isItself = key !== undefined || (next !== undefined && next.prev !== digest);
      return isItself
        ? broken(at, `was changed or inserted: it does not follow line ${at - 1}`)
        : broken(at - 1, `was changed: it is not the one that line ${at} follows`);
    };
  }
}

/** The longest line that is read. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Verifies a trail that comes in pieces. Resolves with what it holds, or with the first line that is not as it was written. */
export async function verifyTrail(pieces: AsyncIterable<Buffer>, options: VerifyOptions): Promise<Whole | Broken> {
  const verifier = new Verifier(options);
  let rest: Buffer = Buffer.alloc(0);
  let lines = 0;
  for await (const piece of pieces) {
    let bytes: Buffer = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      lines++;
      const wrong = verifier.take(bytes.subarray(0, end));
      if (wrong) return wrong;
      bytes = bytes.subarray(end + 1);
    }
    if (bytes.length > MAX_LINE_BYTES) return broken(lines + 1, 'is too long to be one of an audit trail');
    rest = bytes;
  }
  return verifier.end(rest.length > 0);
}
