import type { RawHeaders } from '../../../src/core/headers.ts';
import type { Key } from '../../../src/keys/algorithms.ts';
import { EMPTY_REQUEST } from '../../../src/auth/draft.ts';
import { Scope } from '../../../src/auth/scope.ts';
import type { Composition, CompiledSigner, SignedRequest } from '../../../src/auth/signers/signer.ts';
import { type Compile, createCompiler, type Show } from '../../../src/auth/template.ts';

/** Compiles templates that name nothing: a parameter is its own text. */
export const compile: Compile = createCompiler({ endpoints: {}, scope: '', values: {}, secretNames: new Set() });

const scope = new Scope({
  credentials: new Map(),
  token: undefined,
  subject: '',
  request: EMPTY_REQUEST,
  now: () => 0,
});
const show: Show = (template) => template.render(scope);

/** A request as a signer sees it; what is left out is that of a plain GET. */
export const signed = (parts: Partial<Omit<SignedRequest, 'body'>> & { readonly body?: string }): SignedRequest => ({
  method: 'GET',
  origin: 'https://api.example',
  target: '/',
  headers: [],
  nowMs: 0,
  nonce: 'nonce',
  isBodiless: parts.body === undefined,
  ...parts,
  body: Buffer.from(parts.body ?? ''),
});

export interface Signed extends Composition {
  readonly signature: string;
  /** All header fields that are put in. */
  readonly added: Readonly<Record<string, string>>;
}

/** Signs a request with a compiled signer. */
export function sign(signer: CompiledSigner, request: Parameters<typeof signed>[0], key?: Key): Signed {
  const composition = signer.compose(signed(request), show);
  const signature = composition.sign(({ template }) => key ?? Buffer.from(show(template)));
  return {
    ...composition,
    signature,
    added: Object.fromEntries([...composition.headers, [signer.header, composition.carry(signature)]]),
  };
}

/** Header lines as a raw list. */
export const lines = (text: string): RawHeaders =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
