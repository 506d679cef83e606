import { described, scalar, type Scalar } from './scalar.ts';
import { section } from './section.ts';
import type { ScalarNode } from '../yaml/tree.ts';

/** A text in PEM. The node is kept: a changed file is read again. */
const pem = (expects: string, isSecret: boolean): Scalar<ScalarNode> =>
  scalar({ expects, json: { type: 'string' }, seen: isSecret ? 'never' : 'always', read: (node) => node });

const pair = {
  certificate: described(
    'Its certificate in PEM, with those between it and the root behind it.',
    pem('certificates in PEM', false),
  ),
  key: described('The private key of the certificate, in PEM.', pem('a private key in PEM', true)),
};

/** What a listener shows in TLS. */
export const pairTls = section(pair);

/** What a listener shows in TLS, and whose client certificates it takes. */
export const serverTls = section({
  ...pair,
  client_ca: described(
    'Who vouches for the certificates of callers, in PEM. Then one is asked for, and not required.',
    pem('certificates in PEM', false).optional(),
  ),
});
