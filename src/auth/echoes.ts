import { Secret } from '../core/secret.ts';
import type { Step } from './inject.ts';
import type { Scope } from './scope.ts';
import type { Signature } from './signature.ts';
import { type Compile, isStable, type Piece } from './template.ts';

/** The texts of a provider's requests that its answers must not hand to callers: secrets, and what holds one. */
export interface Echoes {
  /** Gives those that are the same for all requests with one token and one version of the credentials. */
  stable(scope: Scope): Secret[];
  /** Gives those that differ from request to request. `scope` is that of a request with its credential. */
  changing(scope: Scope): Secret[];
}

/** The secrets of a token. Its subject is none: callers name it themselves. */
const TOKEN = ['token.access_token', 'token.refresh_token'];

/**
 * Finds the echoes in what is put into requests.
 * @param credentials Template names of the secret credentials.
 */
export function compileEchoes(
  steps: readonly Step[],
  signatures: readonly Signature[],
  credentials: readonly string[],
  compile: Compile,
): Echoes {
  const secrets = new Set([...TOKEN, ...credentials]);
  const injected = [...steps.map(({ value }) => value), ...signatures.flatMap(({ placed }) => placed)];
  const signed = signatures.flatMap((signature) => signature.signed);
  const isSecret = (name: string): boolean => secrets.has(name);
  const read = new Set([...injected, ...signed].flatMap(({ names }) => [...names]).filter(isSecret));
  const pieces: Piece[] = [
    ...[...read].map((name) => compile(`{{${name}}}`)),
    ...injected.flatMap((value) => value.pieces).filter(({ names }) => [...names].some(isSecret)),
  ];
  const stable = pieces.filter(isStable);
  const changing = pieces.filter((piece) => !isStable(piece));
  const render = (some: readonly Piece[], scope: Scope): Secret[] =>
    some.map((piece) => new Secret(piece.render(scope)));
  return {
    stable: (scope) => render(stable, scope),
    changing: (scope) => render(changing, scope),
  };
}
