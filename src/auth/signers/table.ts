import type { SignerSpec } from '../../config/profile/profile.ts';
import type { SignerName, SignerParameters } from '../../config/profile/signers.ts';
import type { Compile } from '../template.ts';
import { awsSigV4 } from './aws-sigv4.ts';
import { messageSignature } from './http-message-signature.ts';
import { oauth1 } from './oauth1.ts';
import type { CompiledSigner, Signer } from './signer.ts';

/** Every signer that a profile can name. Nothing else in `auth` lists them. */
const SIGNERS: { readonly [N in SignerName]: Signer<SignerParameters<N>> } = {
  'aws-sigv4': awsSigV4,
  'http-message-signature': messageSignature,
  oauth1,
};

/** Compiles the signer that an entry names, with the entry's parameters. */
export const signerOf = (spec: SignerSpec, compile: Compile): CompiledSigner =>
  (SIGNERS[spec.signer] as Signer<SignerSpec>)(spec, compile);
