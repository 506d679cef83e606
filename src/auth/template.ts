import { applyFilter } from '../config/template/filters.ts';
import { parseTemplate, type TemplateName, type TemplatePart } from '../config/template/template.ts';
import type { TemplateMap } from '../config/profile/profile.ts';
import type { Scope } from './scope.ts';
import { type ByteString, fromUnicode } from '../core/byte-string.ts';
import { TIMES } from './now.ts';

/** A compiled template. Rendering it parses nothing. */
export interface Compiled {
  readonly render: (scope: Scope) => ByteString;
  /**
   * Renders the template for a person to read. Each secret is replaced by its name in angle brackets, inside its filters:
   * `base64(<client_secret>)`.
   */
  readonly mask: (scope: Scope) => Masked;
  /** All names that it reads, including those read through `values.*` and `jwt.*`. */
  readonly names: ReadonlySet<string>;
  /** Whether it is a digest or a signature, or holds one. */
  readonly isDigest: boolean;
  /** The texts in it by which it can be recognised elsewhere: the whole, each value, and what filters make of it. No digests. */
  readonly pieces: readonly Piece[];
}

/** Renders a template: for the wire, or with secrets masked. */
export type Show = (template: Compiled) => ByteString;

/** A text within a template. */
export type Piece = Pick<Compiled, 'render' | 'names'>;

/** A rendered text in which secrets are masked. */
export interface Masked {
  readonly text: ByteString;
  /** Whether it contains a masked secret. */
  readonly isSecret: boolean;
}

/** What templates read that doesn't change between requests. */
export interface TemplateContext {
  readonly endpoints: Readonly<Record<string, string>>;
  /** The provider's scopes, joined by spaces (RFC 6749 §3.3). */
  readonly scope: string;
  readonly values: TemplateMap;
  /** Compiles the JWT of a name; undefined when there is none. */
  readonly jwt?: (name: string, compile: Compile) => Compiled | undefined;
  /** Template names whose values must not be shown: `credentials.client_secret`, `request.headers.x-grant-token`. */
  readonly secretNames: ReadonlySet<string>;
}

/** Compiles one template, which the checks of the config have accepted. */
export type Compile = (text: string) => Compiled;

type Render = (scope: Scope) => ByteString;

const DIGESTS: ReadonlySet<string> = new Set(['sha256', 'sha512']);

const PLAIN: Readonly<Record<string, Render>> = {
  'token.access_token': (scope) => scope.token?.accessToken ?? '',
  'token.token_type': (scope) => scope.token?.tokenType ?? '',
  'token.refresh_token': (scope) => scope.token?.refreshToken ?? '',
  'token.subject': (scope) => scope.subject,
  'request.method': (scope) => scope.request.method,
  'request.path': (scope) => scope.request.path,
  'request.query': (scope) => scope.request.query,
  'request.target': (scope) => scope.request.pathAndQuery,
  'request.body': (scope) => scope.request.body,
  uuid: (scope) => scope.uuid,
  signature: (scope) => scope.signature,
};

/**
 * Creates the compiler for the templates of one provider. Each of `values.*` and `jwt.*` is rendered once per {@link Scope}. Throws
 * if one of them refers to itself.
 */
