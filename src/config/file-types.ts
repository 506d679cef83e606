// Derived: `npm run reference` writes it. What it says stands in the definitions.

/** A text with a reference in it: `${VAR}`, `${VAR:-default}`, `${file:/path}`. */
export type Reference = `${string}\${${string}}${string}`;

/** A config file as an object. A text means what it means in the file. */
export type ConfigFile = {
  /** The version of this format. Default: 1. */
  readonly version?: number | Reference | null;
  /** Where callers come in, and who may. */
  readonly listen?: {
    /** host:port, or unix:/path; a port of 0 means any free one. Default: "127.0.0.1:8080". */
    readonly address?: string | null;
    /** Who may connect to a Unix socket, as the mode of its file (default: "0600"). */
    readonly socket_mode?: string | number | boolean | null;
    /** The group of a Unix socket's file, by name or number; the process's own by default. */
    readonly socket_group?: string | number | boolean | null;
    /** Host names accepted besides loopback names and the hosts of routes; an entry may hold several, with commas between them. */
    readonly allowed_hosts?: readonly string[] | null;
    /** Browser origins that may call. */
    readonly allowed_origins?: readonly string[] | null;
    /** When given, a caller must show one of them. */
    readonly access_tokens?: readonly (string | number)[] | null;
    /** Must be true to listen beyond loopback with neither callers nor access tokens. Default: false. */
    readonly allow_unauthenticated?: boolean | Reference | null;
    /** TLS on the listener; the files are watched. */
    readonly tls?: {
      /** Its certificate in PEM, with those between it and the root behind it. */
      readonly certificate: string;
      /** The private key of the certificate, in PEM. */
      readonly key: string;
      /** Who vouches for the certificates of callers, in PEM. Then one is asked for, and not required. */
      readonly client_ca?: string | null;
    } | null;
  } | null;
  /** Health, metrics and the API, at an address of their own; false switches it off. */
  readonly admin?: false | {
    /** Where health, metrics and the API are served. Default: "127.0.0.1:8081". */
    readonly address?: string | null;
    /** Needed for /api: beyond loopback, where `callers` or `listen.access_tokens` are set, and wherever this is. */
    readonly token?: string | number | null;
  } | null;
  /** Who may call, and what each of them may do. With it, every request needs one of them. */
  readonly callers?: readonly ({
    /** Its name in log, metrics and commands. */
    readonly name: string;
    /** The token that it shows, or `sha256:` and the SHA-256 of it (`outrider token-for`). */
    readonly token?: string | number | null;
    /** Several of them, while one takes the place of another. */
    readonly tokens?: readonly (string | number)[] | null;
    /** What its client certificate, from `listen.tls.client_ca`, says of it: one of these. */
    readonly certificate?: {
      /** A URI among its alternative names: `spiffe://acme/shop`. */
      readonly uri?: string | number | boolean | null;
      /** A DNS name among its alternative names. */
      readonly dns?: string | number | boolean | null;
      /** The common name of its subject. */
      readonly cn?: string | number | boolean | null;
    } | null;
    /** The routes that it may use, by name; "*" for all, and for what is forwarded without a route. Default: none. */
    readonly routes?: "*" | readonly (string | number | boolean)[] | null;
    /** The methods that it may use; default: all. */
    readonly methods?: readonly string[] | null;
    /** The paths that it may use, as at the base-URL door; `/a/*` is for all paths below `/a`. Default: all. */
    readonly paths?: readonly string[] | null;
    /** How many requests it may make: `50/s` or `100/m`, a second of them at once, in each process. */
    readonly rate?: string | null;
    /** How many of its requests may be under way. */
    readonly concurrent?: number | Reference | null;
    /** From when on it may do nothing: 2027-01-31T00:00:00Z. */
    readonly expires?: string | null;
  })[] | null;
  /** The forward-proxy doors. */
  readonly forward?: {
    /** Whether requests may come as to a forward proxy. Default: "none". */
    readonly mode?: "none" | "plain" | "intercept" | Reference | null;
    /** What becomes of forward requests without a route. Default: "refuse". */
    readonly unmatched?: "refuse" | "tunnel" | Reference | null;
  } | null;
  /** Where tokens are kept. */
  readonly store?: {
    /** Where tokens are kept. Default: "memory". */
    readonly kind?: "memory" | "file" | "redis" | Reference | null;
    /** file: a directory for this user alone; it is made if it is not there. */
    readonly path?: string | number | boolean | null;
    /** redis: redis://host:6379/0, or rediss:// for TLS. */
    readonly url?: string | null;
    /** redis: goes before the one of the URL. */
    readonly username?: string | number | boolean | null;
    /** redis: goes before the one of the URL. */
    readonly password?: string | number | null;
    /** redis: begins every key and the channel. Default: "outrider:". */
    readonly prefix?: string | number | boolean | null;
    /** After so long a renewal whose process has died is taken over. Default: "15s". */
    readonly lease?: string | null;
    /** Records are encrypted with it (AES-256-GCM). */
    readonly encryption_key?: string | null;
    /** Still read, no longer written with. */
    readonly old_encryption_keys?: readonly string[] | null;
  } | null;
  /** Where the local CA is kept; by default $XDG_STATE_HOME/outrider. */
  readonly state_dir?: string | number | boolean | null;
  /** How long each thing may take. */
  readonly timeouts?: {
    /** To reach an upstream. Default: "5s". */
    readonly connect?: string | null;
    /** From the last byte of a request to the head of its answer. Default: "60s". */
    readonly response?: string | null;
    /** Silence within an answer's body. Default: "60s". */
    readonly idle?: string | null;
    /** A connection to an upstream that is older takes no further request; the next one resolves the name anew. Default: "5m". */
    readonly connection_age?: string | null;
    /** How long an unused connection of a caller is kept. Default: "65s". */
    readonly keep_alive?: string | null;
    /** A caller who neither sends the rest of a body nor takes the answer is given up after this. Default: "5m". */
    readonly caller?: string | null;
    /** A call to a token endpoint. Default: "10s". */
    readonly token?: string | null;
    /** How long connections are still accepted after SIGTERM. Default: "1s". */
    readonly lame_duck?: string | null;
    /** How long requests under way may take after that. Default: "25s". */
    readonly drain?: string | null;
  } | null;
  /** How much of each thing there may be. */
  readonly limits?: {
    /** All header lines of a caller's request. Default: "16KiB". */
    readonly header_bytes?: string | null;
    /** Header lines of a caller's request. Default: 200. */
    readonly headers?: number | Reference | null;
    /** The target of a caller's request. Default: "8KiB". */
    readonly url_bytes?: string | null;
    /** The head of an upstream's answer, and its trailers. Default: "64KiB". */
    readonly answer_header_bytes?: string | null;
    /** Open connections of callers. Default: 10000. */
    readonly connections?: number | Reference | null;
    /** Requests that may wait for a token. Default: 1000. */
    readonly waiting?: number | Reference | null;
    /** The largest body that is signed. Default: "1MiB". */
    readonly signed_body?: string | null;
    /** Memory for the bodies of all requests together; when it is used up, they are kept in files, and none is collected to be signed. Default: "16MiB". */
    readonly body_memory?: string | null;
  } | null;
  /** How much of bodies is kept, so that they can be sent again. */
  readonly replay?: {
    /** How much of a body is kept in memory for a replay. Default: "1MiB". */
    readonly memory?: string | null;
    /** The largest body that is kept at all; beyond memory, in a temporary file. Default: "64MiB". */
    readonly spool?: string | null;
    /** All temporary files together. Default: "1GiB". */
    readonly spool_total?: string | null;
    /** Where temporary files are made; the system's directory for them by default. */
    readonly dir?: string | number | boolean | null;
  } | null;
  /** Whether secrets that a provider sends back are overwritten in its answers. strict: an answer that can not be searched is refused. Default: "on". */
  readonly scrub?: "on" | "off" | "strict" | Reference | null;
  /** What goes to stderr. */
  readonly log?: {
    /** The least that is told. Default: "info". */
    readonly level?: "error" | "warn" | "info" | "debug" | Reference | null;
    /** auto: pretty on a terminal, else json. Default: "auto". */
    readonly format?: "auto" | "json" | "pretty" | Reference | null;
    /** One line for each request. Default: true. */
    readonly access?: boolean | Reference | null;
  } | null;
  /** Traces over OTLP; false: none, whatever the environment says. */
  readonly tracing?: false | {
    /** The collector, without `/v1/traces`; by default what OTEL_EXPORTER_OTLP_ENDPOINT says. With neither there are no traces. */
    readonly endpoint?: string | null;
    /** The share of new traces that are kept, from 0 to 1; by default what OTEL_TRACES_SAMPLER says, else 1. A caller that traces decides itself. */
    readonly sample?: number | Reference | null;
    /** Sent to the collector, such as its key; they go before those of OTEL_EXPORTER_OTLP_HEADERS. */
    readonly headers?: Readonly<Record<string, string | number | boolean | null>> | null;
  } | null;
  /** Profiles of your own. */
  readonly profiles?: Readonly<Record<string, ProfileFile>> | null;
  /** Whose credentials there are, by a name of your own. */
  readonly providers?: Readonly<Record<string, {
    /** How the provider authenticates: a built-in profile, or one of `profiles`. */
    readonly profile: string;
    /** Required where the profile has any; `simulator` needs no credentials. */
    readonly environment?: string | number | boolean | null;
    /** Those that the profile declares. */
    readonly credentials?: Readonly<Record<string, string | number | boolean>> | null;
    /** Credentials of before a change, which callbacks may still be signed with; each names what was other then. */
    readonly old_credentials?: readonly (Readonly<Record<string, string | number | boolean>>)[] | null;
    /** Override single URLs of the environment. */
    readonly endpoints?: Readonly<Record<string, string | null>> | null;
    /** For profiles that have scopes. */
    readonly scope?: readonly (string | number | boolean)[] | null;
    /** Override the profile's `renew`. */
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
    /** Whether a program that asks for a token of its own gets a placeholder; false refuses it. Default: true. */
    readonly placeholder?: boolean | Reference | null;
    /** How TLS is spoken to the API and the token endpoint: mutual TLS, a CA of its own. */
    readonly tls?: {
      /** The certificate that we show, in PEM, those that vouch for it behind it. */
      readonly certificate?: string | null;
      /** Its private key, in PEM. */
      readonly key?: string | null;
      /** Of an encrypted key. */
      readonly passphrase?: string | null;
      /** The authorities to trust, in PEM, in place of the system's. */
      readonly ca?: string | null;
      /** The name to ask the server for, which its certificate must be for; by default its host. */
      readonly server_name?: string | null;
    } | null;
    /** What is different at the token endpoint. */
    readonly token?: {
      /** In place of the `tls` of the provider; an empty map: none. */
      readonly tls?: {
        /** The certificate that we show, in PEM, those that vouch for it behind it. */
        readonly certificate?: string | null;
        /** Its private key, in PEM. */
        readonly key?: string | null;
        /** Of an encrypted key. */
        readonly passphrase?: string | null;
        /** The authorities to trust, in PEM, in place of the system's. */
        readonly ca?: string | null;
        /** The name to ask the server for, which its certificate must be for; by default its host. */
        readonly server_name?: string | null;
      } | null;
    } | null;
  }>> | null;
  /** Which requests go where, with whose credential. */
  readonly routes?: readonly ({
    /** Default: the provider's name. */
    readonly name?: string | null;
    /** All that is given has to fit. */
    readonly match?: {
      /** A prefix of the raw path, on segment boundaries. */
      readonly path?: string | null;
      /** Any of these; default: all. */
      readonly methods?: readonly string[] | null;
      /** Host names, without ports. */
      readonly hosts?: readonly string[] | null;
      /** Names and exact values. */
      readonly headers?: Readonly<Record<string, string | number | boolean | null>> | null;
    } | null;
    /** Without one, requests are forwarded without credentials and `upstream` is required. */
    readonly provider?: string | number | boolean | null;
    /** Default: the provider's `api` endpoint. */
    readonly upstream?: string | null;
    /** Whether the matched prefix is cut off. Default: true. */
    readonly strip_prefix?: boolean | Reference | null;
    /** What becomes of the headers, before the credential is put on. */
    readonly headers?: {
      /** In place of all that came under these names. */
      readonly set?: Readonly<Record<string, string | number | boolean | null>> | null;
      /** Not passed on. */
      readonly remove?: readonly string[] | null;
    } | null;
    /** In place of the config's own. */
    readonly timeouts?: {
      /** To reach an upstream. */
      readonly connect?: string | null;
      /** From the last byte of a request to the head of its answer. */
      readonly response?: string | null;
      /** Silence within an answer's body. */
      readonly idle?: string | null;
    } | null;
    /** In place of the config's own; false never replays. */
    readonly replay?: false | {
      /** How much of a body is kept in memory for a replay. */
      readonly memory?: string | null;
      /** The largest body that is kept at all; beyond memory, in a temporary file. */
      readonly spool?: string | null;
    } | null;
    /** In place of the config's own. */
    readonly scrub?: "on" | "off" | "strict" | Reference | null;
    /** Let `Upgrade: websocket` pass. Default: false. */
    readonly websocket?: boolean | Reference | null;
    /** signed: nothing is sent, and the caller gets what would have been sent, as JSON. Default: "upstream". */
    readonly answer?: "upstream" | "signed" | Reference | null;
  })[] | null;
  /** Where providers call back: an address of its own, with nothing but callbacks. */
  readonly callbacks_listen?: {
    /** host:port, or unix:/path; it may be beyond loopback, since every callback is verified. Default: "127.0.0.1:8090". */
    readonly address?: string | null;
    /** TLS on this listener; the files are watched. */
    readonly tls?: {
      /** Its certificate in PEM, with those between it and the root behind it. */
      readonly certificate: string;
      /** The private key of the certificate, in PEM. */
      readonly key: string;
    } | null;
  } | null;
  /** What providers send, verified and handed to the application. */
  readonly callbacks?: readonly ({
    /** Default: the provider's name. */
    readonly name?: string | null;
    /** Which path it is for. */
    readonly match: {
      /** The whole path. */
      readonly path: string;
    };
    /** The provider whose profile verifies it. */
    readonly verify: string | number | boolean;
    /** The URL of the application; the query of the callback is appended. */
    readonly forward: string;
    /** How long the application may take. Default: "5s". */
    readonly timeout?: string | null;
    /** How long the same callback is recognised. Default: "24h". */
    readonly window?: string | null;
    /** pass: one that was delivered before is forwarded with `Outrider-Callback-Seen`. answer: it is answered here. Default: "pass". */
    readonly duplicates?: "pass" | "answer" | Reference | null;
  })[] | null;
};

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
