import type { SignerSpec } from '../../config/profile/profile.ts';
import type { ByteString } from '../../core/byte-string.ts';
import { type Build, type Builds, readable } from '../build.ts';
import type { RequestDraft } from '../draft.ts';
import { place } from '../inject.ts';
import type { Scope } from '../scope.ts';
import { nameKey, type Signature } from '../signature.ts';
import { type Compile, readsToken, type Show } from '../template.ts';
import { compileWhen } from '../when.ts';
import type { Composition, KeyOf } from './signer.ts';
import { signerOf } from './table.ts';

/** Compiles an entry of `sign` that names a signer. */
export function compileSigner(spec: SignerSpec, compile: Compile): Signature {
  const signer = signerOf(spec, compile);
  const compose = ({ draft, scope }: Build, show: Show): Composition => {
    const { method, origin, target, headers, bytes: body, isBodiless } = draft;
    const { nowMs, uuid: nonce } = scope;
    return signer.compose({ method, origin, target, headers, body, isBodiless, nowMs, nonce }, show);
  };
  const when = compileWhen(spec.when);
  return {
    when,
    needsBody: (headers) => signer.needsBody(headers),
    signed: signer.parameters,
    placed: [],
    readsToken: signer.parameters.some(readsToken),
    placeOf: () => `header ${signer.header}`,
    announce: () => undefined,
    apply(draft, scope) {
      const composition = compose({ draft, scope }, rendered(scope));
      put(draft, composition, signer.header, composition.sign(keysIn(scope)));
    },
    explain({ sent, other, seen }: Builds) {
      const [real, another] = [sent, other].map((build) => compose(build, rendered(build.scope))) as [
        Composition,
        Composition,
      ];
      const shown = compose(seen, (template) => template.mask(seen.scope).text);
      const digest = real.sign(keysIn(sent.scope));
      put(sent.draft, real, signer.header, digest);
      put(other.draft, another, signer.header, digest);
      put(seen.draft, shown, signer.header, digest);
      const value = shown.carry(digest);
      const signature = {
        ...(when.says !== undefined && { when: when.says }),
        text: readable(shown.text),
        covers: shown.covers,
        algorithm: signer.algorithm,
        key: readable(nameKey(signer.key, seen.scope)),
        digest,
        place: `header ${signer.header}`,
        value: readable(value),
        coversToken: real.text !== another.text,
      };
      return {
        signature,
        placed: shown.headers.map(([header, text]) => ({ place: 'header', name: header, value: readable(text) })),
      };
    },
  };
}

const rendered =
  (scope: Scope): Show =>
  (template) =>
    template.render(scope);

const keysIn =
  (scope: Scope): KeyOf =>
  (key) =>
    key.read(scope);

/** Puts in what a signer adds. It takes the place of all that the caller sent under those names. */
function put(draft: RequestDraft, composition: Composition, header: string, signature: ByteString): void {
  if (composition.fixesLength) draft.fixLength();
  for (const lower of composition.drops) draft.dropHeader(lower);
  for (const [name, value] of [...composition.headers, [header, composition.carry(signature)] as const])
    place(draft, 'header', name, value);
}
