import type { InjectSpec, SignPlace } from '../config/profile/profile.ts';
import { isOurHeader } from '../config/schema/values.ts';
import { OutriderError } from '../core/errors.ts';
import { isToken } from '../core/headers.ts';
import type { RequestDraft } from './draft.ts';
import type { Scope } from './scope.ts';
import { type Compile, type Compiled, readsBody } from './template.ts';
import { type ByteString } from '../core/byte-string.ts';
import { fitsHeader } from './text.ts';

export type Placement = 'header' | 'query' | 'form' | 'json';

/** One thing that is put into a request; names are templates too (the profile `header` takes its name from the operator). */
export interface Step {
  readonly place: Placement;
  readonly name: Compiled;
  readonly value: Compiled;
}

const PLACES = { query: 'query', form: 'form', json: 'json', headers: 'header' } as const satisfies Record<
  keyof InjectSpec,
  Placement
>;

/** The steps of a profile's `inject`, in the order in which they are applied: query, form, JSON, and headers last. */
export function compileInject(spec: InjectSpec, compile: Compile): Step[] {
  return Object.entries(PLACES).flatMap(([part, place]) =>
    Object.entries(spec[part as keyof InjectSpec]).map(([name, value]) => ({
      place,
      name: compile(name),
      value: compile(value),
    })),
  );
}

/** The step of one `set:` of a signature. */
export function compilePlace(set: SignPlace, compile: Compile): Step {
  const [place, name] = Object.entries(set).find(([key]) => key !== 'value') as [Placement, string];
  return { place, name: compile(name), value: compile(set.value) };
}

/** Whether the step reads the body, or changes it. */
export function stepNeedsBody({ place: where, name, value }: Step): boolean {
  return where === 'form' || where === 'json' || readsBody(name) || readsBody(value);
}

/** Puts one value in; tells whether there was a place for it (a form field has none in a GET without a body). */
export function applyStep(step: Step, draft: RequestDraft, scope: Scope): boolean {
  if ((step.place === 'form' || step.place === 'json') && draft.isBodiless) return false;
  place(draft, step.place, step.name.render(scope), step.value.render(scope));
  return true;
}

/** Tells the draft that something will be put under `name`. */
export function expect(draft: RequestDraft, where: Placement, name: ByteString): void {
  if (where !== 'header') draft.expect(where, name);
}

/** Puts `value` under `name`; it replaces all that the caller sent under that name. */
export function place(draft: RequestDraft, where: Placement, name: ByteString, value: ByteString): void {
  if (where === 'query') draft.setQuery(name, value);
  else if (where === 'form') draft.setForm(name, value);
  else if (where === 'json') draft.setJson(name, value);
  else {
    checkHeader(name, value);
    draft.setHeader(name, value);
  }
}

/** Throws `token_unavailable` for a header that can't be sent; the value is never quoted. */
export function checkHeader(name: string, value: ByteString): void {
  if (!isToken(name) || isOurHeader(name.toLowerCase())) {
    throw unsendable('The profile names a header that the credential can not go into.');
  }
  if (!fitsHeader(value))
    throw unsendable(`The value for the header ${name} holds a character that no header can hold.`);
}

// It lasts until an operator mends it; a caller may as well ask again after a while.
function unsendable(detail: string): OutriderError {
  return new OutriderError('token_unavailable', {
    detail,
    remedy:
      'Mend the credential that goes into this header, in the config or where its value comes from: one line of text.',
    headers: ['Retry-After', '30'],
  });
}
