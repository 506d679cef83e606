import { soundsSecret } from '../diagnostics/hide.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { ChildLocation, find, type MapNode, type Node, type ScalarNode } from '../yaml/tree.ts';
import type { ProfileData } from './schema.ts';
import { namesIn } from './read-names.ts';

const isPresent = (node: Node | undefined): node is Node =>
  node !== undefined && !(node.kind === 'scalar' && node.isEmpty);

/**
 * Checks the program that a profile gets its tokens from.
 * Reports `invalid_value`, `missing_key`, `unused_key` and `secret_argument`.
 * @returns Whether the profile has one.
 */
export function checkProgram(profile: MapNode, data: ProfileData, problems: Problems): boolean {
  const token = find(profile, 'token');
  const command = find(token, 'command');
  if (!token || !isPresent(command)) {
    for (const key of ['env', 'timeout']) {
      const node = find(token, key);
      if (isPresent(node))
        problems.warning('unused_key', node, `\`${key}\` is for a \`command\`, and there is none`, 'leave it out');
    }
    return false;
  }
  for (const key of ['fetch', 'refresh']) {
    const other = find(token, key);
    if (!isPresent(other)) continue;
    const help = `leave one of the two out; an inherited one is taken away by null: \`${key}: null\``;
    problems.error('invalid_value', other, `a token comes from \`${key}\` or from \`command\`, not from both`, help);
  }
  if (command.kind !== 'list') return true;
  const [program] = command.items;
  if (!isPresent(program)) {
    const help = 'write [ program, argument, … ]';
    problems.error('missing_key', program ?? new ChildLocation(command, '0'), '`command` names no program', help);
  }
  const isSecret = secretNames(data);
  for (const item of command.items) if (item.kind === 'scalar') checkArgument(item, isSecret, problems);
  checkVariables(find(token, 'env'), problems);
  return true;
}

/** Reports an argument that holds a secret: other users of the machine see the arguments of every process. */
function checkArgument(item: ScalarNode, isSecret: (name: string) => boolean, problems: Problems): void {
  const { interpolation } = item;
  const secret = namesIn(item.text).find(isSecret);
  const isFromFile = (interpolation?.files.length ?? 0) > 0;
  const isFromVariable = interpolation !== undefined && soundsSecret(item.raw);
  if (secret === undefined && !isFromFile && !isFromVariable) return;
  const what = secret === undefined ? item.raw : `{{${secret}}}`;
  const help = 'hand it on by `env`, or let the program read its file: arguments are seen by every user of the machine';
  problems.error('secret_argument', item, `${what} is a secret, in an argument of a program`, help);
}

function checkVariables(env: Node | undefined, problems: Problems): void {
  if (env?.kind !== 'map') return;
  for (const [name, place] of env.keys) {
    if (/^[A-Za-z_]\w*$/.test(name)) continue;
    const help = 'use letters, digits and `_`, beginning with a letter';
    problems.error('invalid_value', place, `"${name}" can't be the name of a variable`, help);
  }
}

/** Makes the test whether a template name leads to a secret credential, be it through values or defaults. */
function secretNames({ credentials = {}, values = {} }: ProfileData): (name: string) => boolean {
  const defaultsOf = (name: string): string[] => {
    const given = credentials[name]?.default;
    return (typeof given === 'object' ? Object.values(given) : [given]).filter((text) => text !== undefined);
  };
  const isSecret = (name: string, way: readonly string[]): boolean => {
    if (way.includes(name)) return false;
    const [head, rest] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
    if (head === 'jwt' || (head === 'credentials' && credentials[rest]?.secret === true)) return true;
    const texts = head === 'credentials' ? defaultsOf(rest) : head === 'values' ? [values[rest] ?? ''] : [];
    return texts.flatMap(namesIn).some((inner) => isSecret(inner, [...way, name]));
  };
  return (name) => isSecret(name, []);
}
