import type { RequestDraft } from './draft.ts';
import type { Placement } from './inject.ts';
import type { Scope } from './scope.ts';
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
  /**
   * Like `sent`, with another name for the token. If what is signed differs from that of `sent`, the signature depends on the
   * token.
   */
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

/** Decodes bytes of a request for a person to read: as UTF-8 if they are valid UTF-8, else one character per byte. */
export function readable(text: ByteString): string {
  return toUnicode(text) ?? text;
}
