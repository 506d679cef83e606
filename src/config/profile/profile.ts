import type { AlgorithmName, SignatureForm } from '../../keys/algorithms.ts';
import type { JwsAlgorithm } from '../../keys/jws.ts';
import type { KeyFormat } from '../../keys/read.ts';
import type { SignerName, SignerParameters } from './signers.ts';

/** A text that may hold `{{ }}`. It was checked when the config was loaded. `auth/template` compiles it. */
export type Template = string;
/** Name → template. */
export type TemplateMap = Readonly<Record<string, Template>>;
/** Name → template. A list of templates yields one field of the same name for each. */
export type FieldMap = Readonly<Record<string, Template | readonly Template[]>>;

/** A credential as a profile declares it. */
export interface CredentialSpec {
  /** What it is, for people. */
  readonly description?: string | undefined;
  /** Whether its value must never be seen. */
  readonly secret: boolean;
  readonly optional: boolean;
  /** A text, or a template of other credentials. A map has one for each environment, and may leave environments out. */
  readonly default: Template | Readonly<Record<string, Template>> | undefined;
  /** Whether the empty text is a value. If not, an empty credential is a mistake. */
  readonly empty: boolean;
  /** Characters that the value must not hold. */
  readonly without: string | undefined;
  /** How its value becomes a key. `text`: it is none, or its bytes are the key. */
  readonly format: KeyFormat;
  /** The credential whose value opens this one, an encrypted PEM. */
  readonly passphrase: string | undefined;
}

/** Where a signature goes, and the template of what is put there. */
export type SignPlace =
  | { readonly header: string; readonly value: Template }
  | { readonly query: string; readonly value: Template }
  | { readonly form: string; readonly value: Template }
  | { readonly json: string; readonly value: Template };

/** A condition on one field of the request. An absent field counts as the empty text. */
export interface FieldCondition {
  readonly place: 'form' | 'json' | 'query' | 'headers';
  /** A dotted path for `json`, and in lower case for `headers`. */
  readonly name: string;
  /**
   * `present`: the field is not absent, empty or null. `isAny`: it must be one of the texts. If not, it must be none of them.
   */
  readonly wanted: 'present' | 'absent' | { readonly texts: readonly string[]; readonly isAny: boolean };
}

/** Which requests an entry is for. Every condition that is given must hold. */
export interface WhenSpec {
  readonly methods?: readonly string[];
  readonly path?: string;
  readonly fields?: readonly FieldCondition[];
}

/** Requests that are refused, with the reason that the caller gets. */
export interface RefusalSpec {
  readonly when: WhenSpec;
  readonly detail: string;
}

/** A signature: which requests get it, and how it is made. */
export type SignSpec = TextSignSpec | SignerSpec;

/** A signature that a signer makes, with the signer's own parameters. */
export type SignerSpec = {
  [N in SignerName]: { readonly when: WhenSpec; readonly signer: N } & SignerParameters<N>;
}[SignerName];

/** A signature over a text that templates make. It says how the text is signed, and where the signature goes. */
export interface TextSignSpec {
  readonly when: WhenSpec;
  /** How the JSON body is wrapped before it is signed. Undefined: it stays as it is. */
  readonly body: { readonly wrap: 'base64'; readonly field: string } | undefined;
  readonly text: Template;
  readonly algorithm: AlgorithmName;
  readonly key: Template | undefined;
  /** How an ECDSA signature is written. */
  readonly form: SignatureForm;
  readonly encode: 'hex' | 'base64' | 'base64url';
  readonly case: 'lower' | 'upper' | undefined;
  readonly set: SignPlace;
}

/** Where a value stands in a callback. */
export interface ReceivedPlace {
  /** `part`: a part of the header that the entry splits. */
  readonly place: 'header' | 'query' | 'form' | 'json' | 'part';
  /** A dotted path for `json`, and in lower case for `header`. */
  readonly name: string;
}

