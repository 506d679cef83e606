import { isToken } from '../../core/headers.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { type Scalar, scalar, shown } from '../schema/scalar.ts';
import { isOurHeader } from '../schema/values.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { ChildLocation, find, type Node, type ScalarNode } from '../yaml/tree.ts';

/** A part of a request that a message signature covers (RFC 9421 §2). */
export interface MessageComponent {
  /** A header's name in lower case, or that of a derived component: `@method`. */
  readonly name: string;
  /** The parameter of `@query-param` that is covered, as it is written there; undefined for all others. */
  readonly parameter: string | undefined;
}

/** The derived components of a request (RFC 9421 §2.2). */
export const DERIVED = [
  '@method',
  '@target-uri',
  '@authority',
  '@scheme',
  '@request-target',
  '@path',
  '@query',
  '@query-param',
] as const;

/** A component identifier, with the name in quotes or not: `content-digest`, `"@query-param";name="Pet"`. */
export const component: Scalar<MessageComponent> = scalar({
  expects: 'a component of a request',
  json: { type: 'string' },
  read: (node) => {
    const [, quoted, plain, parameters = ''] = /^(?:"([^"]*)"|([^;"]*))(;.*)?$/.exec(node.text) ?? [];
    const name = (quoted ?? plain ?? '').toLowerCase();
    if (name.startsWith('@') ? !(DERIVED as readonly string[]).includes(name) : !isToken(name)) {
      throw refuse(node, 'is not a component of a request', didYouMean(name, DERIVED, 'components'));
    }
    if (/^signature(?:-input)?$/.test(name)) {
      throw refuse(node, 'is written by the signer itself', 'leave it out');
    }
    if (name === 'host') throw refuse(node, 'is covered under another name', 'write @authority');
    if (isOurHeader(name) && name !== 'content-length') {
      throw refuse(node, 'belongs to the connection, and changes on the way', 'leave it out');
    }
    return { name, parameter: readParameters(node, name, parameters) };
  },
});

function readParameters(node: ScalarNode, name: string, parameters: string): string | undefined {
  if (name !== '@query-param') {
    if (parameters !== '') throw refuse(node, 'has a parameter that is not known here', `write ${name}`);
    return undefined;
  }
  const [, parameter] = /^;\s*name="((?:[^"\\%]|%[0-9A-Fa-f]{2})+)"$/.exec(parameters) ?? [];
  if (parameter === undefined) {
    throw refuse(node, 'says no parameter of the query', 'write \'@query-param;name="Pet"\', with nothing behind it');
  }
  return parameter;
}

const refuse = (node: ScalarNode, what: string, help: string): ConfigError =>
  new ConfigError('invalid_value', `${shown(node)} ${what}`, help);

/**
 * Checks the components of an entry whose signer has some: there is one at least, and none twice (RFC 9421 §2.5). Reports
 * `missing_key` and `invalid_value`.
 */
export function checkComponents(entry: Node, problems: Problems): void {
  const list = find(entry, 'components');
  if (list !== undefined && list.kind !== 'list') return;
  if (list === undefined || list.items.length === 0) {
    const help = 'add `components: ["@method", "@authority", "@path", "@query", content-digest]`';
    problems.error('missing_key', new ChildLocation(entry, 'components'), 'the signature would cover nothing', help);
    return;
  }
  const seen = new Set<string>();
  for (const item of list.items) {
    if (item.kind !== 'scalar' || problems.isReported(item)) continue;
    const name = item.text.replaceAll('"', '').replace(/^[^;]*/, (header) => header.toLowerCase());
    if (seen.has(name)) problems.error('invalid_value', item, `${shown(item)} is covered twice`, 'name it once');
    seen.add(name);
  }
}
