/** A text with `{{ }}` in it, checked when the config is loaded, compiled by auth/template. */
export type Template = string;
export type TemplateMap = Readonly<Record<string, Template>>;
/** A list repeats its name. */
export type FieldMap = Readonly<Record<string, Template | readonly Template[]>>;

export interface CredentialSpec {
  readonly secret: boolean;
  readonly optional: boolean;
  /** Text or template over other credentials; a map gives one per environment (absent there: required). */
  readonly default: Template | Readonly<Record<string, Template>> | undefined;
}

export type SignPlace =
  | { readonly header: string; readonly value: Template }
  | { readonly query: string; readonly value: Template }
  | { readonly form: string; readonly value: Template }
  | { readonly json: string; readonly value: Template };

export interface SignSpec {
  readonly when: { readonly methods?: readonly string[]; readonly path?: string };
  readonly body: { readonly wrap: 'base64'; readonly field: string } | undefined;
  readonly text: Template;
  readonly algorithm: 'sha256' | 'sha512' | 'sha1' | 'md5' | 'hmac-sha256' | 'hmac-sha512';
  readonly key: Template | undefined;
  readonly encode: 'hex' | 'base64' | 'base64url';
  readonly case: 'lower' | 'upper' | undefined;
  readonly set: SignPlace;
}

/** One call to a token endpoint. At most one of form and json. */
export interface TokenCallSpec {
  readonly url: Template;
  readonly method: string;
  readonly headers: TemplateMap;
  readonly query: FieldMap;
  readonly form: FieldMap | undefined;
  /** Values are templates; nesting is kept. */
  readonly json: JsonTemplate | undefined;
  readonly auth: { readonly basic: readonly [Template, Template] } | undefined;
  readonly sign: readonly SignSpec[];
}
export type JsonTemplate =
  | Template
  | number
  | boolean
  | null
  | readonly JsonTemplate[]
  | { readonly [key: string]: JsonTemplate };

export type ExpirySpec =
  | { readonly at: string; readonly since: string | undefined; readonly unit: 's' | 'ms' | 'iso' }
  | { readonly in: string; readonly unit: 's' | 'ms' }
  /** Claims of the access token itself, in seconds. */
  | { readonly jwt: string; readonly since: string | undefined };

/** The error codes of RFC 6749 §5.2. */
export const TOKEN_ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
] as const;

/** `text`: the whole answer is the token. */
export type TokenFormat = 'json' | 'form' | 'text';

/** A JSON pointer (RFC 6901) and what holds when it yields nothing. */
export interface ReadSpec {
  readonly pointer: string | undefined;
  readonly default: string | undefined;
}

export interface TokenSpec {
  readonly subject: Template | undefined;
  readonly fetch: TokenCallSpec;
  /** Complete: what the file left out is already taken from fetch. */
  readonly refresh: TokenCallSpec | undefined;
  readonly read: {
    readonly format: TokenFormat;
    readonly accessToken: ReadSpec;
    readonly tokenType: ReadSpec;
    readonly refreshToken: ReadSpec;
    readonly expiry: readonly ExpirySpec[];
    readonly lifetimeDefaultMs: number;
    /** Where an answer has its error code, and which codes may be shown, each with the code that is meant. */
    readonly error: { readonly pointer: string; readonly known: Readonly<Record<string, string>> };
  };
}

/** What goes where; the names are templates too: the profile `header` takes its name from a credential. */
export interface InjectSpec {
  readonly headers: TemplateMap;
  readonly query: TemplateMap;
  readonly form: TemplateMap;
  readonly json: TemplateMap;
}

export interface RenewSpec {
  readonly onStatus: readonly number[];
  /** `equals` holds JSON scalars as text. */
  readonly onBody: readonly { readonly status: number; readonly pointer: string; readonly equals: readonly string[] }[];
  /** A share of the lifetime (0.2; then at most five minutes), or a duration. */
  readonly ahead: { readonly share: number } | { readonly ms: number };
  readonly cooldownMs: number;
}

/** How one kind of provider authenticates; `extends` already resolved. */
export interface Profile {
  readonly name: string;
  readonly title: string;
  /** Environment → endpoint name → URL (or a path, in the environment `simulator`). */
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly credentials: Readonly<Record<string, CredentialSpec>>;
  readonly token: TokenSpec | undefined;
  readonly inject: InjectSpec;
  readonly sign: readonly SignSpec[];
  readonly renew: RenewSpec;
  readonly scope: { readonly max: number | undefined; readonly known: readonly string[] };
  readonly values: TemplateMap;
}
