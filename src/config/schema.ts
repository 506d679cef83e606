import { z } from 'zod';
import { Secret } from '../core/secret.ts';
import { parseDuration, parseSize } from '../core/units.ts';
import { isHeaderValue } from '../core/headers.ts';
import { ConfigError } from './diagnostics/config-error.ts';
import {
  anyNode,
  boolean,
  choice,
  described,
  duration,
  integer,
  scalar,
  listOf,
  pattern,
  removable,
  share,
  size,
  text,
  unexpectedValue,
  withDefault,
  type Scalar,
} from './schema/scalar.ts';
import { caller } from './schema/callers.ts';
import { profileSchema, renewSchema } from './profile/schema.ts';
import { needsRestart, overrides, section } from './schema/section.ts';
import { storeSection } from './schema/store.ts';
import { pairTls, serverTls } from './schema/server-tls.ts';
import type { ScalarNode } from './yaml/tree.ts';
import {
  address,
  endpointUrl,
  fileMode,
  group,
  headerName,
  headerText,
  hostName,
  hostNames,
  method,
  origin,
  ownName,
  pathPrefix,
  secretHeaderText,
  upstream,
} from './schema/values.ts';

const ROUTE_NAME = /^[\x21-\x7e]{1,100}$/;
const ROUTE_NAME_HELP = 'use visible ASCII without spaces';

const never: Scalar<false> = scalar({
  expects: 'false, or a map',
  json: { const: false },
  read: (node) => {
    if (node.text !== 'false') throw unexpectedValue(node, 'false, or a map');
    return false as const;
  },
});

/**
 * Reads a token that callers send in a header.
 * Throws a {@link ConfigError}: `empty_secret`, or `invalid_value` when no header can hold the token.
 */
function readToken(node: ScalarNode): Secret {
  if (node.isEmpty)
    throw new ConfigError('empty_secret', 'the access token is empty', 'give it a value, or remove the entry');
  if (!isHeaderValue(node.text) || node.text.trim() !== node.text) {
    const help = 'use visible ASCII with no line break and no space at the ends';
    throw new ConfigError('invalid_value', 'the token can not stand in a header', help);
  }
  return new Secret(node.text);
}

const accessToken = scalar({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  keepsEmpty: true,
  seen: 'never',
  read: readToken,
});
const adminToken = scalar({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  seen: 'never',
  read: readToken,
});
/** A duration in milliseconds, with its default as it is written. */
const ms = (written: string, minimum = 1) => withDefault(duration(minimum), parseDuration(written) as number, written);

/** A size in bytes, with its default as it is written. */
const bytes = (written: string, minimum = 0) => withDefault(size(minimum), parseSize(written) as number, written);

const listen = section({
  address: described(
    'host:port, or unix:/path; a port of 0 means any free one.',
    withDefault(address, { host: '127.0.0.1', port: 8080 }, '127.0.0.1:8080'),
  ),
  socket_mode: described(
    'Who may connect to a Unix socket, as the mode of its file (default: "0600").',
    fileMode.optional(),
  ),
  socket_group: described(
    "The group of a Unix socket's file, by name or number; the process's own by default.",
    group.optional(),
  ),
  allowed_hosts: described(
    'Host names accepted besides loopback names and the hosts of routes; an entry may hold several, with commas between them.',
    listOf(hostNames),
  ),
  allowed_origins: described('Browser origins that may call.', listOf(origin)),
  access_tokens: described('When given, a caller must show one of them.', listOf(accessToken)),
  allow_unauthenticated: described(
    'Must be true to listen beyond loopback with neither callers nor access tokens.',
    withDefault(boolean, false, false),
  ),
  tls: described('TLS on the listener; the files are watched.', serverTls.optional()),
});

/** The `admin` section, or false. */
export const adminSchema = z
  .union([
    never,
    section({
      address: described(
        'Where health, metrics and the API are served.',
        withDefault(address, { host: '127.0.0.1', port: 8081 }, '127.0.0.1:8081'),
      ),
      token: described(
        'Needed for /api: beyond loopback, where `callers` or `listen.access_tokens` are set, and wherever this is.',
        adminToken.optional(),
      ),
    }),
  ])
  .prefault({});

const forward = section({
  mode: described(
    'Whether requests may come as to a forward proxy.',
    withDefault(choice(['none', 'plain', 'intercept']), 'none', 'none'),
  ),
  unmatched: described(
    'What becomes of forward requests without a route.',
    withDefault(choice(['refuse', 'tunnel']), 'refuse', 'refuse'),
  ),
});

const TIMEOUTS = {
  connect: described('To reach an upstream.', ms('5s')),
  response: described('From the last byte of a request to the head of its answer.', ms('60s')),
  idle: described("Silence within an answer's body.", ms('60s')),
  connection_age: described(
    'A connection to an upstream that is older takes no further request; the next one resolves the name anew.',
    ms('5m'),
  ),
  keep_alive: described('How long an unused connection of a caller is kept.', ms('65s', 1_000)),
  caller: described(
    'A caller who neither sends the rest of a body nor takes the answer is given up after this.',
    ms('5m'),
  ),
  token: described('A call to a token endpoint.', ms('10s')),
  lame_duck: described('How long connections are still accepted after SIGTERM.', ms('1s', 0)),
  drain: described('How long requests under way may take after that.', ms('25s', 0)),
};

