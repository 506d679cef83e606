import { parseNumber } from '../../core/units.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { unexpectedValue } from '../schema/scalar.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { MapNode, Node, ScalarNode } from '../yaml/tree.ts';
import { checkTemplate } from '../schema/values.ts';

/** Checks the JSON body of a token call: its texts are templates, and JSON must have its numbers. */
export function checkJson(node: Node | undefined, problems: Problems): void {
  if (node?.kind === 'list') for (const item of node.items) checkJson(item, problems);
  else if (node?.kind === 'map') for (const value of node.entries.values()) checkJson(value, problems);
  else if (node && !node.isBroken) checkScalar(node, problems);
}

/**
 * Checks the members of a map in the same way, of a placeholder or a JWT. In them, `{ number: … }` stands for a number.
 * @param isForm Whether the map becomes a form, in which nothing can be nested.
 */
export function checkMembers(node: Node | undefined, isForm: boolean, problems: Problems): void {
  if (node?.kind !== 'map') return;
  for (const value of node.entries.values()) {
    checkJson(value, problems);
    checkNumbers(value, problems);
    const isNested = value.kind === 'list' || (value.kind === 'map' && numberIn(value) === undefined);
    if (!isForm || !isNested) continue;
    const help = 'write a text, or `{ number: … }`';
    problems.error('invalid_value', value, 'the answer is a form, and a form has no maps and lists', help);
  }
}

function checkScalar(node: ScalarNode, problems: Problems): void {
  if (typeof node.value === 'number' && !Number.isFinite(node.value)) {
    problems.add(unexpectedValue(node, 'a number that JSON has', 'write it with digits, or as a text in quotes'), node);
    return;
  }
  try {
    checkTemplate(node.text, false);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.add(error, node);
  }
}

function checkNumbers(node: Node, problems: Problems): void {
  if (node.kind === 'list') for (const item of node.items) checkNumbers(item, problems);
  if (node.kind !== 'map') return;
  const number = numberIn(node);
  if (number === undefined) for (const value of node.entries.values()) checkNumbers(value, problems);
  else checkNumber(number, problems);
}

/** The value of `{ number: … }`. Undefined for a map with other keys: that one is an ordinary map. */
const numberIn = (map: MapNode): Node | undefined => (map.entries.size === 1 ? map.get('number') : undefined);

function checkNumber(node: Node, problems: Problems): void {
  const help = 'write digits, or a template that makes them: "{{now.s}}"';
  if (node.kind !== 'scalar') {
    problems.error('invalid_type', node, '`number` takes a number or a template, nothing nested', help);
    return;
  }
  // An empty value is left out. What a template makes is known only later.
  if (node.isBroken || node.isEmpty || problems.isReported(node)) return;
  const isFixed = !node.text.includes('{{');
  if (isFixed && typeof node.value !== 'number' && parseNumber(node.text) === undefined)
    problems.add(unexpectedValue(node, 'a number', help), node);
}
