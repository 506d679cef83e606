import type { SignSpec, TextSignSpec } from '../config/profile/profile.ts';
import { ALGORITHMS } from '../keys/algorithms.ts';
import { type Build, type Builds, readable } from './build.ts';
import type { RequestDraft } from './draft.ts';
import { badBody } from './problem.ts';
import { compilePlace, expect, place, type Step, stepNeedsBody } from './inject.ts';
import { compileKey, type CompiledKey, NO_KEY } from './key.ts';
import type { Scope } from './scope.ts';
import { type ExplainedEntry, nameKey, type Signature } from './signature.ts';
import { compileSigner } from './signers/entry.ts';
import { type Compile, type Compiled, readsBody, readsToken, type Show } from './template.ts';
import { type ByteString, fromUnicode, toBytes } from '../core/byte-string.ts';
import { compileWhen, type When } from './when.ts';

/** Compiles one entry of `sign`. */
export const compileSignature = (spec: SignSpec, compile: Compile): Signature =>
  'signer' in spec ? compileSigner(spec, compile) : new TextSignature(spec, compile);

/** A signature over a text that templates make of the request. */
class TextSignature implements Signature {
  readonly when: When;
  readonly signed: readonly Compiled[];
  readonly placed: readonly Compiled[];
  readonly readsToken: boolean;
  readonly #needsBody: boolean;
  readonly #spec: TextSignSpec;
  readonly #text: Compiled;
  /** Undefined for a plain hash. */
  readonly #key: CompiledKey | undefined;
  readonly #step: Step;
  /** The field that the body is wrapped in; undefined when it isn't wrapped. */
  readonly #field: ByteString | undefined;

  constructor(spec: TextSignSpec, compile: Compile) {
    this.when = compileWhen(spec.when);
    this.#spec = spec;
    this.#text = compile(spec.text);
    this.#key = spec.key === undefined ? undefined : compileKey(spec.key, ALGORITHMS[spec.algorithm].key, compile);
    this.#step = compilePlace(spec.set, compile);
    this.#field = spec.body && fromUnicode(spec.body.field);
    this.signed = this.#key ? [this.#text, this.#key.template] : [this.#text];
    this.placed = [this.#step.value];
    this.readsToken = [...this.signed, ...this.placed, this.#step.name].some(readsToken);
    this.#needsBody = this.#field !== undefined || stepNeedsBody(this.#step) || this.signed.some(readsBody);
  }

  placeOf(show: Show): string {
    return `${this.#step.place} ${readable(show(this.#step.name))}`;
  }

  needsBody(): boolean {
    return this.#needsBody;
  }

  announce(draft: RequestDraft, show: Show): void {
    expect(draft, this.#step.place, show(this.#step.name));
  }

  /** Returns the text that was signed. */
  apply(draft: RequestDraft, scope: Scope): ByteString {
    const { place: where, name, value } = this.#step;
    const label = name.render(scope);
    this.#prepare(draft, label);
    const text = this.#text.render(scope);
    scope.signature = this.#digest(text, scope);
    place(draft, where, label, value.render(scope));
    return text;
  }

  explain({ sent, other, seen }: Builds): ExplainedEntry {
    const mask = (template: Compiled): ByteString => template.mask(seen.scope).text;
    const { place: where, name, value } = this.#step;
    const label = mask(name);
    this.#wrapSeen(sent, seen, label);
    const signed = this.apply(sent.draft, sent.scope);
    const otherwise = this.apply(other.draft, other.scope);
    const digest = sent.scope.signature;
    const text = mask(this.#text);
    seen.scope.signature = digest;
    const masked = mask(value);
    place(seen.draft, where, label, masked);
    const signature = {
      ...(this.when.says !== undefined && { when: this.when.says }),
      text: readable(text),
      algorithm: this.#spec.algorithm,
      key: this.#key && readable(nameKey(this.#key.template, seen.scope)),
      digest,
      place: this.placeOf(mask),
      value: readable(masked),
      coversToken: signed !== otherwise || (this.#key !== undefined && readsToken(this.#key.template)),
    };
    return { signature, placed: [] };
  }

  /**
   * Prepares a request for a signature under `name`: the caller's own field of that name is left out of what is signed, and the
   * body is wrapped. `show`, if given, replaces the base64 encoding. Throws `bad_body` if the signature goes into the body and
   * the request has none, since no body is added to a request.
   */
  #prepare(draft: RequestDraft, name: ByteString, show?: (body: ByteString) => ByteString): void {
    const { place: where } = this.#step;
    if ((where === 'form' || where === 'json') && draft.isBodiless) {
      throw badBody(`The signature goes into a field of the body, and this ${draft.method} request has none.`);
    }
    expect(draft, where, name);
    if (this.#field !== undefined) draft.wrapBase64(this.#field, show);
  }

  /** Wraps the body of `seen` if that of `sent` gets wrapped. */
  #wrapSeen(sent: Build, seen: Build, label: ByteString): void {
    // Base64 of masked text would tell the reader nothing, so the text itself is shown.
    const show = sent.draft.body === seen.draft.body ? undefined : (body: ByteString) => `base64(${body})`;
    const before = sent.draft.changedBody;
    this.#prepare(sent.draft, this.#step.name.render(sent.scope));
    if (sent.draft.changedBody === before) expect(seen.draft, this.#step.place, label);
    else this.#prepare(seen.draft, label, show);
  }

  /** The signature of `text`, encoded as the entry says. Throws `token_unavailable` when its key is missing. */
  #digest(text: ByteString, scope: Scope): ByteString {
    const { algorithm, encode, form, case: wanted } = this.#spec;
    const signature = ALGORITHMS[algorithm].sign(this.#key?.read(scope) ?? NO_KEY, toBytes(text), form);
    return changeCase(signature.toString(encode), wanted);
  }
}

function changeCase(text: string, wanted: TextSignSpec['case']): string {
  if (wanted === undefined) return text;
  return wanted === 'upper' ? text.toUpperCase() : text.toLowerCase();
}
