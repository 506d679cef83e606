import type { Interpolation } from './interpolate.ts';

/** A text with its name and places, and what of it may be seen. */
export class Source {
  readonly name: string;
  readonly text: string;
  readonly visible: (readonly [start: number, end: number])[] = [];
  readonly hidden: (readonly [start: number, end: number])[] = [];
  #lineStarts: readonly number[] | undefined;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }

  /** Line and column of an offset, both from 1. (The YAML library's own counter overlooks some line breaks.) */
  position(offset: number): { readonly line: number; readonly column: number } {
    this.#lineStarts ??= [0, ...Array.from(this.text.matchAll(/\n/g), ({ index }) => index + 1)];
    const starts = this.#lineStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  }

  /** What stands there is known to be no secret. */
  show(start: number, end: number): void {
    this.visible.push([start, end]);
  }

  /** What stands there is a secret, whatever it looks like. */
  hide(start: number, end: number): void {
    this.hidden.push([start, end]);
  }
}

/** A stretch of source, and the way to it through the structure. */
export interface Location {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly path: string;
}

/** The place of something below another place: a key, or one that is missing. Its path is put together only when asked for. */
export class ChildLocation implements Location {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly key: string;
  readonly #parent: Location;

  constructor(parent: Location, key: string, span: { readonly start: number; readonly end: number } = parent) {
    this.source = parent.source;
    this.start = span.start;
    this.end = span.end;
    this.key = key;
    this.#parent = parent;
  }

  get path(): string {
    return joinPath(this.#parent.path, this.key);
  }
}

/** What nodes have in common: where they stand. The place of a map or list is its key, where it has one. */
abstract class Base implements Location {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly #parent: Base | undefined;
  readonly #key: string | number | undefined;

  constructor(at: At) {
    this.source = at.source;
    this.start = at.start;
    this.end = at.end;
    this.#parent = at.parent;
    this.#key = at.key;
  }

  /** Its key in a map, its index in a list. */
  get key(): string | number | undefined {
    return this.#key;
  }

  get path(): string {
    const parent = this.#parent?.path ?? '';
    return this.#key === undefined ? parent : joinPath(parent, this.#key);
  }
}

export interface At {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly parent: Node | undefined;
  readonly key: string | number | undefined;
}

/** A single value. YAML's own idea of its type is kept, but it is the schema that types the {@link text}. */
export class ScalarNode extends Base {
  readonly kind = 'scalar';
  /** As written, after YAML's quoting and before interpolation. */
  readonly raw: string;
  /** What YAML makes of it; text for an interpolated one. */
  readonly value: string | number | boolean | null;
  /** As the schema sees it. */
  readonly text: string;
  /** How the text came about, where `$` had a meaning. */
  readonly interpolation: Interpolation | undefined;
  /** The interpolation failed and that is reported; whatever follows from it is not. */
  readonly isBroken: boolean;

  constructor(
    at: At,
    content: {
      readonly raw: string;
      readonly value: string | number | boolean | null;
      readonly text: string;
      readonly interpolation: Interpolation | undefined;
      readonly isBroken: boolean;
    },
  ) {
    super(at);
    this.raw = content.raw;
    this.value = content.value;
    this.text = content.text;
    this.interpolation = content.interpolation;
    this.isBroken = content.isBroken;
  }

  /** Null, or a text that ends up empty: an optional value like this counts as absent. */
  get isEmpty(): boolean {
    return !this.isBroken && (this.value === null || this.text === '');
  }

  /** Whether it is written as one `${VAR:-}`. */
  get mayBeNothing(): boolean {
    return this.interpolation?.mayBeNothing === true;
  }
}

export class MapNode extends Base {
  readonly kind = 'map';
  readonly entries = new Map<string, Node>();
  /** Where the keys themselves stand. */
  readonly keys = new Map<string, Location>();
  /** Those that have neither a colon nor a value. */
  readonly bareKeys = new Set<string>();

  get(key: string): Node | undefined {
    return this.entries.get(key);
  }
}

export class ListNode extends Base {
  readonly kind = 'list';
  readonly items: Node[] = [];
}

export type Node = ScalarNode | MapNode | ListNode;

const PLAIN_KEY = /^[\w-]+$/;

/** `a.b`, `a[0]`, `a["x.y"]`. */
export function joinPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!PLAIN_KEY.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

/** The node at the end of a way, or undefined. */
export function find(node: Node | undefined, ...way: (string | number)[]): Node | undefined {
  let current = node;
  for (const step of way) {
    if (current?.kind === 'map') current = current.get(String(step));
    else if (current?.kind === 'list') current = current.items[Number(step)];
    else return undefined;
  }
  return current;
}

/** The node at the end of a way, or what comes closest to it: where to point when something is missing. */
export function nearest(node: Node, ...way: (string | number)[]): Node {
  let current = node;
  for (const step of way) {
    const next = find(current, step);
    if (next === undefined) break;
    current = next;
  }
  return current;
}

/** Two trees laid over each other: maps are merged, everything else is replaced, so that null takes something away. */
export function merge(base: Node, over: Node): Node {
  if (base.kind !== 'map' || over.kind !== 'map') return over;
  const merged = new MapNode({ source: over.source, start: over.start, end: over.end, parent: over, key: undefined });
  for (const from of [base, over]) {
    for (const [key, node] of from.entries) {
      const before = merged.get(key);
      merged.entries.set(key, before === undefined ? node : merge(before, node));
      merged.keys.set(key, from.keys.get(key) ?? from);
    }
  }
  return merged;
}
