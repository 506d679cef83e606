import type { DiagnosticCode } from './codes.ts';
import type { Diagnostic } from './diagnostics.ts';
import type { ConfigError } from './config-error.ts';
import { pathWithoutMasked, withoutMasked } from './masked.ts';
import type { Node, Location, Source } from '../yaml/tree.ts';

/** The remedy where there is no better one. */
const REFERENCE = 'config/reference/config.md tells what belongs there';

/** All that is wrong with one config, collected on the way. */
export class Problems {
  readonly #main: Source;
  readonly #told = new Map<string, { readonly start: number; readonly diagnostic: Diagnostic }>();
  readonly #places = new Set<Location>();
  #errors = 0;

  constructor(main: Source) {
    this.#main = main;
  }

  /** How many errors were met so far, repeated ones counted again. */
  get errors(): number {
    return this.#errors;
  }

  /** Whether there is anything to tell. */
  get found(): boolean {
    return this.#told.size > 0;
  }

  /** Whether something is wrong at exactly this node, so that what follows from it needn't be said. */
  isBroken(place: Location | undefined): boolean {
    return place !== undefined && this.#places.has(place);
  }

  /** The same for a node and all below it. */
  isBrokenBelow(node: Node | undefined): boolean {
    if (node === undefined) return false;
    if (this.#places.has(node) || (node.kind === 'scalar' && node.isBroken)) return true;
    if (node.kind === 'list') return node.items.some((item) => this.isBrokenBelow(item));
    return node.kind === 'map' && node.entries.values().some((value) => this.isBrokenBelow(value));
  }

  error(code: DiagnosticCode, place: Location, message: string, help?: string): void {
    this.#errors++;
    this.#add('error', code, place, message, help);
  }

  warning(code: DiagnosticCode, place: Location, message: string, help?: string): void {
    this.#add('warning', code, place, message, help);
  }

  add(error: ConfigError, place: Location): void {
    this.error(error.code, place, error.message, error.help);
  }

  #add(severity: Diagnostic['severity'], code: DiagnosticCode, place: Location, message: string, help?: string): void {
    this.#places.add(place);
    const { source, start } = place;
    // A profile that several others extend is read several times.
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
      // Another file is a profile of ours.
      ...(source === this.#main ? {} : { excerpt: source.text.split('\n')[line - 1] ?? '' }),
    };
    this.#told.set(key, { start, diagnostic });
  }

  /** In the order of the file, other files after it. What of `secrets` and the masked `words` slipped into a message is taken out. */
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
