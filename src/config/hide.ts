import { find, type Node, type ScalarNode, type Source } from './tree.ts';

const SECRET_KEY = /secret|password|passwd|token|salt|credential|key\b|encryption_key/i;
/** One reference and nothing else; a default would be the secret itself. */
const REFERENCE = /^["']?\$\{(?:file:[^${}]*|\w*|\w*:-|\w*:\?[^}]*)\}["']?$/;
const KEY_IN_LINE = /(?<![\w-])([\w-]+)["']?\s*:\s+(?=[^\s#])/g;

/**
 * Hides what looks like a secret in a text whose structure is not known, because it isn't YAML: the rest of each line after a
 * key that sounds like one, and what is indented below such a key. References (`${…}` alone) stay.
 */
export function hideByLook(source: Source): void {
  let offset = 0;
  let below = -1;
  for (const line of source.text.split('\n')) {
    const margin = line.length - line.trimStart().length;
    const indent = line.slice(0, margin).replaceAll('\t', '        ').length;
    const start = offset;
    offset += line.length + 1;
    if (line.trim() === '') continue;
    if (below >= 0 && (indent > below || (indent === below && line.startsWith('-', margin)))) {
      const value = /^\s*(?:-\s+|[\w-]+["']?\s*:\s+)?/.exec(line)?.[0].length ?? 0;
      hideValue(source, start + value, start + line.length);
      continue;
    }
    below = -1;
    for (const match of line.matchAll(KEY_IN_LINE)) {
      if (!SECRET_KEY.test(match[1] as string)) continue;
      hideValue(source, start + match.index + match[0].length, start + line.length);
      break;
    }
    const opens = /^\s*(?:-\s+)?([\w-]+)["']?\s*:\s*[|>]?[-+]?\s*(?:#.*)?$/.exec(line);
    if (opens && SECRET_KEY.test(opens[1] as string)) below = indent;
  }
}

function hideValue(source: Source, start: number, end: number): void {
  if (!REFERENCE.test(source.text.slice(start, end).trim())) source.hide(start, end);
}

const SECRET_WAYS = [
  ['listen', 'access_tokens'],
  ['admin', 'token'],
  ['store', 'url'],
  ['store', 'password'],
  ['store', 'encryption_key'],
  ['store', 'old_encryption_keys'],
];

/** Hides the secrets of a config whose place is fixed; those of providers are known by their profiles. */
export function hideSecrets(root: Node): void {
  for (const way of SECRET_WAYS) hideBelow(find(root, ...way));
}

/** Hides what sounds like a secret by its key, in a part of the file that is not where it belongs. */
export function hideMisplaced(node: Node | undefined): void {
  if (typeof node?.key === 'string' && SECRET_KEY.test(node.key)) hideBelow(node);
  else if (node?.kind === 'list') node.items.forEach(hideMisplaced);
  else if (node?.kind === 'map') node.entries.forEach(hideMisplaced);
}

/** Hides all single values below a node. */
export function hideBelow(node: Node | undefined): void {
  if (node?.kind === 'scalar') hideSecret(node);
  else if (node?.kind === 'list') node.items.forEach(hideBelow);
  else if (node?.kind === 'map') node.entries.forEach(hideBelow);
}

/** Hides a secret that is written out in the file; a reference to where it is kept may be seen. */
function hideSecret(node: ScalarNode): void {
  if (!node.isEmpty && !REFERENCE.test(node.raw)) node.source.hide(node.start, node.end);
}