/** How the callbacks of a provider are verified: those that fit `when` are, if what they carry is what is computed here. */
export interface VerifySpec {
  readonly when: WhenSpec;
  /** The JSON field that holds more JSON in base64. */
  readonly unwrap: string | undefined;
  /** The header that is split into named parts: `t=1,v1=ab`. */
  readonly parts: { readonly of: string; readonly separator: string; readonly pair: string } | undefined;
  readonly text: Template;
  readonly algorithm: TextSignSpec['algorithm'];
  readonly key: Template | undefined;
  readonly form: TextSignSpec['form'];
  readonly encode: TextSignSpec['encode'];
  /** The places of the signature, of which one must hold it. `value` has `{{signature}}` once. */
  readonly equals: readonly (ReceivedPlace & { readonly value: Template })[];
  /** When it was signed, and how far that may lie from now. */
  readonly timestamp: (ReceivedPlace & { readonly unit: 's' | 'ms' | 'iso'; readonly toleranceMs: number }) | undefined;
  /** What makes two callbacks the same. Undefined: the signature and the body. */
  readonly id: Template | undefined;
  /** Fields that must have these values besides. */
  readonly require: readonly (ReceivedPlace & { readonly equals: Template })[];
  /** The text that joins the fields in `text`, which no field may hold but those that are named. */
  readonly separator: { readonly text: string; readonly allowedIn: readonly string[] } | undefined;
}

/** A JWT: what is in it, and how it is signed. */
export interface JwtSpec {
  readonly algorithm: JwsAlgorithm;
  readonly key: Template;
  /** What stands in the header beside `alg`. In it and in the claims, `{ number: … }` stands for a number. */
  readonly header: Readonly<Record<string, JsonTemplate>>;
  readonly claims: Readonly<Record<string, JsonTemplate>>;
  /** How long one is used for API calls. Undefined: each attempt gets a new one. */
  readonly reuseMs: number | undefined;
}

/** One call to a token endpoint. It has at most one of `form` and `json`. */
export interface TokenCallSpec {
  readonly url: Template;
  readonly method: string;
  readonly headers: TemplateMap;
  readonly query: FieldMap;
  readonly form: FieldMap | undefined;
  /** JSON whose texts are templates. */
  readonly json: JsonTemplate | undefined;
  readonly auth: { readonly basic: readonly [Template, Template] } | undefined;
  readonly sign: readonly SignSpec[];
}
/** A JSON value whose texts are templates. */
export type JsonTemplate =
  | Template
  | number
  | boolean
  | null
  | readonly JsonTemplate[]
  | { readonly [key: string]: JsonTemplate };

/**
 * A source of a token's lifetime. `at`, `in` and `since` are JSON pointers (RFC 6901) into the answer. `in` is a lifetime. `at`
 * is the moment of expiry, and the lifetime begins at `since`, or without one when the answer was sent.
 */
export type ExpirySpec =
  | { readonly at: string; readonly since: string | undefined; readonly unit: 's' | 'ms' | 'iso' }
  | { readonly in: string; readonly unit: 's' | 'ms' }
  /** Here the pointers lead to claims of the access token itself, in seconds (RFC 7519 §4.1.4). */
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

/** The format of a token endpoint's answer. `text`: the whole body is the token. */
export type TokenFormat = 'json' | 'form' | 'text';

/** A JSON pointer (RFC 6901) into the answer, and the text to use when it yields nothing. */
export interface ReadSpec {
  readonly pointer: string | undefined;
  readonly default: string | undefined;
}

/** A program whose output is the answer that holds the token. */
export interface ProgramSpec {
  /** The program and its arguments. */
  readonly command: readonly Template[];
  /** Its variables besides PATH and HOME. `isSecret`: the value is written out in the config, and must not be seen. */
  readonly env: Readonly<Record<string, { readonly value: Template; readonly isSecret: boolean }>>;
  /** Undefined: that of the config for token calls. */
  readonly timeoutMs: number | undefined;
}

