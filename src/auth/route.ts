import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { MaybePromise } from '../core/http.ts';
import type { Clock } from '../core/clock.ts';
import { pathOfTarget } from '../core/path.ts';
import type { TokenRecord } from '../store/store.ts';
import type { Authorized, Authorizer, Explanation, Outbound, Renewed } from './authorizer.ts';
import { EMPTY_REQUEST, RequestDraft } from './draft.ts';
import { explain } from './explain.ts';
import { placeHeader } from './headers.ts';
import { applyStep, checkHeader, expect } from './inject.ts';
import { Needles } from './needles.ts';
import type { Site } from './path.ts';
import { badBody } from './problem.ts';
import type { Plan } from './plan.ts';
import type { Judgement, RejectionRules } from './rejection-rules.ts';
import { Scope } from './scope.ts';
import type { Signature } from './signature.ts';
import type { Rendered, Subject } from './subjects.ts';
import { asText, toBytes } from '../core/byte-string.ts';
import { notRenewed } from './token/skip.ts';
import type { Waiter } from './token/waiting.ts';

/** What the authorizer of one route works with. */
export interface RouteParts {
  readonly plan: Plan;
  readonly rejection: RejectionRules;
  readonly site: Site;
  readonly clock: Clock;
  /** Whether the upstream is shown a client certificate when it asks for one. */
  readonly hasCertificate: () => boolean;
  /** Finds whose token a request needs. Throws `bad_request` when the request doesn't say. */
  readonly subjectOf: (request: Outbound, site: Site) => Subject;
}

/** The {@link Authorizer} of one route: the compiled profile of its provider, applied to one upstream. */
export class RouteAuthorizer implements Authorizer {
  readonly privateHeaders: readonly string[];
  readonly rejectStatuses: ReadonlySet<number>;
  readonly #parts: RouteParts;

  constructor(parts: RouteParts) {
    this.#parts = parts;
    this.privateHeaders = parts.plan.privateHeaders;
    this.rejectStatuses = parts.rejection.statuses;
  }

  needsBody(method: string, headers: RawHeaders): boolean {
    return this.#parts.plan.needsBody(method, headers);
  }

  judge(status: number, headers: RawHeaders, body?: Uint8Array): Judgement {
    return this.#parts.rejection.judge(status, headers, body);
  }

  authorize(request: Outbound, waiter: Waiter = { isGone: false }): MaybePromise<Authorized> {
    const { plan, site, subjectOf } = this.#parts;
    const signatures = fittingSignatures(plan, request, site);
    const subject = subjectOf(request, site);
    const { source } = subject;
    const record = source?.current();
    if (record || !source) return this.#build(request, signatures, subject, record);
    return source.wait(waiter).then((arrived) => this.#build(request, signatures, subject, arrived));
  }

  async renew(rejected: Authorized, request: Outbound, rejectedAtMs: number, waiter?: Waiter): Promise<Renewed> {
    const { plan, site, subjectOf } = this.#parts;
    const subject = subjectOf(request, site);
    const { source } = subject;
    if (!source || rejected.generation === 0) return this.#renewJwts(rejected, request, subject, rejectedAtMs);
    const replacement = await source.replace(rejected.generation, rejectedAtMs, waiter);
    if ('skip' in replacement) return replacement;
    // Nobody knows which of the two was rejected.
    plan.reused?.drop(rejected.reused);
    const signatures = fittingSignatures(plan, request, site);
    const authorized = this.#build(request, signatures, subject, replacement.record);
    return { authorized, renewed: replacement.renewed };
  }

  signedWith(request: Outbound): Readonly<Record<string, string>> {
    const { plan, site } = this.#parts;
    const { values } = plan.credentials.resolve();
    const names = fittingSignatures(plan, request, site).flatMap(({ signed, placed }) =>
      [...signed, ...placed].flatMap((template) => [...template.names]),
    );
    const open = [...new Set(names)]
      .filter((name) => name.startsWith('credentials.') && !plan.secretNames.has(name))
      .map((name) => name.slice('credentials.'.length));
    return Object.fromEntries(open.map((name) => [name, asText(values.get(name) ?? '')]));
  }

  /** Makes the reused JWTs of a request anew that carried no token. */
  #renewJwts(rejected: Authorized, request: Outbound, subject: Subject, rejectedAtMs: number): Renewed {
    const { plan, site } = this.#parts;
    if (!plan.reused || rejected.reused === 0) return notRenewed('no token was rejected');
    const outcome = plan.reused.reject(rejected.reused, rejectedAtMs);
    if ('skip' in outcome) return outcome;
    const signatures = fittingSignatures(plan, request, site);
    const authorized = this.#build(request, signatures, subject, subject.source?.current());
    return { authorized, renewed: outcome.dropped };
  }

  explain(request: Outbound): Explanation {
    const { plan, site, clock, subjectOf } = this.#parts;
    const signatures = fittingSignatures(plan, request, site);
    return explain({ plan, signatures, request, site, clock, subject: subjectOf(request, site).text });
  }

