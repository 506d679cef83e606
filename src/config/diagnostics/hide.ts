import { find, type MapNode, type Node } from '../yaml/tree.ts';

const SECRET_KEY = /secret|password|passwd|token|salt|credential|key\b|authorization|cookie|signature/i;
/** One reference and nothing else; a default would be the secret itself. */
const REFERENCE = /^\$\{(?:file:[^${}]*|\w*|\w*:-|\w*:\?[^}]*)\}$/;

const SECRET_WAYS = [
  ['listen', 'access_tokens'],
  ['admin', 'token'],
  ['store', 'url'],
  ['store', 'password'],
  ['store', 'encryption_key'],
  ['store', 'old_encryption_keys'],
];

const NAME = /^(?:[A-Za-z_][\w.-]*|.*\{\{.*\}\}.*)$/;

/** Whether what stands under this name (of a header, of a variable) is likely a secret. */
export const soundsSecret = (name: string): boolean => SECRET_KEY.test(name);

/** Hides the secrets of a config whose place is fixed; those of providers are known by their profiles. */
export function hideSecrets(root: Node): void {
  for (const way of SECRET_WAYS) hideBelow(find(root, ...way));
}

/** Hides all below a node, keys too; a reference to where a secret is kept may be seen. */
export function hideBelow(node: Node | undefined): void {
  if (node?.kind === 'scalar') {
    if (!node.isEmpty && !REFERENCE.test(node.raw)) node.source.hide(node.start, node.end);
  } else if (node?.kind === 'list') node.items.forEach(hideBelow);
  else if (node?.kind === 'map') {
    for (const { source, start, end } of node.keys.values()) source.hide(start, end);
    node.entries.forEach(hideBelow);
  }
}

/** Hides a value by its name, that of a header, say; templates and addresses may be seen. */
export function hideByName(name: string, node: Node): void {
  if (node.kind !== 'scalar' || isTemplate(node) || /^(?:https?:\/)?\//.test(node.raw)) return;
  if (soundsSecret(name) || !NAME.test(name)) hideBelow(node);
}

export const isTemplate = (node: Node): boolean => node.kind === 'scalar' && node.raw.includes('{{');

/** A value that is no secret may be seen; not one of several lines, which may have swallowed the next key. */
export function show(node: Node): void {
  if (node.kind === 'list') node.items.forEach(show);
  else if (node.kind === 'map') node.entries.forEach(show);
  // What is not there has the place of its key.
  else if (node.raw !== '' && !node.source.text.slice(node.start, node.end).includes('\n'))
    node.source.show(node.start, node.end);
}

/** A key may be seen, unless it is one by mistake: a value whose colon is missing, or has no space behind it. */
export function showKey(map: MapNode, key: string): void {
  const place = map.keys.get(key);
  if (place && NAME.test(key) && !map.bareKeys.has(key)) place.source.show(place.start, place.end);
}