/** How a profile gets and renews tokens. */
export interface TokenSpec {
  /** Whose token it is. One token is kept for each subject. Undefined: all requests share one. */
  readonly subject: Template | undefined;
  /** Undefined when a program gives the tokens. */
  readonly fetch: TokenCallSpec | undefined;
  readonly program?: ProgramSpec | undefined;
  /** The call for a renewal by a refresh token. What the file left out was already taken from `fetch`. */
  readonly refresh: TokenCallSpec | undefined;
  /** Whether the profile reads a refresh token or renews by one. A placeholder then has a refresh token too. */
  readonly hasRefreshToken?: boolean;
  /** Further fields in the answer to a caller that asks for a token of its own. */
  readonly placeholder?: Readonly<Record<string, JsonTemplate>> | undefined;
  readonly read: {
    readonly format: TokenFormat;
    readonly accessToken: ReadSpec;
    readonly tokenType: ReadSpec;
    readonly refreshToken: ReadSpec;
    readonly expiry: readonly ExpirySpec[];
    /** Used when no source of `expiry` yields anything. */
    readonly lifetimeDefaultMs: number;
    /** A pointer to the error code of an answer. `known`: code that may be shown → the code that it means (RFC 6749 §5.2). */
    readonly error: { readonly pointer: string; readonly known: Readonly<Record<string, string>> };
  };
}

/** What is put into each request. Names are templates too: the profile `header` takes the name from a credential. */
export interface InjectSpec {
  readonly headers: TemplateMap;
  readonly query: TemplateMap;
  readonly form: TemplateMap;
  readonly json: TemplateMap;
}

/** The answers of this status whose header `name` (in lower case) contains the text. */
export interface HeaderRejection {
  readonly status: number;
  readonly name: string;
  readonly contains: string;
}

/** The answers of this status whose JSON body has one of the values in `equals` at each pointer. Those are scalars as text. */
export interface BodyRejection {
  readonly status: number;
  readonly all: readonly { readonly pointer: string; readonly equals: readonly string[] }[];
}

/** When a token is renewed: which answers reject it, and how long before its expiry. */
export interface RenewSpec {
  readonly onStatus: readonly number[];
  readonly onHeader: readonly HeaderRejection[];
  readonly onBody: readonly BodyRejection[];
  /** How long before the expiry: a share of the lifetime (0.2, but at most five minutes), or a duration. */
  readonly ahead: { readonly share: number } | { readonly ms: number };
  /** A rejected token that is younger than this is not renewed: its age can't be the cause. */
  readonly cooldownMs: number;
}

/** How one kind of provider authenticates, with `extends` resolved. */
export interface Profile {
  readonly name: string;
  readonly title: string;
  /** Environment → endpoint name → URL. In the environment `simulator` it is a path. */
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly credentials: Readonly<Record<string, CredentialSpec>>;
  /** Paths below the API that are for this profile, when routes of several profiles lead to one host. */
  readonly apiPaths: readonly string[];
  readonly token: TokenSpec | undefined;
  readonly inject: InjectSpec;
  readonly sign: readonly SignSpec[];
  /** The entries of `sign` that refuse requests. They are tried before any signature is made. */
  readonly refusals: readonly RefusalSpec[];
  /** How callbacks are verified. The first entry that fits decides. */
  readonly verify: readonly VerifySpec[];
  readonly renew: RenewSpec;
  /** The most scopes, and the known ones. An empty list: any scope is known. */
  readonly scope: { readonly max: number | undefined; readonly known: readonly string[] };
  /** Named templates for use in others, as `{{values.name}}`. */
  readonly values: TemplateMap;
  /** JWTs for use in templates, as `{{jwt.name}}`. */
  readonly jwt: Readonly<Record<string, JwtSpec>>;
}