  /** The outcome for a request on which nothing is put. */
  get #outcomeOfNothing(): 'certificate' | 'skipped' {
    return this.#parts.hasCertificate() ? 'certificate' : 'skipped';
  }

  #build(
    request: Outbound,
    signatures: readonly Signature[],
    subject: Subject,
    record: TokenRecord | undefined,
  ): Authorized {
    const { plan } = this.#parts;
    if (!plan.isPlain) return this.#buildAny(request, signatures, subject, record);
    const headers = request.headers.slice();
    const rendered = renderedFor(plan, subject, record);
    for (const header of rendered.headers) placeHeader(headers, header);
    const auth = plan.steps.length > 0 ? 'injected' : this.#outcomeOfNothing;
    const generation = plan.carriesToken.size > 0 ? (record?.generation ?? 0) : 0;
    const { target } = request;
    const { secrets } = rendered;
    return { target, headers, body: undefined, generation, reused: 0, subject: subject.key, auth, secrets };
  }

  #buildAny(
    request: Outbound,
    signatures: readonly Signature[],
    subject: Subject,
    record: TokenRecord | undefined,
  ): Authorized {
    const { plan, site, clock } = this.#parts;
    const draft = new RequestDraft({ ...request, ...site });
    for (const name of plan.privateHeaders) draft.dropHeader(name);
    const { values: credentials, keys } = plan.credentials.resolve();
    const scope = new Scope({
      credentials,
      keys,
      reused: plan.reused,
      token: record,
      subject: subject.text,
      request: draft,
      now: () => clock.now(),
    });
    for (const { place, name } of plan.steps) expect(draft, place, name.render(scope));
    for (const signature of signatures) signature.announce(draft, (name) => name.render(scope));
    const applied = plan.steps.filter((step) => applyStep(step, draft, scope));
    for (const signature of signatures) signature.apply(draft, scope);
    // Generation 0 says that the request carries no token. Its rejection then says nothing about the token.
    const hasToken = [...applied, ...signatures].some((part) => plan.carriesToken.has(part));
    return {
      target: draft.target,
      headers: draft.headers,
      body: draft.changedBody === undefined ? undefined : toBytes(draft.changedBody),
      generation: hasToken ? (record?.generation ?? 0) : 0,
      reused: scope.reusedGeneration,
      subject: subject.key,
      auth: signatures.length > 0 ? 'signed' : applied.length > 0 ? 'injected' : this.#outcomeOfNothing,
      secrets: renderedFor(plan, subject, record).secrets.with(plan.echoes.changing(scope)),
    };
  }
}

const NONE: readonly Signature[] = [];

const REFUSED = 'Leave out what `detail` names, or ask the provider how such a request is signed: nothing was sent.';

/**
 * The signatures whose `when` fits the request. Throws `bad_body` if the profile refuses the request. Throws
 * `method_not_allowed` if the profile has signatures and none fits.
 */
function fittingSignatures(plan: Plan, request: Outbound, site: Site): readonly Signature[] {
  const { signatures, refusals } = plan;
  if (signatures.length === 0 && refusals.length === 0) return NONE;
  const { method } = request;
  const below = site.pathBelow(pathOfTarget(request.target));
  let draft: RequestDraft | undefined;
  const asItCame = (): RequestDraft => (draft ??= new RequestDraft({ ...request, ...site }));
  const refusal = refusals.find(({ when }) => when.fits(method, below, asItCame));
  if (refusal) throw badBody(refusal.detail, REFUSED);
  const fitting = signatures.filter(({ when }) => when.fits(method, below, asItCame));
  if (fitting.length > 0 || signatures.length === 0) return fitting;
  throw new OutriderError('method_not_allowed', {
    detail: `The profile signs no ${method} request ${draft ? 'with these fields' : 'to this path'}, and an unsigned one is not sent.`,
    headers: ['Allow', plan.signedMethods.join(', ')],
  });
}

/** What is the same for all requests with one token and one version of the credentials, cached per subject. */
function renderedFor(plan: Plan, subject: Subject, record: TokenRecord | undefined): Rendered {
  const resolved = plan.credentials.resolve();
  const known = subject.rendered;
  if (known && known.from[0] === record && known.from[1] === resolved) return known;
  const scope = new Scope({
    credentials: resolved.values,
    token: record,
    subject: subject.text,
    request: EMPTY_REQUEST,
    now: () => 0,
  });
  const headers = (plan.isPlain ? plan.steps : []).map((step) => {
    const name = step.name.render(scope);
    const value = step.value.render(scope);
    checkHeader(name, value);
    return { name, lower: name.toLowerCase(), value };
  });
  const rendered = { from: [record, resolved], headers, secrets: new Needles(plan.echoes.stable(scope)) } as const;
  subject.rendered = rendered;
  return rendered;
}
