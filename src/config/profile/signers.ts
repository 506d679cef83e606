import { z } from 'zod';
import type { KeyObject } from 'node:crypto';
import type { AlgorithmName, KeyKind } from '../../keys/algorithms.ts';
import { kindOf } from '../../keys/read.ts';
import { component } from './components.ts';
import { boolean, choice, described, duration, optional, pattern, withDefault } from '../schema/scalar.ts';
import type { SectionOutput } from '../schema/section.ts';
import { secretBytesTemplate, secretTemplate, template } from '../schema/values.ts';

/** The registered algorithms of RFC 9421 (IANA, HTTP Signature Algorithms), and what each is in our table. */
export const MESSAGE_ALGORITHMS = {
  'rsa-pss-sha512': 'rsa-pss-sha512',
  'rsa-v1_5-sha256': 'rsa-sha256',
  'hmac-sha256': 'hmac-sha256',
  'ecdsa-p256-sha256': 'ecdsa-p256-sha256',
  'ecdsa-p384-sha384': 'ecdsa-p384-sha384',
  ed25519: 'ed25519',
} as const satisfies Record<string, AlgorithmName>;

/** What each kind of key signs with where no algorithm is named. */
const BY_KEY: Readonly<Partial<Record<KeyKind, AlgorithmName>>> = {
  secret: 'hmac-sha256',
  rsa: 'rsa-pss-sha512',
  'p-256': 'ecdsa-p256-sha256',
  'p-384': 'ecdsa-p384-sha384',
  ed25519: 'ed25519',
};

/** The algorithm of RFC 9421 that a key decides. Undefined for a key that none of them takes. */
export const messageAlgorithmOf = (key: KeyObject): AlgorithmName | undefined => BY_KEY[kindOf(key) ?? 'none'];

/** The signature methods of OAuth 1.0 (RFC 5849 §3.4, and those with SHA-256), and what each is in our table. */
export const OAUTH1_METHODS = {
  'HMAC-SHA1': 'hmac-sha1',
  'RSA-SHA1': 'rsa-sha1',
  'HMAC-SHA256': 'hmac-sha256',
  'RSA-SHA256': 'rsa-sha256',
} as const satisfies Record<string, AlgorithmName>;

const MESSAGE_ALGORITHM_NAMES = Object.keys(MESSAGE_ALGORITHMS) as (keyof typeof MESSAGE_ALGORITHMS)[];
const OAUTH1_METHOD_NAMES = Object.keys(OAUTH1_METHODS) as (keyof typeof OAUTH1_METHODS)[];

/** A key of a structured field (RFC 8941 §3.1.2). */
const sfKey = pattern('a label', /^[a-z*][a-z0-9_.*-]*$/, 'write lower-case letters, digits, `_`, `-`, `.` and `*`');

/** The parameters of each signer, beside `signer` and `when`. What a signer does with them stands in `auth/signers`. */
export const SIGNERS = {
  'aws-sigv4': {
    region: described('The region, as AWS calls it: `eu-central-1`.', template),
    service: described("The service's name in signatures: `s3`, `execute-api`, `sqs`.", template),
    access_key_id: described('Says whose key signs.', template),
    secret_access_key: described('The key.', secretTemplate),
    session_token: described('Goes with temporary keys; none, when it is empty.', secretTemplate.optional()),
    payload: described(
      '`signed`: the signature covers the body. `unsigned`: it does not, and the body streams. S3 takes both.',
      withDefault(choice(['signed', 'unsigned']), 'signed', 'signed'),
    ),
  },
  'http-message-signature': {
    components: described(
      'What the signature covers: header names, and `@method`, `@target-uri`, `@authority`, `@scheme`, `@request-target`, `@path`, `@query`, `@query-param;name="…"`.',
      z.array(component),
    ),
    key_id: described('Says which key verifies it (`keyid`).', template.optional()),
    key: described('The key.', secretBytesTemplate),
    algorithm: described(
      'The registered name of the algorithm, which then stands in the signature (`alg`). Without it the key decides.',
      choice(MESSAGE_ALGORITHM_NAMES).optional(),
    ),
    label: described('The name of the signature.', withDefault(sfKey, 'sig1', 'sig1')),
    expires: described('How long it is valid (`expires`).', optional(duration(1000))),
    tag: described('What it is for, as the other side calls it (`tag`).', template.optional()),
    digest: described(
      'The digest in `Content-Digest`, which is put in where it is covered.',
      withDefault(choice(['sha-256', 'sha-512']), 'sha-256', 'sha-256'),
    ),
  },
  oauth1: {
    consumer_key: described('Says whose key signs.', template),
    signature_method: described(
      'How it is signed.',
      withDefault(choice(OAUTH1_METHOD_NAMES), 'HMAC-SHA1', 'HMAC-SHA1'),
    ),
    consumer_secret: described('The key of the HMAC methods.', secretTemplate.optional()),
    key: described('The private key of the RSA methods.', secretBytesTemplate.optional()),
    token: described('The access token; none, when it is empty.', secretTemplate.optional()),
    token_secret: described('Goes with the token, in the HMAC methods.', secretTemplate.optional()),
    realm: described('Is shown to the other side and not signed.', template.optional()),
    body_hash: described(
      'Whether the signature covers a body that is no form (`oauth_body_hash`). A form is always covered.',
      withDefault(boolean, false, false),
    ),
  },
} as const;

/** The header that carries the signature, in lower case. */
export const SIGNER_HEADERS: Readonly<Record<SignerName, string>> = {
  'aws-sigv4': 'authorization',
  'http-message-signature': 'signature',
  oauth1: 'authorization',
};

/**
 * The parameters, by their names in the code, that become a part of a header as they are. What is not ASCII, or no header can
 * hold, is then a mistake of the credential.
 */
export const HEADER_PARAMETERS: Readonly<Record<SignerName, readonly string[]>> = {
  'aws-sigv4': ['region', 'service', 'accessKeyId', 'sessionToken'],
  'http-message-signature': ['keyId', 'tag'],
  oauth1: ['realm'],
};

/**
 * The parameters, by their names in the code, that only make a signature. Whatever else a signer gets may be seen in what is
 * signed.
 */
export const KEY_PARAMETERS: ReadonlySet<string> = new Set(['secretAccessKey', 'key', 'consumerSecret', 'tokenSecret']);

/** Where a signer's key comes from: which parameter names the algorithm, and what each name is in our table. */
export interface SignerKey {
  readonly names: string;
  readonly algorithms: Readonly<Record<string, AlgorithmName>>;
  /** The algorithm where none is named. Undefined: the key decides. */
  readonly usual: string | undefined;
  /** The parameter that holds a shared secret. Undefined: `key` does. */
  readonly secret?: string;
}

/** The signers with a choice of algorithms. They have a parameter `key`. */
export const SIGNER_KEYS: Readonly<Partial<Record<string, SignerKey>>> = {
  'http-message-signature': { names: 'algorithm', algorithms: MESSAGE_ALGORITHMS, usual: undefined },
  oauth1: { names: 'signature_method', algorithms: OAUTH1_METHODS, usual: 'HMAC-SHA1', secret: 'consumer_secret' },
};

/** The name of a signer. */
export type SignerName = keyof typeof SIGNERS;

/** What the parameters of a signer are read to. */
export type SignerParameters<N extends SignerName> = SectionOutput<(typeof SIGNERS)[N]>;
