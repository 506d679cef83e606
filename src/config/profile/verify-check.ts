import { isToken } from '../../core/headers.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { ChildLocation, find, nearest, type MapNode, type Node } from '../yaml/tree.ts';
import { checkConditions, isPresent } from './conditions.ts';
import type { TemplateMap } from './profile.ts';
import { namesIn, namesThrough } from './read-names.ts';
import { RECEIVED_PLACES, type ProfileData } from './schema.ts';

const MISSING: Readonly<Record<string, string>> = {
  text: 'add `text:`, what the provider signs',
  algorithm: 'add `algorithm: hmac-sha256`, or another one',
  equals: 'add `equals: { header: …, value: "{{signature}}" }`',
};

/** `{{signature}}` as it may stand in a value: as it is, without filters. */
export const SIGNATURE = /\{\{\s*signature\s*\}\}/;

/**
 * Checks the entries of `verify`: that each names what it needs, and that what it trusts is covered by the signature.
 * Reports `missing_key` and `invalid_value`.
 */
export function checkVerification(profile: MapNode, data: ProfileData, problems: Problems): void {
  const list = find(profile, 'verify');
  if (list?.kind !== 'list') return;
  const values = Object.fromEntries(
    Object.entries(data.values ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  for (const entry of list.items) {
    checkConditions(find(entry, 'when'), problems);
    for (const [key, help] of Object.entries(MISSING)) {
      const node = find(entry, key);
      if (isPresent(node) || problems.isReported(node) || problems.isReported(entry)) continue;
      problems.error('missing_key', new ChildLocation(entry, key), `an entry of \`verify\` needs \`${key}\``, help);
    }
    const equals = find(entry, 'equals');
    for (const place of equals?.kind === 'list' ? equals.items : [equals]) {
      checkPlace(entry, place, problems);
      checkSignatureValue(place, problems);
    }
    const required = find(entry, 'require');
    for (const place of required?.kind === 'list' ? required.items : []) checkPlace(entry, place, problems);
    checkPlace(entry, find(entry, 'timestamp'), problems);
    checkCovered(entry, values, problems);
  }
}

/** Checks that a map names one place of a callback. */
function checkPlace(entry: Node, node: Node | undefined, problems: Problems): void {
  if (node?.kind !== 'map') return;
  const places = RECEIVED_PLACES.filter((place) => isPresent(node.get(place)));
  const [place] = places;
  if (place === undefined || places.length > 1) {
    problems.error(
      'invalid_value',
      node,
      'it names one place in the callback',
      `give one of ${RECEIVED_PLACES.join(', ')}`,
    );
    return;
  }
  const name = node.get(place);
  if (place === 'header' && name?.kind === 'scalar' && !isToken(name.text)) {
    problems.error('invalid_value', name, `"${name.text}" is not a header name`);
  }
  if (place === 'part' && find(entry, 'parts') === undefined) {
    const help = 'add `parts: { of: …, separator: …, pair: … }` to the entry';
    problems.error('missing_key', new ChildLocation(entry, 'parts'), 'no header is split into parts', help);
  }
}

function checkSignatureValue(place: Node | undefined, problems: Problems): void {
  const value = find(place, 'value');
  if (value?.kind !== 'scalar' || value.isEmpty || problems.isReported(value)) return;
  const count = namesIn(value.text).filter((name) => name === 'signature').length;
  if (count === 1 && SIGNATURE.test(value.text)) return;
  const help = 'what stands around it is compared as it is: `value: "v1={{signature}}"`';
  problems.error('invalid_value', value, 'the value holds `{{signature}}` once, without a filter', help);
}

/** The name by which a template reads a place. */
const NAME_OF: Readonly<Record<(typeof RECEIVED_PLACES)[number], (name: string) => string>> = {
  header: (name) => `request.headers.${name.toLowerCase()}`,
  query: () => 'request.query',
  form: (name) => `request.form.${name}`,
  json: (name) => `request.json.${name}`,
  part: (name) => `parts.${name}`,
};

const OF_CALLBACK = /^(?:request|inner|parts)\./;
const canonical = (name: string): string => (name.startsWith('request.headers.') ? name.toLowerCase() : name);

/** Checks that the time and the id are read from what the signature covers. Anybody could change the rest. */
function checkCovered(entry: Node, values: TemplateMap, problems: Problems): void {
  const [text, id, timestamp] = ['text', 'id', 'timestamp'].map((key) => find(entry, key));
  if (text?.kind !== 'scalar') return;
  const covered = new Set([...namesThrough(text.text, values)].map(canonical).filter((name) => OF_CALLBACK.test(name)));
  const unwrapped = find(entry, 'body', 'field');
  const isCovered = (name: string): boolean => {
    if (covered.has(name)) return true;
    if (name === 'request.query' && covered.has('request.target')) return true;
    if (name.startsWith('inner.') && unwrapped?.kind === 'scalar') return isCovered(`request.json.${unwrapped.text}`);
    return /^request\.(?:form|json)\./.test(name) && covered.has('request.body');
  };
  for (const place of RECEIVED_PLACES) {
    const name = find(timestamp, place);
    if (name?.kind !== 'scalar' || name.isEmpty || isCovered(NAME_OF[place](name.text))) continue;
    const help = 'a time that is not signed could be replaced: read it in `text`, or leave `timestamp` out';
    problems.error('invalid_value', name, 'the timestamp is not in what is signed', help);
  }
  // Where the signature covers nothing of the callback, the id can only be of what is not covered.
  if (id?.kind !== 'scalar' || covered.size === 0) return;
  const other = [...namesThrough(id.text, values)]
    .map(canonical)
    .find((name) => OF_CALLBACK.test(name) && !isCovered(name));
  if (other === undefined) return;
  const help = 'a copy with another id would pass for a new callback: use names that `text` has, or `signature`';
  problems.error('invalid_value', nearest(entry, 'id'), `"${other}" is not in what is signed`, help);
}
