import { isAlias, isMap, isScalar, isSeq, type Scalar } from 'yaml';
import { ConfigError } from '../diagnostics/config-error.ts';
import { hasReferences, interpolate, type InterpolationSources } from './interpolate.ts';
import type { Problems } from '../diagnostics/problems.ts';
import {
  ChildLocation,
  ListNode,
  MapNode,
  ScalarNode,
  type At,
  type Node,
  type Location,
  type Source,
} from './tree.ts';

/** The most nodes that all aliases together may stand for. A tree without aliases may be larger. */
const MAX_ALIASED_NODES = 100_000;
const MAX_DEPTH = 100;

type Sized = [node: Node, size: number];

/**
 * Makes our tree of the library's tree. It resolves aliases, interpolates scalars and gives each node its place. Every mistake
 * is reported, a key that stands twice among them.
 */
export class TreeBuilder {
  readonly #source: Source;
  readonly #outside: InterpolationSources | undefined;
  readonly #problems: Problems;
  readonly #anchors = new Map<string, { readonly node: Node; readonly size: number } | 'open'>();
  #aliased = 0;

  constructor(source: Source, outside: InterpolationSources | undefined, problems: Problems) {
    this.#source = source;
    this.#outside = outside;
    this.#problems = problems;
  }

  /** The tree of a document's contents. An empty document is an empty map. Undefined, and reported, when it is no map. */
  root(contents: unknown): MapNode | undefined {
    const at: At = { source: this.#source, start: 0, end: 1, parent: undefined, key: undefined };
    if (contents === null || (isScalar(contents) && contents.value === null)) return new MapNode(at);
    const [root] = this.#node(contents, undefined, undefined, placeOf(at), 0);
    if (root.kind === 'map') return root;
    this.#problems.error('invalid_type', root, 'the file holds no map', 'begin with `version: 1`');
    return undefined;
  }

  /** The node, and the number of nodes in it. An alias counts as all the nodes that it stands for. */
  #node(
    yaml: unknown,
    parent: Node | undefined,
    key: string | number | undefined,
    near: Location,
    depth: number,
  ): Sized {
    const range = (yaml as { range?: readonly number[] | null } | null)?.range;
    const at: At = {
      source: this.#source,
      start: range?.[0] ?? near.start,
      end: range?.[1] ?? near.end,
      parent,
      key,
    };
    if (depth > MAX_DEPTH) {
      const node = nothing(at);
      this.#problems.error('too_deep', node, 'maps and lists are nested too deeply');
      return [node, 1];
    }
    if (isAlias(yaml)) return this.#alias(yaml.source, at);
    const anchor = (yaml as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    const sized = this.#content(yaml, at, near, depth);
    if (anchor !== undefined) this.#anchors.set(anchor, { node: sized[0], size: sized[1] });
    return sized;
  }

  #alias(name: string, at: At): Sized {
    const target = this.#anchors.get(name);
    const instead = nothing(at);
    if (target === undefined) {
      this.#problems.error('yaml_syntax', instead, 'nothing is anchored by that name before this');
    } else if (target === 'open') {
      this.#problems.error('too_many_aliases', instead, 'an alias stands inside of what it stands for');
    } else {
      const before = this.#aliased;
      this.#aliased += target.size;
      if (this.#aliased <= MAX_ALIASED_NODES) return [target.node, target.size];
      if (before <= MAX_ALIASED_NODES) {
        const help = 'write it out, or repeat less';
        this.#problems.error('too_many_aliases', instead, 'aliases multiply the file beyond measure', help);
      }
    }
    return [instead, 1];
  }

  #content(yaml: unknown, at: At, near: Location, depth: number): Sized {
    if (isMap(yaml)) return this.#map(yaml, at, near, depth);
    if (isSeq(yaml)) {
      const list = new ListNode({ ...at, ...spanOf(near, at) });
      let size = 1;
      for (const item of yaml.items) {
        const [node, added] = this.#node(item, list, list.items.length, placeOf(at), depth + 1);
        list.items.push(node);
        size += added;
      }
      return [list, size];
    }
    return [isScalar(yaml) ? this.#scalar(yaml, at) : nothing(at), 1];
  }

  #map(yaml: { items: readonly { key: unknown; value: unknown }[] }, at: At, near: Location, depth: number): Sized {
    const map = new MapNode({ ...at, ...spanOf(near, at, yaml.items[0]?.key) });
    let size = 1;
    for (const pair of yaml.items) {
      const range = (pair.key as { range?: readonly number[] } | null)?.range;
      const start = range?.[0] ?? at.start;
      const end = range?.[1] ?? at.start + 1;
      const key = isScalar(pair.key) ? textOf(pair.key) : undefined;
      if (key === undefined || key === '__proto__') {
        const place = { source: this.#source, start, end, path: map.path };
        this.#problems.error('yaml_syntax', place, 'this can not be a key');
        continue;
      }
      const place = new ChildLocation(map, key, { start, end });
      const [node, added] = this.#node(pair.value, map, key, place, depth + 1);
      size += added;
      if (map.entries.has(key)) {
        this.#problems.error('duplicate_key', place, `"${key}" stands twice`, 'remove one of the two');
        continue;
      }
      map.entries.set(key, node);
      map.keys.set(key, place);
      if (pair.value === null) map.bareKeys.add(key);
    }
    return [map, size];
  }

  #scalar(yaml: Scalar, at: At): ScalarNode {
    const raw = textOf(yaml);
    const native = typeof yaml.value === 'object' || typeof yaml.value === 'bigint' ? raw : yaml.value;
    const value = yaml.value === null ? null : (native as string | number | boolean);
    if (this.#outside === undefined || value === null || !hasReferences(raw)) {
      return new ScalarNode(at, { raw, value });
    }
    try {
      return new ScalarNode(at, { raw, value, interpolation: interpolate(raw, this.#outside) });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const node = new ScalarNode(at, { raw, value: raw, isBroken: true });
      this.#problems.add(error, node);
      return node;
    }
  }
}

/** A scalar's text as it is written: `1.10` stays `1.10`. */
function textOf({ value, source }: Scalar): string {
  if (typeof value === 'string') return value;
  if (source !== undefined) return source;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

const placeOf = ({ source, start, end }: At): Location => ({ source, start, end, path: '' });

/** Where a diagnostic points for a map or list: at its key if it has one, else at its own first key, else at its beginning. */
function spanOf(near: Location, at: At, firstKey?: unknown): { start: number; end: number } {
  if (typeof at.key === 'string') return { start: near.start, end: near.end };
  const range = (firstKey as { range?: readonly number[] } | null | undefined)?.range;
  return range ? { start: range[0] ?? at.start, end: range[1] ?? at.end } : { start: at.start, end: at.start + 1 };
}

/** Stands for a node that could not be read. Its mistake is reported elsewhere. */
const nothing = (at: At): ScalarNode => new ScalarNode(at, { raw: '', value: null, isBroken: true });
