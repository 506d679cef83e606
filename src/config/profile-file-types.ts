// Derived: `npm run reference` writes it. What it says stands in the definitions.

/** A text with a reference in it: `${VAR}`, `${VAR:-default}`, `${file:/path}`. */
export type Reference = `${string}\${${string}}${string}`;

/** A profile, as below `profiles`. */
export type ProfileFile = {
  /** For people. */
  readonly title?: string | number | boolean | null;
  /** The profile that this one changes: maps are merged, lists replaced, null takes away. */
  readonly extends?: string | number | boolean | null;
  /** Endpoints of each environment. */
  readonly environments?: Readonly<Record<string, Readonly<Record<string, string | null>> | null>> | null;
  /** What the operator gives. */
  readonly credentials?: Readonly<Record<string, {
    /** For people: what it is, and where it comes from. */
    readonly description?: string | number | boolean | null;
    /** Default: false. */
    readonly secret?: boolean | Reference | null;
    /** Default: false. */
    readonly optional?: boolean | Reference | null;
    readonly default?: string | number | boolean | Readonly<Record<string, string | number | boolean | null>> | null;
    /** Whether the empty text is a value. Default: false. */
    readonly empty?: boolean | Reference | null;
    /** Characters that it must not hold. */
    readonly without?: string | number | boolean | null;
    /** How it becomes a key. Default: "text". */
    readonly format?: "text" | "pem" | "base64" | "hex" | Reference | null;
    /** The credential that opens an encrypted PEM. */
    readonly passphrase?: string | number | boolean | null;
  } | null>> | null;
  /** Paths below the API that are for this profile, where several lead to one upstream: see the forward doors. */
  readonly api_paths?: readonly string[] | null;
  /** How a token is got; none for fixed keys and signatures. */
  readonly token?: {
    /** Whose token it is, where tokens belong to users: one is kept for each. */
    readonly subject?: string | number | boolean | null;
    /** How a token is got. */
    readonly fetch?: {
      readonly url?: string | number | boolean | null;
      readonly method?: string | null;
      readonly headers?: Readonly<Record<string, string | number | boolean | null>> | null;
      readonly query?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | null>> | null;
      readonly form?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | null>> | null;
      readonly json?: unknown;
      /** `basic: [name, password]`. */
      readonly auth?: {
        readonly basic: readonly (string | number | boolean)[];
      } | null;
      /** Signatures of the token call itself. */
      readonly sign?: readonly SignatureFile[] | null;
    } | null;
    /** In place of `fetch`: a program and its arguments, run without a shell; what it prints is the answer. */
    readonly command?: readonly (string | number | boolean)[] | null;
    /** The variables of that program, besides PATH and HOME. */
    readonly env?: Readonly<Record<string, string | number | boolean | null>> | null;
    /** How long it may take; by default `timeouts.token`. */
    readonly timeout?: string | null;
    /** How one is renewed while a refresh token is held; what it leaves out is as in `fetch`. */
    readonly refresh?: {
      readonly url?: string | number | boolean | null;
      readonly method?: string | null;
      readonly headers?: Readonly<Record<string, string | number | boolean | null>> | null;
      readonly query?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | null>> | null;
      readonly form?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | null>> | null;
      readonly json?: unknown;
      /** `basic: [name, password]`. */
      readonly auth?: {
        readonly basic: readonly (string | number | boolean)[];
      } | null;
      /** Signatures of the token call itself. */
      readonly sign?: readonly SignatureFile[] | null;
    } | null;
    /** Further fields of the answer to a program that asks for a token of its own; `{ number: "{{now.s}}" }` is a number. */
    readonly placeholder?: Readonly<Record<string, unknown>> | null;
    /** JSON pointers into the answer. */
    readonly read?: {
      /** Default: "json". */
      readonly format?: "json" | "form" | "text" | Reference | null;
      readonly access_token?: string | {
        readonly pointer?: string | null;
        readonly default?: string | number | boolean | null;
      } | null;
      readonly token_type?: string | {
        readonly pointer?: string | null;
        readonly default?: string | number | boolean | null;
      } | null;
      readonly refresh_token?: string | {
        readonly pointer?: string | null;
        readonly default?: string | number | boolean | null;
      } | null;
      /** The first source that yields a number wins. */
      readonly expiry?: readonly ({
        readonly at?: string | null;
        readonly in?: string | null;
        readonly jwt?: string | null;
        readonly since?: string | null;
        /** Default: "s". */
        readonly unit?: "s" | "ms" | "iso" | Reference | null;
      })[] | null;
      /** When no source yields. */
      readonly lifetime_default?: string | null;
      /** Error codes that may be shown; no other text of an answer is. */
      readonly error?: {
        /** Default: "/error". */
        readonly pointer?: string | null;
        readonly known?: readonly (string | number | boolean)[] | Readonly<Record<string, "invalid_request" | "invalid_client" | "invalid_grant" | "unauthorized_client" | "unsupported_grant_type" | "invalid_scope" | Reference | null>> | null;
      } | null;
    } | null;
  } | null;
  /** What is put into each request. */
  readonly inject?: {
    readonly headers?: Readonly<Record<string, string | number | boolean | null>> | null;
    readonly query?: Readonly<Record<string, string | number | boolean | null>> | null;
    readonly form?: Readonly<Record<string, string | number | boolean | null>> | null;
    readonly json?: Readonly<Record<string, string | number | boolean | null>> | null;
  } | null;
  /** Signatures, applied in order, anew for each attempt. */
  readonly sign?: readonly SignatureFile[] | null;
  /** How callbacks are verified; the first entry that fits decides. */
  readonly verify?: readonly ({
    readonly when?: WhenFile | null;
    /** The JSON field that holds more JSON in base64: templates read that as `inner.*`. */
    readonly body?: {
      readonly unwrap: "base64" | Reference;
      readonly field: string | number | boolean;
    } | null;
    /** Splits a header into named parts: templates read them as `parts.*`. */
    readonly parts?: {
      readonly of: string;
      readonly separator: string | number | boolean;
      readonly pair: string | number | boolean;
    } | null;
    /** What the provider signs. */
    readonly text?: string | number | boolean | null;
    readonly algorithm?: "sha256" | "sha512" | "sha1" | "md5" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512" | "hmac-sha1" | "rsa-sha256" | "rsa-sha384" | "rsa-sha512" | "rsa-sha1" | "rsa-pss-sha256" | "rsa-pss-sha384" | "rsa-pss-sha512" | "ecdsa-p256-sha256" | "ecdsa-p384-sha384" | "ed25519" | Reference | null;
    /** The key, where the algorithm takes one. */
    readonly key?: string | number | boolean | null;
    /** Of an ECDSA signature: r and s side by side, or DER. Default: "raw". */
    readonly form?: "raw" | "der" | Reference | null;
    /** Default: "hex". */
    readonly encode?: "hex" | "base64" | "base64url" | Reference | null;
    /** Where the signature stands, or a list of such places. */
    readonly equals?: readonly ({
      readonly header?: string | number | boolean | null;
      readonly query?: string | number | boolean | null;
      readonly form?: string | number | boolean | null;
      readonly json?: string | number | boolean | null;
      readonly part?: string | number | boolean | null;
      /** Default: "{{signature}}". */
      readonly value?: string | number | boolean | null;
    })[] | {
      readonly header?: string | number | boolean | null;
      readonly query?: string | number | boolean | null;
      readonly form?: string | number | boolean | null;
      readonly json?: string | number | boolean | null;
      readonly part?: string | number | boolean | null;
      /** Default: "{{signature}}". */
      readonly value?: string | number | boolean | null;
    } | null;
    /** When it was signed; what is older, or lies further ahead, is rejected. */
    readonly timestamp?: {
      readonly header?: string | number | boolean | null;
      readonly query?: string | number | boolean | null;
      readonly form?: string | number | boolean | null;
      readonly json?: string | number | boolean | null;
      readonly part?: string | number | boolean | null;
      /** Default: "s". */
      readonly unit?: "s" | "ms" | "iso" | Reference | null;
      /** Default: "5m". */
      readonly tolerance?: string | null;
    } | null;
    /** What makes two callbacks the same; the signature and the body by default. */
    readonly id?: string | number | boolean | null;
    /** Fields that must have these values besides. */
    readonly require?: readonly ({
      readonly header?: string | number | boolean | null;
      readonly query?: string | number | boolean | null;
      readonly form?: string | number | boolean | null;
      readonly json?: string | number | boolean | null;
      readonly part?: string | number | boolean | null;
      readonly equals: string | number | boolean;
    })[] | null;
    /** The text between the fields in `text`: a callback that has it in a field is rejected. */
    readonly separator?: {
      readonly text: string | number | boolean;
      /** Fields that may hold it. */
      readonly allowed_in?: readonly (string | number | boolean)[] | null;
    } | null;
  })[] | null;
  /** When a token is renewed. */
  readonly renew?: {
    /** Statuses that reject the token. */
    readonly on_status?: readonly (number | Reference)[] | null;
    /** Rejections that a header tells. */
    readonly on_header?: readonly ({
      readonly status: number | Reference;
      readonly name: string;
      readonly contains: string | number | boolean;
    })[] | null;
    /** Rejections that only the body tells. */
    readonly on_body?: readonly ({
      readonly status: number | Reference;
      readonly pointer?: string | null;
      readonly equals?: readonly (string | number | boolean)[] | null;
      /** Several fields that must all have one of their values. */
      readonly all?: readonly ({
        readonly pointer: string;
        readonly equals: readonly (string | number | boolean)[];
      })[] | null;
    })[] | null;
    /** The last part of the lifetime, in which a token is renewed in the background. */
    readonly ahead?: string | null;
    /** The least time between renewals. */
    readonly cooldown?: string | null;
  } | null;
  /** `max`: how many; `known`: which there are. */
  readonly scope?: {
    readonly max?: number | Reference | null;
    readonly known?: readonly (string | number | boolean)[] | null;
  } | null;
  /** Named texts for use in templates. */
  readonly values?: Readonly<Record<string, string | number | boolean | null>> | null;
  /** JWTs for use in templates, as `{{jwt.name}}`. */
  readonly jwt?: Readonly<Record<string, {
    readonly algorithm?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "EdDSA" | "HS256" | "HS384" | "HS512" | Reference | null;
    /** The key that signs it. */
    readonly key?: string | number | boolean | null;
    /** What stands in its header beside `alg` and `typ: JWT`. */
    readonly header?: Readonly<Record<string, unknown>> | null;
    /** What it says; `{ number: "{{now.s + 300}}" }` is a number. */
    readonly claims?: Readonly<Record<string, unknown>> | null;
    /** How long one is used for API calls; without it, each attempt gets a new one. */
    readonly reuse?: string | null;
  } | null>> | null;
};

