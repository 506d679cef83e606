import { ALGORITHMS, type AlgorithmName, type Key } from './algorithms.ts';

/** The algorithms of a JWT (RFC 7518 §3.1, RFC 8037 §3.1), and what each is in our table. */
export const JWS_ALGORITHMS = {
  RS256: 'rsa-sha256',
  RS384: 'rsa-sha384',
  RS512: 'rsa-sha512',
  PS256: 'rsa-pss-sha256',
  PS384: 'rsa-pss-sha384',
  PS512: 'rsa-pss-sha512',
  ES256: 'ecdsa-p256-sha256',
  ES384: 'ecdsa-p384-sha384',
  EdDSA: 'ed25519',
  HS256: 'hmac-sha256',
  HS384: 'hmac-sha384',
  HS512: 'hmac-sha512',
} as const satisfies Record<string, AlgorithmName>;

/** The name of a JWT's algorithm. */
export type JwsAlgorithm = keyof typeof JWS_ALGORITHMS;

/** All names, in the order of the table. */
export const JWS_ALGORITHM_NAMES = Object.keys(JWS_ALGORITHMS) as readonly JwsAlgorithm[];

const encode = (text: string): string => Buffer.from(text).toString('base64url');

/**
 * Signs in the compact form (RFC 7515 §7.1).
 * @param header The protected header as JSON, with `alg` in it.
 * @param payload The text that is signed; for a JWT its claims as JSON.
 */
export function signJws(algorithm: JwsAlgorithm, key: Key, header: string, payload: string): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  const signature = ALGORITHMS[JWS_ALGORITHMS[algorithm]].sign(key, Buffer.from(signed, 'latin1'));
  return `${signed}.${signature.toString('base64url')}`;
}
