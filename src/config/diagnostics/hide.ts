import { find, type MapNode, type Node } from '../yaml/tree.ts';

const SECRET_KEY = /secret|password|passwd|token|salt|credential|key\b|authorization|cookie|signature/i;
/** One reference and nothing else. A reference with a default is not meant: that default would be the secret itself. */
const REFERENCE = /^\$\{(?:file:[^${}]*|\w*|\w*:-|\w*:\?[^}]*)\}$/;

/** The keys of the config whose values are secrets. */
const SECRET_WAYS = [
  ['listen', 'access_tokens'],
  ['listen', 'tls', 'key'],
  ['admin', 'token'],
  ['store', 'url'],
  ['store', 'password'],
  ['store', 'encryption_key'],
  ['store', 'old_encryption_keys'],
];

const NAME = /^(?:[A-Za-z_][\w.-]*|.*\{\{.*\}\}.*)$/;

/** Whether the value of a header or variable with this name is likely a secret. */
export const soundsSecret = (name: string): boolean => SECRET_KEY.test(name);

/**
 * Hides the secrets that stand at fixed places of a config. Which credentials of a provider are secret is told by its profile.
 */
export function hideSecrets(root: Node): void {
  for (const way of SECRET_WAYS) hideBelow(find(root, ...way));
  const callers = find(root, 'callers');
  for (const caller of callers?.kind === 'list' ? callers.items : []) {
    for (const key of ['token', 'tokens']) hideBelow(find(caller, key));
  }
}

/** Hides a node and all below it, keys as well. A bare reference stays visible: it only says where a secret is kept. */
export function hideBelow(node: Node | undefined): void {
  if (node?.kind === 'scalar') {
    if (!node.isEmpty && !REFERENCE.test(node.raw)) node.source.hide(node.start, node.end);
  } else if (node?.kind === 'list') node.items.forEach(hideBelow);
  else if (node?.kind === 'map') {
    for (const { source, start, end } of node.keys.values()) source.hide(start, end);
    node.entries.forEach(hideBelow);
  }
}

/** Hides a value whose name, such as that of a header, sounds like a secret. Templates, URLs and paths stay visible. */
export function hideByName(name: string, node: Node): void {
  if (node.kind !== 'scalar' || isTemplate(node) || /^(?:https?:\/)?\//.test(node.raw)) return;
  if (soundsSecret(name) || !NAME.test(name)) hideBelow(node);
}

/** Whether a node is a single value with a `{{` in it. */
export const isTemplate = (node: Node): boolean => node.kind === 'scalar' && node.raw.includes('{{');

/** Shows a node and all below it. A value of several lines stays hidden: it may have swallowed the next key by mistake. */
export function show(node: Node): void {
  if (node.kind === 'list') node.items.forEach(show);
  else if (node.kind === 'map') node.entries.forEach(show);
  // An absent value has the place of its key.
  else if (node.raw !== '' && !node.source.text.slice(node.start, node.end).includes('\n'))
    node.source.show(node.start, node.end);
}

/** Shows a key, unless it may be a value by mistake. That happens when a line has no colon, or no space after its colon. */
export function showKey(map: MapNode, key: string): void {
  const place = map.keys.get(key);
  if (place && NAME.test(key) && !map.bareKeys.has(key)) place.source.show(place.start, place.end);
}
