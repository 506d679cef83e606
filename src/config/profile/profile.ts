/** A text with `{{ }}` in it, checked when the config is loaded, compiled by auth/template. */
export type Template = string;
export type TemplateMap = Readonly<Record<string, Template>>;
/** A list repeats its name. */
export type FieldMap = Readonly<Record<string, Template | readonly Template[]>>;

export interface CredentialSpec {
  /** For people. */
  readonly description?: string | undefined;
  readonly secret: boolean;
  readonly optional: boolean;
  /** Text or template over other credentials; a map gives one per environment (absent there: required). */
  readonly default: Template | Readonly<Record<string, Template>> | undefined;
  /** The empty text is a value. */
  readonly empty: boolean;
  /** Characters that it must not hold. */
  readonly without: string | undefined;
}

export type SignPlace =
  | { readonly header: string; readonly value: Template }
  | { readonly query: string; readonly value: Template }
  | { readonly form: string; readonly value: Template }
  | { readonly json: string; readonly value: Template };

/** What a field of the request must be. What isn't there is the empty text. */
export interface FieldCondition {
  readonly place: 'form' | 'json' | 'query' | 'headers';
  /** JSON: a dotted path; headers: lower case. */
  readonly name: string;
  /** `present`: there and not empty, nor null. `isAny`: one of the texts; else none of them. */
  readonly wanted: 'present' | 'absent' | { readonly texts: readonly string[]; readonly isAny: boolean };
}

/** Which requests something is for; all that is said must hold. */
export interface WhenSpec {
  readonly methods?: readonly string[];
  readonly path?: string;
  readonly fields?: readonly FieldCondition[];
}

/** Requests that are never signed, and why. */
export interface RefusalSpec {
  readonly when: WhenSpec;
  readonly detail: string;
}

export interface SignSpec {
  readonly when: WhenSpec;
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
  /** Whether the profile itself names a refresh token, to read or to renew with: then a placeholder has one too. */
  readonly hasRefreshToken?: boolean;
  /** Further fields of the answer that a caller gets who asks for a token of its own. */
  readonly placeholder?: Readonly<Record<string, JsonTemplate>> | undefined;
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

/** An answer of this status whose header called `name` (lower case) contains that text. */
export interface HeaderRejection {
  readonly status: number;
  readonly name: string;
  readonly contains: string;
}

/** An answer of this status in whose JSON all fields have one of their values; `equals` holds JSON scalars as text. */
export interface BodyRejection {
  readonly status: number;
  readonly all: readonly { readonly pointer: string; readonly equals: readonly string[] }[];
}

export interface RenewSpec {
  readonly onStatus: readonly number[];
  readonly onHeader: readonly HeaderRejection[];
  readonly onBody: readonly BodyRejection[];
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
  /** Paths below the API that are this profile's, where others lead to the same host. */
  readonly apiPaths: readonly string[];
  readonly token: TokenSpec | undefined;
  readonly inject: InjectSpec;
  readonly sign: readonly SignSpec[];
  /** The entries of `sign` that refuse; they are looked at before any signature. */
  readonly refusals: readonly RefusalSpec[];
  readonly renew: RenewSpec;
  readonly scope: { readonly max: number | undefined; readonly known: readonly string[] };
  readonly values: TemplateMap;
}
