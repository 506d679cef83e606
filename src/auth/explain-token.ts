import type { Explanation } from './authorizer.ts';
import { RequestDraft } from './draft.ts';
import { type Build, readable } from './build.ts';
import { DryRun } from './dry-run.ts';
import { siteOf } from './path.ts';
import type { TokenPlan } from './plan.ts';
import { Scope, type ScopeParts, type TokenView } from './scope.ts';
import type { Compiled } from './template.ts';
import type { ByteString } from '../core/byte-string.ts';
import { buildTokenCall, type Fields, listTokenFields, type TokenCall } from './token/call.ts';

/** What the templates of a token call need. */
export interface TokenCallParts {
  readonly shared: Omit<ScopeParts, 'request' | 'token'>;
  /** The names that stand in for the parts of a token; undefined when the provider has none. */
  readonly token: TokenView | undefined;
  /** Gives a new copy of the caller's request. */
  readonly request: () => RequestDraft;
}

/**
 * The token call that would be made, with secrets masked. No call is made. For a signed call, throws what building it would
 * throw.
 */
export function explainToken(plan: TokenPlan, parts: TokenCallParts): Explanation['token'] {
  const { fetch } = plan;
  if (!fetch) return undefined;
  const scope = new Scope({ ...parts.shared, token: parts.token, request: parts.request() });
  const mask = (template: Compiled): ByteString => template.mask(scope).text;
  const fields = listTokenFields(fetch, mask).map(({ name, value }) => ({ name, value: readable(value) }));
  const { body, signatures } = mirrorCall(fetch, plan.api, parts) ?? { body: undefined, signatures: [] };
  const signed = signatures.map(({ place, value }) => ({ name: place.slice(place.indexOf(' ') + 1), value }));
  return { method: fetch.method, url: readable(mask(fetch.url)), fields: [...fields, ...signed], body, signatures };
}

/** The program that would be run for a token, with secrets masked. It is not run. */
export function explainProgram(
  { program }: TokenPlan,
  { shared, token, request }: TokenCallParts,
): Explanation['program'] {
  if (!program) return undefined;
  const scope = new Scope({ ...shared, token, request: request() });
  const mask = (template: Compiled): string => readable(template.mask(scope).text);
  return {
    command: program.command.map(mask),
    env: program.env.map(([name, value]) => ({ name, value: mask(value) })),
  };
}

function mirrorCall(
  fetch: TokenCall,
  api: string | undefined,
  { shared, request }: TokenCallParts,
): Pick<DryRun, 'body' | 'signatures'> | undefined {
  if (fetch.signatures.length === 0) return undefined;
  const scopeOf = (): Scope => new Scope({ ...shared, token: undefined, request: request() });
  const build = (call: TokenCall): Build => {
    const scope = scopeOf();
    const draft = draftOf(call, scope, api);
    scope.request = draft;
    return { draft, scope };
  };
  buildTokenCall(fetch, scopeOf(), api);
  const sent = build(fetch);
  const { method, path } = sent.draft;
  const fitting = fetch.signatures.filter(({ when }) => when.fits(method, path, () => sent.draft));
  return new DryRun({ sent, other: build(fetch), seen: build(masked(fetch)) }, [], fitting);
}

/** The call as a draft, before it is signed. */
function draftOf(call: TokenCall, scope: Scope, api: string | undefined): RequestDraft {
  const { method, url, headers, body } = buildTokenCall({ ...call, signatures: [] }, scope, api);
  const origin = originOf(url);
  const target = url.slice(origin.length);
  return new RequestDraft({ method, target, headers, body, ...siteOf(origin, api) });
}

/**
 * The call with each secret replaced by its name. The origin of the URL stays real, because which part of the path is signed
 * depends on it.
 */
function masked(call: TokenCall): TokenCall {
  const { url, form, json, basic } = call;
  const hide = (template: Compiled): Compiled => ({ ...template, render: (scope) => template.mask(scope).text });
  const hideAll = (fields: Fields): Fields => fields.map(([name, value]) => [name, hide(value)]);
  return {
    ...call,
    url: {
      ...url,
      render(scope) {
        const seen = url.mask(scope).text;
        return originOf(url.render(scope)) + seen.slice(originOf(seen).length);
      },
    },
    headers: hideAll(call.headers),
    query: hideAll(call.query),
    form: form && hideAll(form),
    json: json && ((show) => json((template) => show(hide(template)))),
    basic: basic && [hide(basic[0]), hide(basic[1])],
  };
}

const originOf = (url: string): string => /^[a-z]+:\/\/[^/?#]*/i.exec(url)?.[0] ?? '';