export function createCompiler(context: TemplateContext): Compile {
  const named = new Map<string, Compiled | undefined>();

  /** The value or JWT of a full name: `values.pair`, `jwt.assertion`. */
  const namedText = (name: string, family: string, rest: string): Compiled => {
    const known = named.get(name);
    if (known) return known;
    if (named.has(name)) throw new TypeError(`${name} needs itself`);
    named.set(name, undefined);
    const text = family === 'values' && Object.hasOwn(context.values, rest) ? context.values[rest] : undefined;
    const compiled = family === 'jwt' ? context.jwt?.(rest, compile) : text === undefined ? undefined : compile(text);
    if (!compiled) throw new TypeError(`${name} is unknown`);
    named.set(name, compiled);
    return compiled;
  };

  const lookUp = ({ name, laterMs = 0 }: TemplateName): Render => {
    const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
    if (plain) return plain;
    if (name === 'scope') return constant(fromUnicode(context.scope));
    const [family, rest] = splitName(name);
    if (family === 'credentials') return (scope) => scope.credentials.get(rest) ?? '';
    if (family === 'now') {
      const show = TIMES[rest] as (typeof TIMES)[string];
      return (scope) => show(scope.nowMs, laterMs);
    }
    if (family === 'endpoints') return constant(fromUnicode(context.endpoints[rest] ?? ''));
    if (family === 'request.headers') return (scope) => scope.request.header(rest);
    if (family === 'request.form') return (scope) => scope.request.formField(rest);
    if (family === 'request.json') return (scope) => scope.request.jsonField(rest.split('.'));
    if (family === 'inner') return (scope) => scope.callback?.innerField(rest.split('.')) ?? '';
    if (family === 'parts') return (scope) => scope.callback?.part(rest) ?? '';
    const { render } = namedText(name, family, rest);
    return (scope) => scope.value(name, render);
  };

  const maskPart = (part: TemplatePart, render: Render): ((scope: Scope) => Masked) => {
    if (typeof part === 'string') return (scope) => ({ text: render(scope), isSecret: false });
    const { name, filters } = part;
    const [family, rest] = splitName(name);
    const isSecret = context.secretNames.has(canonicalName(name));
    const base = lookUp(part);
    return (scope) => {
      const inner = isNamed(family)
        ? namedText(name, family, rest).mask(scope)
        : { text: isSecret ? `<${rest}>` : base(scope), isSecret };
      const text = inner.isSecret
        ? filters.reduce((seen, filter) => `${filter}(${seen})`, inner.text)
        : filters.reduce((seen, filter) => applyFilter(seen, filter), inner.text);
      return { text, isSecret: inner.isSecret };
    };
  };

  const compilePart = (part: TemplatePart): Render => {
    if (typeof part === 'string') return constant(fromUnicode(part));
    const base = lookUp(part);
    return part.filters.reduce<Render>((render, name) => {
      return (scope) => applyFilter(render(scope), name);
    }, base);
  };

  const isDigest = (part: TemplatePart): boolean => {
    if (typeof part === 'string') return false;
    const [family, rest] = splitName(part.name);
    if (part.name === 'signature' || part.filters.some((filter) => DIGESTS.has(filter))) return true;
    return isNamed(family) && namedText(part.name, family, rest).isDigest;
  };

  const piecesOf = (part: TemplatePart): readonly Piece[] => {
    if (typeof part === 'string' || isDigest(part)) return [];
    const [family, rest] = splitName(part.name);
    const names = new Set(namesOf(part.name));
    const stages = [...part.filters.keys(), part.filters.length].map((count) => part.filters.slice(0, count));
    const own = stages.map((filters): Piece => ({ names, render: compilePart({ ...part, filters }) }));
    return isNamed(family) ? [...namedText(part.name, family, rest).pieces, ...own] : own;
  };

  const compile: Compile = (text) => {
    const parts = parseTemplate(text);
    const renders = parts.map(compilePart);
    const masks = parts.map((part, index) => maskPart(part, renders[index] as Render));
    const render = join(renders);
    const names = new Set(parts.flatMap((part) => (typeof part === 'string' ? [] : namesOf(part.name))));
    const holdsDigest = parts.some(isDigest);
    return {
      render,
      mask: (scope) => {
        const masked = masks.map((mask) => mask(scope));
        return { text: masked.map((part) => part.text).join(''), isSecret: masked.some((part) => part.isSecret) };
      },
      names,
      isDigest: holdsDigest,
      pieces: [...parts.flatMap(piecesOf), ...(holdsDigest ? [] : [{ render, names }])],
    };
  };

  const namesOf = (name: string): string[] => {
    const [family, rest] = splitName(name);
    return isNamed(family) ? [name, ...namedText(name, family, rest).names] : [canonicalName(name)];
  };

  return compile;
}

/** Whether the template renders alike for all requests with the same token and version of the credentials. */
export function isStable({ names }: Piece): boolean {
  return ![...names].some((name) => /^(?:request\.|inner\.|parts\.|now\.|jwt\.|uuid$|signature$)/.test(name));
}

/** Whether the template reads the body of the request. */
export function readsBody({ names }: Pick<Compiled, 'names'>): boolean {
  return [...names].some((name) => /^request\.(?:body$|form\.|json\.)/.test(name));
}

/** Whether the template reads a part of the token. */
export function readsToken({ names }: Compiled): boolean {
  return [...names].some((name) => name.startsWith('token.'));
}

/** Whether the names of a family stand for texts that the profile makes. */
const isNamed = (family: string): boolean => family === 'values' || family === 'jwt';

const FAMILIES = [
  'credentials',
  'endpoints',
  'values',
  'jwt',
  'token',
  'now',
  'request.headers',
  'request.form',
  'request.json',
  'inner',
  'parts',
];

/**
 * Splits a name into its family and the rest: `request.headers.X-Id` → [`request.headers`, `x-id`]. A name without a family is
 * both.
 */
function splitName(name: string): readonly [family: string, rest: string] {
  const family = FAMILIES.find((known) => name.startsWith(`${known}.`));
  if (family === undefined) return [name, name];
  const rest = name.slice(family.length + 1);
  if (family === 'request.headers') return [family, rest.toLowerCase()];
  return [family, /^(?:request\.|inner$|parts$)/.test(family) ? fromUnicode(rest) : rest];
}

function canonicalName(name: string): string {
  const [family, rest] = splitName(name);
  return family === 'request.headers' ? `${family}.${rest}` : name;
}

function constant(text: ByteString): Render {
  return () => text;
}

function join(renders: readonly Render[]): Render {
  const [only] = renders;
  if (only && renders.length === 1) return only;
  return (scope) => {
    let text = '';
    for (const render of renders) text += render(scope);
    return text;
  };
}
