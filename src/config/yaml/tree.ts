/*
 * The tree of a file. The nodes of the YAML library know neither their parent nor their file, leave aliases unresolved, and have
 * no place for an interpolated text; a profile that extends another is made of nodes of two files. An aliased node has one path,
 * that of its anchor.
 */
import type { Interpolation } from './interpolate.ts';

/** A file's text with its name. It also keeps which parts of the text may be shown. All offsets are in UTF-16 units. */
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

  /** Line and column of an offset, both counted from 1. (The YAML library's own counter misses some line breaks.) */
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

  /** Marks a part of the text as no secret. */
  show(start: number, end: number): void {
    this.visible.push([start, end]);
  }

  /** Marks a part of the text as a secret, whatever it looks like. This wins over {@link show}. */
  hide(start: number, end: number): void {
    this.hidden.push([start, end]);
  }
}

/** A part of a source by its offsets, `end` excluded, and its path through the structure: `routes[0].match.path`. */
export interface Location {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly path: string;
}

/** The place of a key below another place, also of a key that is missing. Its path is made only when somebody asks for it. */
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

/** What all nodes have: their place. The place of a map or list is that of its key, if it has one. */
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

  /** The node's key in a map, or its index in a list. Undefined for the root. */
  get key(): string | number | undefined {
    return this.#key;
  }

  get path(): string {
    const parent = this.#parent?.path ?? '';
    return this.#key === undefined ? parent : joinPath(parent, this.#key);
  }
}

/** The last step of a path: a key, or an index. Empty for the root. */
export const keyOf = (place: Location): string =>
  place instanceof ChildLocation || place instanceof Base ? String(place.key ?? '') : '';

/** Where a node stands in the text and in the tree. */
export interface At {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly parent: Node | undefined;
  readonly key: string | number | undefined;
}

type ScalarParts = Pick<ScalarNode, 'interpolation' | 'isBroken'>;

/**
 * A single value. Its type is decided by the schema, which reads {@link text}. {@link value} keeps the type that YAML gives it.
 */
export class ScalarNode extends Base {
  readonly kind = 'scalar';
  /** The text without YAML's quotes and before interpolation. */
  readonly raw: string;
  /** The value by YAML's own types. An interpolated value is always a text. */
  readonly value: string | number | boolean | null;
  /** The text that the schema reads: interpolated, and empty for null. */
  readonly text: string;
  /** How the text was made. Undefined when it holds no reference. */
  readonly interpolation: Interpolation | undefined;
  /** Whether the value could not be read. That has been reported, so what follows from it is not reported again. */
  readonly isBroken: boolean;

  constructor(
    at: At,
    { raw, value, interpolation, isBroken = false }: Pick<ScalarNode, 'raw' | 'value'> & Partial<ScalarParts>,
  ) {
    super(at);
    this.raw = raw;
    this.value = interpolation?.text ?? value;
    this.text = interpolation?.text ?? (value === null ? '' : raw);
    this.interpolation = interpolation;
    this.isBroken = isBroken;
  }

  /** Whether the value is null, or its text is empty after interpolation. An optional value like this counts as absent. */
  get isEmpty(): boolean {
    return !this.isBroken && (this.value === null || this.text === '');
  }

  /** Whether the value is nothing but `${VAR:-}`. Its author expects that it may be empty. */
  get mayBeNothing(): boolean {
    return this.interpolation?.mayBeNothing === true;
  }
}

/** A map. Its keys are unique texts, and its values are nodes. */
export class MapNode extends Base {
  readonly kind = 'map';
  readonly entries = new Map<string, Node>();
  /** The places of the keys themselves. */
  readonly keys = new Map<string, Location>();
  /** The keys that have neither a colon nor a value. */
  readonly bareKeys = new Set<string>();

  get(key: string): Node | undefined {
    return this.entries.get(key);
  }
}

/** A list of nodes. */
export class ListNode extends Base {
  readonly kind = 'list';
  readonly items: Node[] = [];
}

/** A part of the tree that `readDocument` makes of a YAML text. */
export type Node = ScalarNode | MapNode | ListNode;

const PLAIN_KEY = /^[\w-]+$/;

/** A path with one more step: `a.b`, `a[0]`, `a["x.y"]`. */
export function joinPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!PLAIN_KEY.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

/** Follows keys and indexes from a node. Undefined when one of them isn't there. */
export function find(node: Node | undefined, ...way: (string | number)[]): Node | undefined {
  let current = node;
  for (const step of way) {
    if (current?.kind === 'map') current = current.get(String(step));
    else if (current?.kind === 'list') current = current.items[Number(step)];
    else return undefined;
  }
  return current;
}

/** Follows keys and indexes from a node as far as they go. That is where a diagnostic points when something is missing. */
export function nearest(node: Node, ...way: (string | number)[]): Node {
  let current = node;
  for (const step of way) {
    const next = find(current, step);
    if (next === undefined) break;
    current = next;
  }
  return current;
}

/**
 * Lays the tree `over` on the tree `base`. Maps are merged, everything else is replaced. A null in `over` thus removes a value.
 */
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
