import { choice, described, withDefault } from '../schema/scalar.ts';
import type { SectionOutput } from '../schema/section.ts';
import { secretTemplate, template } from '../schema/values.ts';

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
} as const;

/**
 * The parameters, by their names in the code, that become a part of a header as they are. What no header can hold is then a
 * mistake of the credential.
 */
export const HEADER_PARAMETERS: Readonly<Record<SignerName, readonly string[]>> = {
  'aws-sigv4': ['region', 'service', 'accessKeyId', 'sessionToken'],
};

/** The name of a signer. */
export type SignerName = keyof typeof SIGNERS;

/** What the parameters of a signer are read to. */
export type SignerParameters<N extends SignerName> = SectionOutput<(typeof SIGNERS)[N]>;
