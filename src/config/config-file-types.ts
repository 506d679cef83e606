// Derived: `npm run reference` writes it. What it says stands in the definitions.
import type { ProfileFile, Reference } from './profile-file-types.ts';

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
  /** A file that says who did what with a credential; without it there is none. */
  readonly audit?: {
    /** The file. It is made if it is not there, and is for this user alone. */
    readonly path: string | number | boolean;
    /** Each line gets an HMAC-SHA256 with it, so that nobody without it can write the trail anew. */
    readonly key?: string | null;
    /** When lines are forced onto the disk: every second, or before the answer that they are about is complete. Default: "1s". */
    readonly sync?: "1s" | "always" | Reference | null;
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
