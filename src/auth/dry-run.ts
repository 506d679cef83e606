import { headerValue } from '../core/headers.ts';
import type { ExplainedSignature } from './authorizer.ts';
import { type Builds, type Placed, readable } from './build.ts';
import { applyStep, expect, place, type Step } from './inject.ts';
import type { Signature } from './signature.ts';
import type { Compiled } from './template.ts';
import type { ByteString } from '../core/byte-string.ts';

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
    for (const { place: where, name } of steps) {
      for (const { draft, scope } of [builds.sent, builds.other]) expect(draft, where, name.render(scope));
      expect(builds.seen.draft, where, this.#mask(name));
    }
    for (const signature of signatures) {
      for (const { draft, scope } of [builds.sent, builds.other])
        signature.announce(draft, (part) => part.render(scope));
      signature.announce(builds.seen.draft, (template) => this.#mask(template));
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
    const { signature: explained, placed } = signature.explain(this.#builds);
    this.placed.push(...placed);
    return explained;
  }

  #mask(template: Compiled): ByteString {
    return template.mask(this.#builds.seen.scope).text;
  }
}