/** An entry of a profile's `sign`. */
export type SignatureFile = {
  readonly when?: WhenFile | null;
  /** In place of a signature: such requests are refused, and this says why. */
  readonly refuse?: string | number | boolean | null;
  /** Wrap the JSON body before it is signed: `{ wrap: base64, field: request }`. */
  readonly body?: {
    readonly wrap: "base64" | Reference;
    readonly field: string | number | boolean;
  } | null;
  /** What is signed. */
  readonly text?: string | number | boolean | null;
  readonly algorithm?: "sha256" | "sha512" | "sha1" | "md5" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512" | "hmac-sha1" | "rsa-sha256" | "rsa-sha384" | "rsa-sha512" | "rsa-sha1" | "rsa-pss-sha256" | "rsa-pss-sha384" | "rsa-pss-sha512" | "ecdsa-p256-sha256" | "ecdsa-p384-sha384" | "ed25519" | Reference | null;
  /** The key, where the algorithm takes one. */
  readonly key?: string | number | boolean | null;
  /** Of an ECDSA signature: r and s side by side, or DER. Default: "raw". */
  readonly form?: "raw" | "der" | Reference | null;
  /** Default: "hex". */
  readonly encode?: "hex" | "base64" | "base64url" | Reference | null;
  /** Of a hex signature. */
  readonly case?: "lower" | "upper" | Reference | null;
  /** Where the signature goes. */
  readonly set?: {
    readonly header?: string | number | boolean | null;
    readonly query?: string | number | boolean | null;
    readonly form?: string | number | boolean | null;
    readonly json?: string | number | boolean | null;
    /** Default: "{{signature}}". */
    readonly value?: string | number | boolean | null;
  } | null;
} | {
  /** What signs. */
  readonly signer: "aws-sigv4" | Reference;
  readonly when?: WhenFile | null;
  /** The region, as AWS calls it: `eu-central-1`. */
  readonly region: string | number | boolean;
  /** The service's name in signatures: `s3`, `execute-api`, `sqs`. */
  readonly service: string | number | boolean;
  /** Says whose key signs. */
  readonly access_key_id: string | number | boolean;
  /** The key. */
  readonly secret_access_key: string | number | boolean;
  /** Goes with temporary keys; none, when it is empty. */
  readonly session_token?: string | number | boolean | null;
  /** `signed`: the signature covers the body. `unsigned`: it does not, and the body streams. S3 takes both. Default: "signed". */
  readonly payload?: "signed" | "unsigned" | Reference | null;
} | {
  /** What signs. */
  readonly signer: "http-message-signature" | Reference;
  readonly when?: WhenFile | null;
  /** What the signature covers: header names, and `@method`, `@target-uri`, `@authority`, `@scheme`, `@request-target`, `@path`, `@query`, `@query-param;name="…"`. */
  readonly components: readonly string[];
  /** Says which key verifies it (`keyid`). */
  readonly key_id?: string | number | boolean | null;
  /** The key. */
  readonly key: string | number | boolean;
  /** The registered name of the algorithm, which then stands in the signature (`alg`). Without it the key decides. */
  readonly algorithm?: "rsa-pss-sha512" | "rsa-v1_5-sha256" | "hmac-sha256" | "ecdsa-p256-sha256" | "ecdsa-p384-sha384" | "ed25519" | Reference | null;
  /** The name of the signature. Default: "sig1". */
  readonly label?: string | null;
  /** How long it is valid (`expires`). */
  readonly expires?: string | null;
  /** What it is for, as the other side calls it (`tag`). */
  readonly tag?: string | number | boolean | null;
  /** The digest in `Content-Digest`, which is put in where it is covered. Default: "sha-256". */
  readonly digest?: "sha-256" | "sha-512" | Reference | null;
} | {
  /** What signs. */
  readonly signer: "oauth1" | Reference;
  readonly when?: WhenFile | null;
  /** Says whose key signs. */
  readonly consumer_key: string | number | boolean;
  /** How it is signed. Default: "HMAC-SHA1". */
  readonly signature_method?: "HMAC-SHA1" | "RSA-SHA1" | "HMAC-SHA256" | "RSA-SHA256" | Reference | null;
  /** The key of the HMAC methods. */
  readonly consumer_secret?: string | number | boolean | null;
  /** The private key of the RSA methods. */
  readonly key?: string | number | boolean | null;
  /** The access token; none, when it is empty. */
  readonly token?: string | number | boolean | null;
  /** Goes with the token, in the HMAC methods. */
  readonly token_secret?: string | number | boolean | null;
  /** Is shown to the other side and not signed. */
  readonly realm?: string | number | boolean | null;
  /** Whether the signature covers a body that is no form (`oauth_body_hash`). A form is always covered. Default: false. */
  readonly body_hash?: boolean | Reference | null;
};

/** Which requests an entry of `sign` is for. */
export type WhenFile = {
  readonly methods?: readonly string[] | null;
  readonly path?: string | null;
  /** Fields of a form: `present`, `absent`, a text, a list of texts, or `{ not: [texts] }`. */
  readonly form?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | {
    readonly not: readonly (string | number | boolean)[];
  } | null>> | null;
  /** Fields of JSON, by dotted paths: `present`, `absent`, a text, a list of texts, or `{ not: [texts] }`. */
  readonly json?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | {
    readonly not: readonly (string | number | boolean)[];
  } | null>> | null;
  /** Query parameters: `present`, `absent`, a text, a list of texts, or `{ not: [texts] }`. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | {
    readonly not: readonly (string | number | boolean)[];
  } | null>> | null;
  /** Headers: `present`, `absent`, a text, a list of texts, or `{ not: [texts] }`. */
  readonly headers?: Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[] | {
    readonly not: readonly (string | number | boolean)[];
  } | null>> | null;
};
