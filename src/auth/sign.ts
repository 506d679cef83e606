import type { SignSpec } from '../config/profile/profile.ts';
import { ALGORITHMS } from '../keys/algorithms.ts';
import type { RequestDraft } from './draft.ts';
import { badBody } from './problem.ts';
import { compilePlace, expect, place, type Step, stepNeedsBody } from './inject.ts';
import { compileKey, type CompiledKey } from './key.ts';
import type { Scope } from './scope.ts';
import { type Compile, type Compiled, readsBody } from './template.ts';
import { type ByteString, fromUnicode, toBytes } from '../core/byte-string.ts';
import { compileWhen, type When } from './when.ts';

/** One compiled entry of a profile's `sign`. It can be applied to any number of requests. */
export interface Signature {
  readonly when: When;
  readonly algorithm: SignSpec['algorithm'];
  readonly text: Compiled;
  /** Undefined for a plain hash. */
  readonly key: CompiledKey | undefined;
  readonly step: Step;
  /** Whether signing reads or changes the body. */
  readonly needsBody: boolean;
  /** Wraps the body in a JSON field as base64, if the entry says so. `show`, if given, replaces the base64 encoding. */
  wrap(draft: RequestDraft, show?: (body: ByteString) => ByteString): void;
  /** The signature of `text`, encoded as the entry says. Throws `token_unavailable` when its key is missing. */
  digest(text: ByteString, scope: Scope): ByteString;
}

/** Compiles one entry of `sign`. */
export function compileSignature(spec: SignSpec, compile: Compile): Signature {
  const { body, algorithm, encode, form } = spec;
  const rule = ALGORITHMS[algorithm];
  const text = compile(spec.text);
  const key = spec.key === undefined ? undefined : compileKey(spec.key, rule.key, compile);
  const step = compilePlace(spec.set, compile);
  const field = body && fromUnicode(body.field);
  return {
    when: compileWhen(spec.when),
    algorithm,
    text,
    key,
    step,
    needsBody:
      field !== undefined || stepNeedsBody(step) || [text, key?.template].some((part) => part && readsBody(part)),
    wrap(draft, show) {
      if (field !== undefined) draft.wrapBase64(field, show);
    },
    digest: (signed, scope) =>
      changeCase(rule.sign(key?.read(scope) ?? NO_KEY, toBytes(signed), form).toString(encode), spec.case),
  };
}

/** What a plain hash gets for a key. */
const NO_KEY = new Uint8Array();

/**
 * Signs the request as it has been built so far, over exactly the bytes that are sent. Throws `bad_body`.
 * @returns The text that was signed.
 */
export function applySignature(signature: Signature, draft: RequestDraft, scope: Scope): ByteString {
  const { place: where, name, value } = signature.step;
  const label = name.render(scope);
  prepare(signature, draft, label);
  const text = signature.text.render(scope);
  scope.signature = signature.digest(text, scope);
  place(draft, where, label, value.render(scope));
  return text;
}

/**
 * Prepares a request for a signature under `name`: the caller's own field of that name is left out of what is signed, and the
 * body is wrapped. Throws `bad_body` if the signature goes into the body and the request has none, since no body is added to a
 * request.
 */
export function prepare(
  signature: Signature,
  draft: RequestDraft,
  name: ByteString,
  show?: (body: ByteString) => ByteString,
): void {
  const { place: where } = signature.step;
  if ((where === 'form' || where === 'json') && draft.isBodiless) {
    throw badBody(`The signature goes into a field of the body, and this ${draft.method} request has none.`);
  }
  expect(draft, where, name);
  signature.wrap(draft, show);
}

function changeCase(text: string, wanted: SignSpec['case']): string {
  if (wanted === undefined) return text;
  return wanted === 'upper' ? text.toUpperCase() : text.toLowerCase();
}
