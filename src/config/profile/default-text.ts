import { type ByteString, fromUnicode, toUnicode } from '../../core/byte-string.ts';
import { applyFilter } from '../template/filters.ts';
import type { CredentialSpec } from './profile.ts';
import { parseTemplate } from '../template/template.ts';

type Declared = Readonly<Record<string, CredentialSpec>>;
/** Endpoint name → URL. */
export type Endpoints = Readonly<Record<string, string>>;

/** The template of a credential's default in this environment. Undefined when there is none. */
export function defaultOf(spec: CredentialSpec, environment: string | undefined): string | undefined {
  if (typeof spec.default !== 'object') return spec.default;
  return environment !== undefined && Object.hasOwn(spec.default, environment) ? spec.default[environment] : undefined;
}

/** The value that a default makes for a credential that the operator left out. */
export interface DefaultText {
  readonly credential: string;
  readonly text: string;
  /** The credentials that the operator gave and that the value is made of. */
  readonly madeOf: ReadonlySet<string>;
}

/**
 * The values that defaults make for the credentials that are not in `given` (name → text). The profile must have been checked:
 * no default depends on itself, and a default names nothing but credentials and endpoints.
 */
export function defaultTexts(
  declared: Declared,
  environment: string | undefined,
  endpoints: Endpoints,
  given: ReadonlyMap<string, string>,
): readonly DefaultText[] {
  const render = (name: string, madeOf: Set<string>): ByteString => {
    const text = given.get(name);
    if (text !== undefined) {
      madeOf.add(name);
      return fromUnicode(text);
    }
    const spec = Object.hasOwn(declared, name) ? declared[name] : undefined;
    const parts = parseTemplate((spec && defaultOf(spec, environment)) ?? '');
    return parts
      .map((part) => {
        if (typeof part === 'string') return fromUnicode(part);
        const endpoint = /^endpoints\.(.+)$/.exec(part.name)?.[1];
        const value =
          endpoint === undefined
            ? render(part.name.replace('credentials.', ''), madeOf)
            : fromUnicode(endpoints[endpoint] ?? '');
        return part.filters.reduce(applyFilter, value);
      })
      .join('');
  };
  return Object.entries(declared).flatMap(([credential, spec]) => {
    if (given.has(credential) || defaultOf(spec, environment) === undefined) return [];
    const madeOf = new Set<string>();
    const bytes = render(credential, madeOf);
    return { credential, text: toUnicode(bytes) ?? bytes, madeOf };
  });
}
