/** A media type with its parameters (RFC 9110 §8.3.1). */
export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly essence: string;
  /** The parameters in order: names in lower case, values unquoted. A name may occur more than once. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Whether the whole text follows the syntax. */
  readonly isWellFormed: boolean;
}

const PARAMETER = /[ \t]*;[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;",\\]*)))?/y;

/** Reads the value of a Content-Type. It never fails: parameters after a syntax error are left out. */
export function readMediaType(text: string): MediaType {
  const [essence = ''] = /^[^;\s]*/.exec(text.trimStart()) ?? [];
  const rest = text.trim().slice(essence.length);
  const parameters: (readonly [string, string])[] = [];
  let at = 0;
  while (at < rest.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(rest);
    if (!match) break;
    const [whole, name, quoted, plain = ''] = match;
    if (name !== undefined) parameters.push([name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? plain]);
    at += whole.length;
  }
  return { essence: essence.toLowerCase(), parameters, isWellFormed: at === rest.length };
}

/** All values of the parameter `name` (lower case), in order. */
export const parametersOf = ({ parameters }: MediaType, name: string): string[] =>
  parameters.flatMap(([known, value]) => (known === name ? [value] : []));
