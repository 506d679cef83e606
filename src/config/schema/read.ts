import type { z } from 'zod';
import { didYouMean } from '../diagnostics/suggest.ts';
import { hideByName, isTemplate, show, showKey } from '../diagnostics/hide.ts';
import { errorOf, scalarInfo } from './scalar.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { sectionInfo } from './section.ts';
import { variantsInfo } from './variants.ts';
import { ChildLocation, keyOf, type MapNode, type Node, type Location, type ScalarNode } from '../yaml/tree.ts';

type Schema = z.core.$ZodType;

const KINDS = { scalar: 'a single value', map: 'a map', list: 'a list' } as const;
const absentValues = new WeakMap<object, unknown>();

const defOf = (schema: Schema): z.core.$ZodTypes['_zod']['def'] => schema._zod.def as z.core.$ZodTypes['_zod']['def'];

/**
 * Reads a tree by its zod schema. It reads piece by piece, so that one mistake doesn't hide the others: a wrong value is
 * reported at its place and counts as absent. A required value that is wrong is undefined, against its type. Checks that run
 * afterwards must expect that. No config is made of such a result.
 * Reports `unknown_key`, `missing_key`, `invalid_type`, `invalid_value`, and the codes of the scalars.
 * @param place Where a problem is reported when `node` is undefined.
 */
export function read<S extends z.ZodType>(
  schema: S,
  node: Node | undefined,
  place: Location,
  problems: Problems,
): z.output<S> {
  return readAny(schema, node, place, problems) as z.output<S>;
}

function readAny(schema: Schema, node: Node | undefined, place: Location, problems: Problems): unknown {
  const def = defOf(schema);
  const isAbsent = node === undefined || (node.kind === 'scalar' && node.isEmpty);
  switch (def.type) {
    case 'optional':
      return isAbsent && !keepsEmpty(def.innerType, node) ? undefined : readAny(def.innerType, node, place, problems);
    case 'default':
      return (isAbsent ? undefined : readAny(def.innerType, node, place, problems)) ?? whenAbsent(schema);
    case 'prefault':
      // An absent map, or something else in its place, reads as a map without keys.
      return (
        (isAbsent ? undefined : readAny(def.innerType, node, place, problems)) ??
        readAny(def.innerType, undefined, place, problems)
      );
    case 'object':
      return readObject(schema, def, node, place, problems);
    case 'record':
      return readRecord(def, node, place, problems);
    case 'array':
      return readList(def.element, node, place, problems);
    case 'union':
      return readUnion(schema, def.options, node, place, problems);
    default:
      return readLeaf(schema as z.ZodType, node, place, problems);
  }
}

const keepsEmpty = (schema: Schema, node: Node | undefined): boolean =>
  node !== undefined && scalarInfo(schema)?.keepsEmpty === true;

/** The default of a schema. It is parsed once and shared, as nothing changes it. */
function whenAbsent(schema: Schema): unknown {
  if (!absentValues.has(schema)) absentValues.set(schema, (schema as z.ZodType).parse(undefined));
  return absentValues.get(schema);
}

const isMapSchema = (schema: Schema): boolean => ['object', 'record'].includes(defOf(schema).type);

/** Of several forms that a value may have, the one that fits its kind: map, list or single value. */
function alternative(options: readonly Schema[], node: Node | undefined): Schema {
  const isWanted = (option: Schema): boolean => {
    if (node === undefined || node.kind === 'map') return isMapSchema(option);
    if (node.kind === 'list') return defOf(option).type === 'array';
    return scalarInfo(option) !== undefined;
  };
  return options.find(isWanted) ?? (options[0] as Schema);
}

function readUnion(
  schema: Schema,
  options: readonly Schema[],
  node: Node | undefined,
  place: Location,
  problems: Problems,
): unknown {
  const info = variantsInfo(schema);
  if (!info) return readAny(alternative(options, node), node, place, problems);
  const said = node?.kind === 'map' ? node.get(info.key) : undefined;
  if (said === undefined) return readAny(info.usual, node, place, problems);
  const name = readAny(info.names, said, place, problems);
  return name === undefined ? undefined : readAny(info.named[name as string] as Schema, node, place, problems);
}