const limits = section({
  header_bytes: described("All header lines of a caller's request.", bytes('16KiB', 256)),
  headers: described("Header lines of a caller's request.", withDefault(integer(1, 10_000), 200, 200)),
  url_bytes: described("The target of a caller's request.", bytes('8KiB', 64)),
  answer_header_bytes: described("The head of an upstream's answer, and its trailers.", bytes('64KiB', 256)),
  connections: described('Open connections of callers.', withDefault(integer(1, 1_000_000), 10_000, 10_000)),
  waiting: described('Requests that may wait for a token.', withDefault(integer(0, 1_000_000), 1_000, 1_000)),
  signed_body: described('The largest body that is signed.', bytes('1MiB')),
  body_memory: described(
    'Memory for the bodies of all requests together; when it is used up, they are kept in files, and none is collected to be signed.',
    bytes('16MiB'),
  ),
});

const REPLAY = {
  memory: described('How much of a body is kept in memory for a replay.', bytes('1MiB')),
  spool: described('The largest body that is kept at all; beyond memory, in a temporary file.', bytes('64MiB')),
  spool_total: described('All temporary files together.', bytes('1GiB')),
  dir: described("Where temporary files are made; the system's directory for them by default.", text.optional()),
};

const log = section({
  level: described('The least that is told.', withDefault(choice(['error', 'warn', 'info', 'debug']), 'info', 'info')),
  format: described(
    'auto: pretty on a terminal, else json.',
    withDefault(choice(['auto', 'json', 'pretty']), 'auto', 'auto'),
  ),
  access: described('One line for each request.', withDefault(boolean, true, true)),
});

const tracing = section({
  endpoint: described(
    'The collector, without `/v1/traces`; by default what OTEL_EXPORTER_OTLP_ENDPOINT says. With neither there are no traces.',
    upstream.optional(),
  ),
  sample: described(
    'The share of new traces that are kept, from 0 to 1; by default what OTEL_TRACES_SAMPLER says, else 1. A caller that traces decides itself.',
    share.optional(),
  ),
  headers: described(
    'Sent to the collector, such as its key; they go before those of OTEL_EXPORTER_OTLP_HEADERS.',
    z.record(z.string(), removable(secretHeaderText)).optional(),
  ),
});

const scrub = choice(['on', 'off', 'strict']);

/** The node is kept: the profile's declarations decide how it is read, and a changed file is read again. */
const credential = anyNode(
  'a credential',
  { type: ['string', 'number', 'boolean'] },
  { keepsEmpty: true, seen: 'never' },
);

/** The node is kept: a changed file is read again. */
const pemOf = (expects: string): Scalar<ScalarNode> =>
  scalar({ expects, json: { type: 'string' }, seen: 'never', read: (node) => node });

const tls = section({
  certificate: described(
    'The certificate that we show, in PEM, those that vouch for it behind it.',
    pemOf('a certificate in PEM').optional(),
  ),
  key: described('Its private key, in PEM.', pemOf('a private key in PEM').optional()),
  passphrase: described('Of an encrypted key.', pemOf('a secret text').optional()),
  ca: described("The authorities to trust, in PEM, in place of the system's.", pemOf('certificates in PEM').optional()),
  server_name: described(
    'The name to ask the server for, which its certificate must be for; by default its host.',
    hostName.optional(),
  ),
});

const provider = section({
  profile: described(
    'How the provider authenticates: a built-in profile, or one of `profiles`.',
    scalar({ expects: 'the name of a profile', json: { type: 'string' }, read: (node) => node.text }),
  ),
  environment: described('Required where the profile has any; `simulator` needs no credentials.', text.optional()),
  credentials: described('Those that the profile declares.', z.record(z.string(), credential).optional()),
  old_credentials: described(
    'Credentials of before a change, which callbacks may still be signed with; each names what was other then.',
    z.array(z.record(z.string(), credential)).optional(),
  ),
  endpoints: described(
    'Override single URLs of the environment.',
    z.record(z.string(), removable(endpointUrl)).optional(),
  ),
  scope: described('For profiles that have scopes.', z.array(text).optional()),
  renew: described("Override the profile's `renew`.", renewSchema.optional()),
  placeholder: described(
    'Whether a program that asks for a token of its own gets a placeholder; false refuses it.',
    withDefault(boolean, true, true),
  ),
  tls: described('How TLS is spoken to the API and the token endpoint: mutual TLS, a CA of its own.', tls.optional()),
  token: described(
    'What is different at the token endpoint.',
    section({
      tls: described('In place of the `tls` of the provider; an empty map: none.', tls.optional()),
    }).optional(),
  ),
});

