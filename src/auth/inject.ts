import type { InjectSpec, SignPlace } from '../config/profile/profile.ts';
import { isOurHeader } from '../config/schema/values.ts';
import { OutriderError } from '../core/errors.ts';
import { isToken } from '../core/headers.ts';
import type { RequestDraft } from './draft.ts';
import type { Scope } from './scope.ts';
import { type Compile, type Compiled, readsBody } from './template.ts';
import { type ByteString } from '../core/byte-string.ts';
import { fitsHeader } from './text.ts';

/** The part of a request that a value can go into. `form` and `json` are fields of the body. */
export type Placement = 'header' | 'query' | 'form' | 'json';

/** One value to put into a request. The name is a template too: with the profile `header`, the operator chooses it. */
export interface Step {
  readonly place: Placement;
  readonly name: Compiled;
  readonly value: Compiled;
}

const PLACES = { query: 'query', form: 'form', json: 'json', headers: 'header' } as const satisfies Record<
  keyof InjectSpec,
  Placement
>;

/** Compiles a profile's `inject` into steps, in the order in which they are applied: query, form, JSON, and headers last. */
export function compileInject(spec: InjectSpec, compile: Compile): Step[] {
  return Object.entries(PLACES).flatMap(([part, place]) =>
    Object.entries(spec[part as keyof InjectSpec]).map(([name, value]) => ({
      place,
      name: compile(name),
      value: compile(value),
    })),
  );
}

/** Compiles a signature's `set`, which holds one place and a value, into a step. */
export function compilePlace(set: SignPlace, compile: Compile): Step {
  const [place, name] = Object.entries(set).find(([key]) => key !== 'value') as [Placement, string];
  return { place, name: compile(name), value: compile(set.value) };
}

/** Whether the step reads or changes the body. */
export function stepNeedsBody({ place: where, name, value }: Step): boolean {
  return where === 'form' || where === 'json' || readsBody(name) || readsBody(value);
}

/**
 * Applies one step to a draft. False: there is no place for the value, because it is a body field and the request has no body.
 */
export function applyStep(step: Step, draft: RequestDraft, scope: Scope): boolean {
  if ((step.place === 'form' || step.place === 'json') && draft.isBodiless) return false;
  place(draft, step.place, step.name.render(scope), step.value.render(scope));
  return true;
}

/** Announces to the draft that a value will be put under `name`. Headers need no announcement. */
export function expect(draft: RequestDraft, where: Placement, name: ByteString): void {
  if (where !== 'header') draft.expect(where, name);
}

/**
 * Puts `value` under `name`. It replaces everything that the caller sent under that name. Throws `bad_body` for a body that the
 * field can't go into, `token_unavailable` for a header that can't be sent.
 */
export function place(draft: RequestDraft, where: Placement, name: ByteString, value: ByteString): void {
  if (where === 'query') draft.setQuery(name, value);
  else if (where === 'form') draft.setForm(name, value);
  else if (where === 'json') draft.setJson(name, value);
  else {
    checkHeader(name, value);
    draft.setHeader(name, value);
  }
}

/**
 * Throws `token_unavailable` for a header that can't be sent: its name is no token (RFC 9110 §5.6.2) or is reserved for
 * Outrider, or its value holds a character that no field value can hold. The message never quotes the value.
 */
export function checkHeader(name: string, value: ByteString): void {
  if (!isToken(name) || isOurHeader(name.toLowerCase())) {
    throw unsendable('The profile names a header that the credential can not go into.');
  }
  if (!fitsHeader(value))
    throw unsendable(`The value for the header ${name} holds a character that no header can hold.`);
}

// The error lasts until an operator corrects the credential, so callers are told to wait before they retry.
function unsendable(detail: string): OutriderError {
  return new OutriderError('token_unavailable', {
    detail,
    remedy:
      'Mend the credential that goes into this header, in the config or where its value comes from: one line of text.',
    headers: ['Retry-After', '30'],
  });
}
