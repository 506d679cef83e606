import type { DiagnosticCode } from './codes.ts';
import type { Diagnostic } from './diagnostics.ts';
import type { ConfigError } from './config-error.ts';
import { pathWithoutMasked, withoutMasked } from './masked.ts';
import type { Node, Location, Source } from '../yaml/tree.ts';

/** The remedy when a problem has no other. */
const REFERENCE = 'config/reference/config.md tells what belongs there';

/** Collects everything that is wrong with a config. */
export class Problems {
  readonly #main: Source;
  readonly #told = new Map<string, { readonly start: number; readonly diagnostic: Diagnostic }>();
  readonly #places = new Set<Location>();
  #errors = 0;

  constructor(main: Source) {
    this.#main = main;
  }

  /** How many errors were reported so far. An error that was reported twice counts twice. */
  get errors(): number {
    return this.#errors;
  }

  /** Whether any error or warning was reported. */
  get found(): boolean {
    return this.#told.size > 0;
  }

  /** Whether a problem was reported at exactly this place. What follows from that problem needn't be reported. */
  isReported(place: Location | undefined): boolean {
    return place !== undefined && this.#places.has(place);
  }

  /** Whether a problem was reported at a node or anywhere below it. */
  isBrokenBelow(node: Node | undefined): boolean {
    if (node === undefined) return false;
    if (this.#places.has(node) || (node.kind === 'scalar' && node.isBroken)) return true;
    if (node.kind === 'list') return node.items.some((item) => this.isBrokenBelow(item));
    return node.kind === 'map' && node.entries.values().some((value) => this.isBrokenBelow(value));
  }

  /** Reports an error: no config can be made. The same one at the same place is kept once. */
  error(code: DiagnosticCode, place: Location, message: string, help?: string): void {
    this.#errors++;
    this.#add('error', code, place, message, help);
  }

  /** Reports a warning: the config can be used. */
  warning(code: DiagnosticCode, place: Location, message: string, help?: string): void {
    this.#add('warning', code, place, message, help);
  }

  /** Reports an error that was thrown, at its place. */
  add(error: ConfigError, place: Location): void {
    this.error(error.code, place, error.message, error.help);
  }

  #add(severity: Diagnostic['severity'], code: DiagnosticCode, place: Location, message: string, help?: string): void {
    this.#places.add(place);
    const { source, start } = place;
    // A profile that several others extend is read several times, and its problems are found each time.
    const key = `${source.name}\0${start}\0${code}\0${message}`;
    if (this.#told.has(key)) return;
    const { line, column } = source.position(start);
    const lineEnd = source.text.indexOf('\n', start);
    const end = Math.min(place.end, lineEnd < 0 ? source.text.length : lineEnd);
    const diagnostic: Diagnostic = {
      severity,
      code,
      message,
      file: source.name,
      line,
      column,
      length: Math.max(1, source.text.slice(start, end).trimEnd().length),
      path: place.path,
      help: help ?? REFERENCE,
      // A file other than the config is a built-in profile, whose text may be shown.
      ...(source === this.#main ? {} : { excerpt: source.text.split('\n')[line - 1] ?? '' }),
    };
    this.#told.set(key, { start, diagnostic });
  }

  /**
   * All problems in the order of the file, then those of other files.
   * @param secrets Texts that are removed from messages and remedies when they are at least 8 characters long.
   * @param words The words that `masked` hid in the file: `…` replaces them in messages, remedies and paths.
   */
  all(secrets: Iterable<string>, words: ReadonlySet<string> = new Set()): readonly Diagnostic[] {
    const long = [...new Set(secrets)].filter((text) => text.length >= 8);
    const clean = (text: string): string =>
      long.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), withoutMasked(text, words));
    const rank = (file: string): string => (file === this.#main.name ? '' : file);
    return [...this.#told.values()]
      .toSorted((a, b) => rank(a.diagnostic.file).localeCompare(rank(b.diagnostic.file)) || a.start - b.start)
      .map(({ diagnostic }) => ({
        ...diagnostic,
        message: clean(diagnostic.message),
        path: pathWithoutMasked(diagnostic.path, words),
        ...(diagnostic.help === undefined ? {} : { help: clean(diagnostic.help) }),
      }));
  }
}
