import type { RawHeaders } from '../core/headers.ts';
import type { ExplainedSignature } from './authorizer.ts';
import type { Builds, Placed } from './build.ts';
import type { RequestDraft } from './draft.ts';
import type { Scope } from './scope.ts';
import type { Compiled, Show } from './template.ts';
import type { When } from './when.ts';

/** One compiled entry of a profile's `sign`. It can be applied to any number of requests. */
export interface Signature {
  readonly when: When;
  /** Whether signing reads or changes the body of a request with these headers. */
  needsBody(headers: RawHeaders): boolean;
  /** The templates of what is signed, and of the key. */
  readonly signed: readonly Compiled[];
  /** The templates of what is put in with the signature, but for the place's name. */
  readonly placed: readonly Compiled[];
  /** Whether it reads a part of the token. */
  readonly readsToken: boolean;
  /** Where the signature goes: `header x-verify`. */
  placeOf(show: Show): string;
  /** Announces the fields that it will fill, so that nothing that comes before sees the caller's. */
  announce(draft: RequestDraft, show: Show): void;
  /** Signs the request as it has been built so far, over exactly the bytes that are sent. Throws `bad_body` and `bad_request`. */
  apply(draft: RequestDraft, scope: Scope): void;
  /** Applies it to all three builds, and tells what a person may see of it. Throws what `apply` throws. */
  explain(builds: Builds): ExplainedEntry;
}

/** What a person may see of an applied entry. */
export interface ExplainedEntry {
  readonly signature: ExplainedSignature;
  /** What was put in beside the signature. */
  readonly placed: readonly Placed[];
}

/** The name of a key. Its value is never shown, even if the profile doesn't mark it as secret. */
export function nameKey(key: Compiled, seen: Scope): string {
  const { text, isSecret } = key.mask(seen);
  if (isSecret) return text;
  const names = [...key.names].filter((name) => !name.startsWith('values.'));
  return names.map((name) => `<${name.replace(/^credentials\./, '')}>`).join('') || '<a fixed text>';
}
