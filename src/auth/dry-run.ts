import { headerValue } from '../core/headers.ts';
import type { ExplainedSignature } from './authorizer.ts';
import type { RequestDraft } from './draft.ts';
import { applyStep, expect, place, type Placement, type Step } from './inject.ts';
import type { Scope } from './scope.ts';
import { applySignature, prepare, type Signature } from './sign.ts';
import { type Compiled, readsToken } from './template.ts';
import { type ByteString, toUnicode } from '../core/byte-string.ts';

/** A request that is being built, with the scope of its templates. */
export interface Build {
  readonly draft: RequestDraft;
  readonly scope: Scope;
}

/** The same request, built three times in parallel. */
export interface Builds {
  /** With the real credentials, as it is sent. The token is replaced by a name. */
  readonly sent: Build;
  /** Like `sent`, with another name for the token. If the signed text differs from that of `sent`, it holds the token. */
  readonly other: Build;
  /** With each secret replaced by its name, for people to read. */
  readonly seen: Build;
}

/** A value that was put into the request, with secrets masked. */
export interface Placed {
  readonly place: Placement;
  readonly name: string;
  readonly value: string;
}

/** Puts a credential on a request exactly as authorizing does, and records what a person may see of it. */
export class DryRun {
  readonly placed: Placed[] = [];
  readonly signatures: ExplainedSignature[] = [];
  readonly #builds: Builds;
  readonly #hadType: boolean;

  /** Applies the steps, then the signatures, in the order of authorizing. Throws what authorizing would throw. */
  constructor(builds: Builds, steps: readonly Step[], signatures: readonly Signature[]) {
    this.#builds = builds;
    this.#hadType = headerValue(builds.seen.draft.headers, 'content-type') !== undefined;
    for (const { place: where, name } of [...steps, ...signatures.map(({ step }) => step)]) {
      for (const { draft, scope } of [builds.sent, builds.other]) expect(draft, where, name.render(scope));
      expect(builds.seen.draft, where, this.#mask(name));
    }
    for (const step of steps) this.#inject(step);
    for (const signature of signatures) this.signatures.push(this.#sign(signature));
  }

  /** The body that is sent, masked; undefined when it is the caller's own. */
  get body(): string | undefined {
    const { changedBody } = this.#builds.seen.draft;
    return changedBody === undefined ? undefined : readable(changedBody);
  }

  /** The Content-Type that a changed body gets because it came without one; else undefined. */
  get addedType(): string | undefined {
    const isPlaced = this.placed.some(({ place: where, name }) => where === 'header' && /^content-type$/i.test(name));
    return this.#hadType || isPlaced ? undefined : headerValue(this.#builds.seen.draft.headers, 'content-type');
  }

  #inject(step: Step): void {
    const { sent, other, seen } = this.#builds;
    if (!applyStep(step, sent.draft, sent.scope)) return;
    applyStep(step, other.draft, other.scope);
    const [name, value] = [this.#mask(step.name), this.#mask(step.value)];
    place(seen.draft, step.place, name, value);
    this.placed.push({ place: step.place, name: readable(name), value: readable(value) });
  }

  #sign(signature: Signature): ExplainedSignature {
    const { sent, other, seen } = this.#builds;
    const { place: where, name, value } = signature.step;
    const label = this.#mask(name);
    this.#wrap(signature, label);
    const signed = applySignature(signature, sent.draft, sent.scope);
    const otherwise = applySignature(signature, other.draft, other.scope);
    const digest = sent.scope.signature;
    const text = this.#mask(signature.text);
    seen.scope.signature = digest;
    const masked = this.#mask(value);
    place(seen.draft, where, label, masked);
    return {
      ...(signature.when.says !== undefined && { when: signature.when.says }),
      text: readable(text),
      algorithm: signature.algorithm,
      key: signature.key && nameKey(signature.key.template, seen.scope),
      digest,
      place: `${where} ${readable(label)}`,
      value: readable(masked),
      coversToken: signed !== otherwise || (signature.key !== undefined && readsToken(signature.key.template)),
    };
  }

  /** Wraps the body of `seen` if that of `sent` gets wrapped. */
  #wrap(signature: Signature, label: ByteString): void {
    const { sent, seen } = this.#builds;
    // Base64 of masked text would tell the reader nothing, so the text itself is shown.
    const show = sent.draft.body === seen.draft.body ? undefined : (body: ByteString) => `base64(${body})`;
    const before = sent.draft.changedBody;
    prepare(signature, sent.draft, signature.step.name.render(sent.scope));
    if (sent.draft.changedBody === before) expect(seen.draft, signature.step.place, label);
    else prepare(signature, seen.draft, label, show);
  }

  #mask(template: Compiled): ByteString {
    return template.mask(this.#builds.seen.scope).text;
  }
}

/** The name of a key. Its value is never shown, even if the profile doesn't mark it as secret. */
export function nameKey(key: Compiled, scope: Scope): string {
  const { text, isSecret } = key.mask(scope);
  if (isSecret) return readable(text);
  const names = [...key.names].filter((name) => !name.startsWith('values.'));
  return names.map((name) => `<${name.replace(/^credentials\./, '')}>`).join('') || '<a fixed text>';
}

/** Decodes bytes of a request for a person to read: as UTF-8 if they are valid UTF-8, else one character per byte. */
export function readable(text: ByteString): string {
  return toUnicode(text) ?? text;
}
