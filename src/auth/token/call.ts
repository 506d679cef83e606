import type { FieldMap, TokenCallSpec } from '../../config/profile/profile.ts';
import { OutriderError } from '../../core/errors.ts';
import type { HttpCall } from '../../core/http.ts';
import { VERSION } from '../../core/version.ts';
import { RequestDraft } from '../draft.ts';
import { dropFields } from '../fields.ts';
import { checkHeader } from '../inject.ts';
import { siteOf } from '../path.ts';
import type { Scope } from '../scope.ts';
import { compileSignature } from '../sign.ts';
import type { Signature } from '../signature.ts';
import type { Compile, Compiled, Show } from '../template.ts';
import { type ByteString, fromUnicode, percentEncode, toBytes } from '../../core/byte-string.ts';
import { formEncode } from '../text.ts';
import { REMEDIES } from './failure.ts';
import { compileJson, type JsonValue } from './json-template.ts';

/** Names with compiled values. A name may occur more than once. */
export type Fields = readonly (readonly [name: string, value: Compiled])[];

/** One compiled call to a token endpoint. */
export interface TokenCall {
  readonly method: string;
  readonly url: Compiled;
  readonly headers: Fields;
  readonly query: Fields;
  readonly form: Fields | undefined;
  readonly json: JsonValue | undefined;
  readonly basic: readonly [user: Compiled, password: Compiled] | undefined;
  readonly signatures: readonly Signature[];
  /** The names that its templates read, without those of its signatures. */
  readonly names: ReadonlySet<string>;
}

/** Sent as `User-Agent`, because some endpoints refuse a call without it. */
const USER_AGENT = `outrider/${VERSION}`;

/** The call as it is sent. */
export type BuiltTokenCall = Pick<HttpCall, 'method' | 'url' | 'headers' | 'body'>;

/** Compiles one call of a profile's `token`. */
export function compileTokenCall(spec: TokenCallSpec, compile: Compile): TokenCall {
  const names = new Set<string>();
  const collect: Compile = (text) => {
    const compiled = compile(text);
    for (const name of compiled.names) names.add(name);
    return compiled;
  };
  const fields = (map: FieldMap): Fields =>
    Object.entries(map).flatMap(([name, value]) => [value].flat().map((each) => [name, collect(each)] as const));
  return {
    method: spec.method,
    url: collect(spec.url),
    headers: fields(spec.headers),
    query: fields(spec.query),
    form: spec.form && fields(spec.form),
    json: spec.json === undefined ? undefined : compileJson(spec.json, collect),
    basic: spec.auth && [collect(spec.auth.basic[0]), collect(spec.auth.basic[1])],
    signatures: spec.sign.map((entry) => compileSignature(entry, compile)),
    names,
  };
}

/**
 * Builds the call to send. Fields stand in the order of the profile; those that render as empty text are left out. Signatures
 * are applied last, over the call itself. Throws `token_unavailable` for a URL or header that can't be sent, or if no signature
 * fits; `bad_request` or `bad_body` if a template can't read its part of a request.
 * @param scope Its `request` is the caller's request. For a signed call it is replaced by the call itself.
 * @param api The URL of the endpoint `api`, below which a signature's `request.path` starts.
 */
export function buildTokenCall(call: TokenCall, scope: Scope, api: string | undefined): BuiltTokenCall {
  const show: Show = (template) => template.render(scope);
  const url = call.url.render(scope);
  const origin = originOf(url);
  const body = bodyOf(call, show);
  const draft = new RequestDraft({
    method: call.method,
    target: withQuery(targetOf(url.slice(origin.length)), rendered(call.query, show)),
    headers: headersOf(call, show),
    body,
    ...siteOf(origin, api),
  });
  if (call.signatures.length > 0) {
    scope.request = draft;
    sign(call.signatures, draft, scope);
  }
  return {
    method: call.method,
    url: origin + draft.target,
    headers: draft.headers,
    body: draft.changedBody === undefined ? body : toBytes(draft.changedBody),
  };
}

/** All fields that would be sent, for people to read: query, headers, then the body, with JSON flattened to dotted names. */
export function listTokenFields(call: TokenCall, show: Show): { name: string; value: string }[] {
  const list = [...rendered(call.query, show), ...rendered(call.headers, show)];
  if (call.basic) list.push(['authorization', `Basic base64(${call.basic.map(show).join(':')})`]);
  list.push(...rendered(call.form ?? [], show));
  if (call.json) list.push(...flatten('', call.json(show)));
  return list.map(([name, value]) => ({ name, value }));
}

function headersOf(call: TokenCall, show: Show): string[] {
  const list = rendered(call.headers, show);
  if (call.basic) {
    list.push(['authorization', `Basic ${toBytes(call.basic.map(show).join(':')).toString('base64')}`]);
  }
  const type = call.form ? 'application/x-www-form-urlencoded' : call.json && 'application/json';
  for (const [name, value] of [['content-type', type] as const, ['user-agent', USER_AGENT] as const]) {
    if (value && !list.some(([given]) => given.toLowerCase() === name)) list.push([name, value]);
  }
  for (const [name, value] of list) checkHeader(name, value);
  return list.flat();
}

function bodyOf(call: TokenCall, show: Show): Buffer | null {
  if (call.form) {
    const pairs = rendered(call.form, show).map(([name, value]) => `${formEncode(name)}=${formEncode(value)}`);
    return toBytes(pairs.join('&'));
  }
  return call.json ? Buffer.from(JSON.stringify(call.json(show)) ?? '') : null;
}

function sign(signatures: readonly Signature[], draft: RequestDraft, scope: Scope): void {
  const { method, path } = draft;
  const fitting = signatures.filter(({ when }) => when.fits(method, path, () => draft));
  if (fitting.length === 0) {
    throw new OutriderError('token_unavailable', { detail: 'No signature of the profile fits its own token call.' });
  }
  for (const signature of fitting) signature.apply(draft, scope);
}

function rendered(fields: Fields, show: Show): [name: ByteString, value: ByteString][] {
  return fields
    .map(([name, value]): [ByteString, ByteString] => [fromUnicode(name), show(value)])
    .filter(([, value]) => value !== '');
}

function flatten(prefix: string, value: unknown): [string, string][] {
  if (value === null || typeof value !== 'object') return [[prefix, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(prefix === '' ? key : `${prefix}.${key}`, inner));
}

function targetOf(rest: string): string {
  const [target = ''] = rest.split('#');
  return target.startsWith('/') ? target : `/${target}`;
}

/** Appends fields to the query of a target. They replace fields of those names that the URL has. */
function withQuery(target: string, fields: readonly (readonly [name: ByteString, value: ByteString])[]): string {
  if (fields.length === 0) return target;
  const mark = target.indexOf('?');
  const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
  const rest = dropFields(query, new Set(fields.map(([name]) => name)));
  const list = fields.map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).join('&');
  return `${path}?${rest}${rest === '' || rest.endsWith('&') ? '' : '&'}${list}`;
}

function originOf(url: string): string {
  const origin = /^https?:\/\/[^/?#]+/i.exec(url)?.[0];
  if (origin === undefined || !URL.canParse(url)) {
    throw new OutriderError('token_unavailable', {
      detail: 'The URL of the token endpoint is not a URL.',
      remedy: REMEDIES.address,
    });
  }
  return origin;
}
