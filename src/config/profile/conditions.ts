import { isToken } from '../../core/headers.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { isOurHeader } from '../schema/values.ts';
import { ChildLocation, find, type Node } from '../yaml/tree.ts';
import { CONDITION_PLACES } from './schema.ts';

/** Whether a key is there with a value. */
export const isPresent = (node: Node | undefined): node is Node =>
  node !== undefined && !(node.kind === 'scalar' && node.isEmpty);

/** Checks the keys of a map of headers. Reports `invalid_value` for a name that none can have, or that belongs to the connection. */
export function checkHeaderNames(headers: Node | undefined, problems: Problems): void {
  if (headers?.kind !== 'map') return;
  for (const [name, place] of headers.keys) {
    // A name with a template is checked when the credentials in it are known.
    if (name.includes('{{')) continue;
    if (!isToken(name)) problems.error('invalid_value', place, `"${name}" is not a header name`);
    else if (isOurHeader(name.toLowerCase()))
      problems.error('invalid_value', place, `"${name}" belongs to the connection`);
  }
}

/** Checks the conditions of a `when`. Reports `missing_key` and `invalid_value`. */
export function checkConditions(when: Node | undefined, problems: Problems): void {
  for (const place of CONDITION_PLACES) {
    const conditions = find(when, place);
    if (conditions?.kind !== 'map') continue;
    if (place === 'headers') checkHeaderNames(conditions, problems);
    for (const [name, node] of conditions.entries) {
      if (node.kind === 'map' && !isPresent(node.get('not'))) {
        const help = 'write `{ not: [texts] }`';
        problems.error('missing_key', new ChildLocation(node, 'not'), `the condition on "${name}" says nothing`, help);
      }
      // If it counted as absent, the condition would be gone, and the entry would sign more requests than its author means.
      if (node.kind !== 'scalar' || !node.isEmpty || node.value === null) continue;
      problems.error('invalid_value', node, `the condition on "${name}" is an empty text`, 'write `absent`');
    }
  }
}
