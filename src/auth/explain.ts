import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Explanation, Outbound } from './authorizer.ts';
import { RequestDraft } from './draft.ts';
import { place, type Place } from './inject.ts';
import type { PathBelow } from './path.ts';
import type { Plan, TokenPlan } from './plan.ts';
import { Scope } from './scope.ts';
import type { Signature } from './sign.ts';
import { type ByteString, toUnicode } from './text.ts';
import { listTokenFields } from './token/request.ts';

export interface ExplainParts {
  readonly plan: Plan;
  readonly signatures: readonly Signature[];
  readonly request: Outbound;
  readonly pathBelow: PathBelow;
  readonly clock: Clock;
  readonly subject: ByteString;
}

type Shown = { name: string; value: string }[];

/**
 * Walks the same steps as authorizing does, on two drafts: one with the credentials, for the digests, and one with every
 * secret as its name, for the eyes. No token is asked for: its name stands for it in both.
 */
export function explain({ plan, signatures, request, pathBelow, clock, subject }: ExplainParts): Explanation {
  const { values: credentials } = plan.credentials.resolve();
  const nowMs = clock.now();
  const shared = {
    credentials,
    token: plan.token && placeholder(plan.token),
    subject,
    now: () => nowMs,
    uuid: randomUUID(),
  };
  const [real, seen] = [draftOf(plan, request, pathBelow), draftOf(plan, request, pathBelow)];
  const scope = new Scope({ ...shared, request: real });
  const masks = new Scope({ ...shared, request: seen });

  const shown: Readonly<Record<Place, Shown>> = { header: [], query: [], form: [], json: [] };
  for (const { place: where, name, value } of plan.steps) {
    if ((where === 'form' || where === 'json') && real.isBodiless) continue;
    const masked = value.mask(masks).text;
    place(real, where, name.render(scope), value.render(scope));
    place(seen, where, name.mask(masks).text, masked);
    shown[where].push({ name: readable(name.mask(masks).text), value: readable(masked) });
  }

  const signed = signatures.map((signature) => {
    signature.prepare(real);
    signature.prepare(seen);
    const text = signature.text.mask(masks).text;
    const digest = signature.digest(signature.text.render(scope), scope);
    scope.signature = digest;
    masks.signature = digest;
    const { place: where, name, value } = signature.step;
    const masked = value.mask(masks).text;
    const label = name.mask(masks).text;
    place(real, where, name.render(scope), value.render(scope));
    place(seen, where, label, masked);
    return {
      text: readable(text),
      algorithm: signature.algorithm,
      place: `${where} ${readable(label)}`,
      value: readable(masked),
    };
  });

  return {
    headers: shown.header,
    query: shown.query,
    form: shown.form,
    json: shown.json,
    signatures: signed,
    token:
      plan.token && explainToken(plan.token, new Scope({ ...shared, request: callersRequest(request, pathBelow) })),
  };
}

function explainToken({ fetch }: TokenPlan, scope: Scope): NonNullable<Explanation['token']> {
  return {
    method: fetch.method,
    url: readable(fetch.url.mask(scope).text),
    fields: listTokenFields(fetch, (template) => template.mask(scope).text).map(({ name, value }) => ({
      name,
      value: readable(value),
    })),
  };
}

function placeholder({ read }: TokenPlan): { accessToken: string; tokenType: string; refreshToken: string } {
  return {
    accessToken: '<access_token>',
    tokenType: read.tokenType.default ?? '<token_type>',
    refreshToken: '<refresh_token>',
  };
}

function callersRequest(request: Outbound, pathBelow: PathBelow): RequestDraft {
  return new RequestDraft({ ...request, pathBelow });
}

function draftOf(plan: Plan, request: Outbound, pathBelow: PathBelow): RequestDraft {
  const draft = callersRequest(request, pathBelow);
  for (const name of plan.privateHeaders) draft.dropHeader(name);
  return draft;
}

function readable(text: ByteString): string {
  return toUnicode(text) ?? text;
}
