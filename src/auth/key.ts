import { KeyObject } from 'node:crypto';
import { soleCredential } from '../config/template/template.ts';
import { toBytes } from '../core/byte-string.ts';
import { OutriderError } from '../core/errors.ts';
import type { Key, KeyKind } from '../keys/algorithms.ts';
import type { Scope } from './scope.ts';
import type { Compile, Compiled } from './template.ts';

/** What a plain hash gets for a key. */
export const NO_KEY = new Uint8Array();

/** A compiled `key` of a profile. */
export interface CompiledKey {
  /** For its names, and to show it. Its text is not the key: see {@link read}. */
  readonly template: Compiled;
  /** The key as its algorithm takes it. Throws `token_unavailable` for a private key that was not given. */
  read(scope: Scope): Key;
}

/** Compiles a `key` for an algorithm that takes keys of `kind`. A credential alone is read by its format, all else is bytes. */
export function compileKey(text: string, kind: KeyKind, compile: Compile): CompiledKey {
  const template = compile(text);
  const credential = soleCredential(text);
  return {
    template,
    read(scope) {
      const key = credential === undefined ? undefined : scope.keys.get(credential);
      if (key instanceof KeyObject) return key;
      if (kind === 'secret') return toBytes(template.render(scope));
      throw new OutriderError('token_unavailable', {
        detail: `The request can't be signed: the credential ${credential} was not given.`,
        remedy: 'Give this credential in the config: it is a private key.',
      });
    },
  };
}