function wrongKind(expects: string, node: Node, problems: Problems): undefined {
  if (node.kind === 'scalar' && node.isBroken) return undefined;
  problems.error('invalid_type', node, `${expects} belongs here, not ${KINDS[node.kind]}`, `write ${expects}`);
  return undefined;
}

function readObject(
  schema: Schema,
  def: z.core.$ZodObjectDef,
  node: Node | undefined,
  place: Location,
  problems: Problems,
): unknown {
  if (node !== undefined && node.kind !== 'map' && !(node.kind === 'scalar' && node.isEmpty)) {
    return wrongKind('a map', node, problems);
  }
  const map = node?.kind === 'map' ? node : undefined;
  const known = Object.keys(def.shape);
  const { names } = sectionInfo(schema) ?? {};
  if (map) reportUnknownKeys(map, known, problems);
  const result: Record<string, unknown> = {};
  for (const key of known) {
    const value = map?.get(key);
    const name = names?.get(key) ?? key;
    result[name] = readAny(def.shape[key] as Schema, value, value ?? new ChildLocation(node ?? place, key), problems);
  }
  return result;
}

function reportUnknownKeys(map: MapNode, known: readonly string[], problems: Problems): void {
  for (const [key, place] of map.keys) {
    if (known.includes(key)) continue;
    showKey(map, key);
    problems.error('unknown_key', place, `no key is called "${key}" here`, didYouMean(key, known, 'keys'));
  }
}

function readRecord(def: z.core.$ZodRecordDef, node: Node | undefined, place: Location, problems: Problems): unknown {
  const result: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  if (node === undefined || (node.kind === 'scalar' && node.isEmpty)) return result;
  if (node.kind !== 'map') return wrongKind('a map', node, problems);
  const isOptional = defOf(def.valueType).type === 'optional';
  for (const [key, value] of node.entries) {
    showKey(node, key);
    hideByName(key, value);
    const read = readAny(def.valueType, value, place, problems);
    if (read !== undefined || !isOptional) result[key] = read;
  }
  return result;
}

function readList(element: Schema, node: Node | undefined, place: Location, problems: Problems): unknown {
  if (node === undefined || (node.kind === 'scalar' && node.isEmpty)) return [];
  if (node.kind !== 'list') return wrongKind('a list', node, problems);
  const info = scalarInfo(element);
  const result: unknown[] = [];
  for (const item of node.items) {
    if (item.kind === 'scalar' && item.isEmpty && info?.emptyItem !== 'positional') {
      // The author of `${VAR:-}` expects that it may be empty.
      if (item.mayBeNothing || info?.emptyItem === 'left_out') continue;
      if (info?.keepsEmpty === false) {
        reportEmptyItem(info.expects, item, problems);
        continue;
      }
    }
    const value = readAny(element, item, place, problems);
    if (value !== undefined || info === undefined) result.push(value);
  }
  return result;
}

function reportEmptyItem(expects: string, item: ScalarNode, problems: Problems): void {
  const why = item.interpolation === undefined ? '' : `: ${item.raw} yields nothing`;
  const help =
    item.interpolation === undefined
      ? 'give it a value, or remove the entry'
      : 'give it a value, or write `${VAR:-}` where there may be nothing';
  problems.error('invalid_value', item, `the entry is empty where ${expects} belongs${why}`, help);
}

function readLeaf(schema: z.ZodType, node: Node | undefined, place: Location, problems: Problems): unknown {
  const info = scalarInfo(schema);
  if (node === undefined || (node.kind === 'scalar' && node.isEmpty && info?.keepsEmpty !== true)) {
    const key = keyOf(place);
    const what = info === undefined ? '' : `, ${info.expects}`;
    problems.error('missing_key', node ?? place, `"${key}" is missing${what}`, `add \`${key}:\``);
    return undefined;
  }
  if (info?.seen === 'always' || (info?.seen === 'as_template' && isTemplate(node))) show(node);
  if (node.kind === 'scalar' && node.isBroken) return undefined;
  if (node.kind !== 'scalar' && info?.takesAll !== true) return wrongKind(info?.expects ?? 'a value', node, problems);
  const result = schema.safeParse(node);
  if (result.success) return result.data;
  for (const issue of result.error.issues) problems.add(errorOf(issue), node);
  return undefined;
}
