import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { ExplainedField, Explanation, Outbound } from './authorizer.ts';
import { RequestDraft } from './draft.ts';
import { explainProgram, explainToken } from './explain-token.ts';
import { explainJwts } from './explain-jwts.ts';
import type { Placement } from './inject.ts';
import type { Build } from './build.ts';
import { DryRun } from './dry-run.ts';
import type { Site } from './path.ts';
import type { Plan, TokenPlan } from './plan.ts';
import { Scope, type TokenView } from './scope.ts';
import type { Signature } from './signature.ts';
import type { ByteString } from '../core/byte-string.ts';

/** A request with the compiled provider of its route. */
export interface ExplainParts {
  readonly plan: Plan;
  /** The signatures of the plan that fit the request. */
  readonly signatures: readonly Signature[];
  readonly request: Outbound;
  readonly site: Site;
  readonly clock: Clock;
  /** The subject's text, which `token.subject` shows; empty when the provider has one token for all. */
  readonly subject: ByteString;
}

/**
 * Explains what authorizing would add to a request. It runs the same steps, once with the real credentials, for the digests,
 * and once with each secret replaced by its name, for people to read. No token is fetched: its name stands in for it. Throws
 * what authorizing would throw.
 */
export function explain({ plan, signatures, request, site, clock, subject }: ExplainParts): Explanation {
  const { values: credentials, keys } = plan.credentials.resolve();
  const nowMs = clock.now();
  const shared = { credentials, keys, signsJwts: false, subject, now: () => nowMs, uuid: randomUUID() };
  const callersRequest = (): RequestDraft => new RequestDraft({ ...request, ...site });
  const build = (token: TokenView | undefined): Build => {
    const draft = callersRequest();
    for (const name of plan.privateHeaders) draft.dropHeader(name);
    return { draft, scope: new Scope({ ...shared, token, request: draft }) };
  };
  const token = plan.token && standIn(plan.token, '');
  const other = plan.token && standIn(plan.token, 'other ');
  const builds = { sent: build(token), other: build(other), seen: build(token) };
  const dryRun = new DryRun(builds, plan.steps, signatures);
  const placed = (where: Placement): ExplainedField[] =>
    dryRun.placed.flatMap(({ place, name, value }) => (place === where ? [{ name, value }] : []));
  const type = dryRun.addedType;
  return {
    headers: [...placed('header'), ...(type === undefined ? [] : [{ name: 'content-type', value: type }])],
    query: placed('query'),
    form: placed('form'),
    json: placed('json'),
    body: dryRun.body,
    signatures: dryRun.signatures,
    jwts: explainJwts(plan.jwts, { steps: plan.steps, signatures, token: plan.token }, builds.seen.scope),
    token: plan.token && explainToken(plan.token, { shared, token, request: callersRequest }),
    program: plan.token && explainProgram(plan.token, { shared, token, request: callersRequest }),
  };
}

/** Names that stand in for a token that is not fetched. `mark` is put in front of each name. */
function standIn({ read }: TokenPlan, mark: string): TokenView {
  return {
    accessToken: `<${mark}access_token>`,
    tokenType: read.tokenType.default ?? `<${mark}token_type>`,
    refreshToken: `<${mark}refresh_token>`,
  };
}
