import type { DiagnosticCode } from './codes.ts';
import type { Diagnostic } from './diagnostics.ts';
import type { Fault } from './fault.ts';
import type { Node, Place, Source } from './tree.ts';

/** The remedy where there is no better one. */
const REFERENCE = 'config/proxy.schema.json and config/profiles/README.md tell what belongs there';

/** All that is wrong with one config, collected on the way. */
export class Problems {
  readonly #main: Source;
  readonly #found = new Map<string, { readonly start: number; readonly diagnostic: Diagnostic }>();
  readonly #places = new Set<Place>();
  #errors = 0;

  constructor(main: Source) {
    this.#main = main;
  }

  /** How many errors were met so far, repeated ones counted again. */
  get errors(): number {
    return this.#errors;
  }

  /** Whether something is wrong at exactly this node, so that what follows from it needn't be said. */
  isBroken(place: Place | undefined): boolean {
    return place !== undefined && this.#places.has(place);
  }

  /** The same for a node and all below it. */
  isBrokenBelow(node: Node | undefined): boolean {
    if (node === undefined) return false;
    if (this.#places.has(node) || (node.kind === 'scalar' && node.isBroken)) return true;
    if (node.kind === 'list') return node.items.some((item) => this.isBrokenBelow(item));
    return node.kind === 'map' && node.entries.values().some((value) => this.isBrokenBelow(value));
  }

  error(code: DiagnosticCode, place: Place, message: string, help?: string): void {
    this.#errors++;
    this.#add('error', code, place, message, help);
  }

  warning(code: DiagnosticCode, place: Place, message: string, help?: string): void {
    this.#add('warning', code, place, message, help);
  }

  fault(fault: Fault, place: Place): void {
    this.error(fault.code, place, fault.message, fault.help);
  }

  #add(severity: Diagnostic['severity'], code: DiagnosticCode, place: Place, message: string, help?: string): void {
    this.#places.add(place);
    const { source, start } = place;
    // A profile that several others extend is read several times.
    const key = `${source.name}\0${start}\0${code}\0${message}`;
    if (this.#found.has(key)) return;
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
      ...(source === this.#main ? {} : { excerpt: source.shown().split('\n')[line - 1] ?? '' }),
    };
    this.#found.set(key, { start, diagnostic });
  }

  /** In the order of the file, other files after it. A text of `secrets` that slipped into a message is taken out. */
  all(secrets: Iterable<string>): readonly Diagnostic[] {
    if (this.#found.size === 0) return [];
    const long = [...new Set(secrets)].filter((text) => text.length >= 8);
    const clean = (text: string): string => long.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text);
    const rank = (file: string): string => (file === this.#main.name ? '' : file);
    return [...this.#found.values()]
      .toSorted((a, b) => rank(a.diagnostic.file).localeCompare(rank(b.diagnostic.file)) || a.start - b.start)
      .map(({ diagnostic }) => ({
        ...diagnostic,
        message: clean(diagnostic.message),
        ...(diagnostic.help === undefined ? {} : { help: clean(diagnostic.help) }),
      }));
  }
}