const route = section({
  name: described("Default: the provider's name.", pattern('a name', ROUTE_NAME, ROUTE_NAME_HELP).optional()),
  match: described(
    'All that is given has to fit.',
    section({
      path: described('A prefix of the raw path, on segment boundaries.', pathPrefix.optional()),
      methods: described('Any of these; default: all.', z.array(method).optional()),
      hosts: described('Host names, without ports.', z.array(hostName).optional()),
      headers: described('Names and exact values.', z.record(z.string(), removable(headerText)).optional()),
    }).prefault({}),
  ),
  provider: described(
    'Without one, requests are forwarded without credentials and `upstream` is required.',
    text.optional(),
  ),
  upstream: described("Default: the provider's `api` endpoint.", upstream.optional()),
  strip_prefix: described('Whether the matched prefix is cut off.', withDefault(boolean, true, true)),
  headers: described(
    'What becomes of the headers, before the credential is put on.',
    section({
      set: described(
        'In place of all that came under these names.',
        z.record(z.string(), removable(headerText)).optional(),
      ),
      remove: described('Not passed on.', z.array(headerName).optional()),
    }).prefault({}),
  ),
  timeouts: described("In place of the config's own.", overrides(TIMEOUTS, 'connect', 'response', 'idle').prefault({})),
  replay: described(
    "In place of the config's own; false never replays.",
    z.union([never, overrides(REPLAY, 'memory', 'spool')]).optional(),
  ),
  scrub: described("In place of the config's own.", scrub.optional()),
  websocket: described('Let `Upgrade: websocket` pass.', withDefault(boolean, false, false)),
  answer: described(
    'signed: nothing is sent, and the caller gets what would have been sent, as JSON.',
    withDefault(choice(['upstream', 'signed']), 'upstream', 'upstream'),
  ),
});

const callbacksListen = section({
  address: described(
    'host:port, or unix:/path; it may be beyond loopback, since every callback is verified.',
    withDefault(address, { host: '127.0.0.1', port: 8090 }, '127.0.0.1:8090'),
  ),
  tls: described('TLS on this listener; the files are watched.', pairTls.optional()),
});

const callback = section({
  name: described("Default: the provider's name.", ownName.optional()),
  match: described('Which path it is for.', section({ path: described('The whole path.', pathPrefix) })),
  verify: described('The provider whose profile verifies it.', text),
  forward: described('The URL of the application; the query of the callback is appended.', endpointUrl),
  timeout: described('How long the application may take.', ms('5s')),
  window: described('How long the same callback is recognised.', ms('24h')),
  duplicates: described(
    'pass: one that was delivered before is forwarded with `Outrider-Callback-Seen`. answer: it is answered here.',
    withDefault(choice(['pass', 'answer']), 'pass', 'pass'),
  ),
});

/**
 * The config file: the one definition of its keys. The types of the code and the JSON Schema for editors are derived from it.
 */
export const configSchema = section({
  version: described('The version of this format.', withDefault(integer(1, 1), 1, 1)),
  listen: needsRestart(described('Where callers come in, and who may.', listen.prefault({}))),
  admin: needsRestart(
    described('Health, metrics and the API, at an address of their own; false switches it off.', adminSchema),
  ),
  callers: described(
    'Who may call, and what each of them may do. With it, every request needs one of them.',
    z.array(caller).optional(),
  ),
  forward: described('The forward-proxy doors.', forward.prefault({})),
  store: needsRestart(described('Where tokens are kept.', storeSection.prefault({}))),
  state_dir: needsRestart(
    described('Where the local CA is kept; by default $XDG_STATE_HOME/outrider.', text.optional()),
  ),
  timeouts: described('How long each thing may take.', section(TIMEOUTS).prefault({})),
  limits: described('How much of each thing there may be.', limits.prefault({})),
  replay: described('How much of bodies is kept, so that they can be sent again.', section(REPLAY).prefault({})),
  scrub: described(
    'Whether secrets that a provider sends back are overwritten in its answers. strict: an answer that can not be searched is refused.',
    withDefault(scrub, 'on', 'on'),
  ),
  log: described('What goes to stderr.', log.prefault({})),
  tracing: needsRestart(
    described('Traces over OTLP; false: none, whatever the environment says.', z.union([never, tracing]).optional()),
  ),
  profiles: described('Profiles of your own.', z.record(z.string(), profileSchema).optional()),
  providers: described(
    'Whose credentials there are, by a name of your own.',
    z.record(z.string(), provider).optional(),
  ),
  routes: described('Which requests go where, with whose credential.', z.array(route).optional()),
  callbacks_listen: needsRestart(
    described(
      'Where providers call back: an address of its own, with nothing but callbacks.',
      callbacksListen.optional(),
    ),
  ),
  callbacks: described('What providers send, verified and handed to the application.', z.array(callback).optional()),
});

/** What {@link configSchema} reads. A required value that is wrong is undefined, against its type: see `read`. */
export type ConfigData = z.output<typeof configSchema>;
export type ProviderData = z.output<typeof provider>;
export type TlsData = z.output<typeof tls>;
export type RouteData = z.output<typeof route>;
export type CallerData = z.output<typeof caller>;
export type CallbackData = z.output<typeof callback>;
