import { z } from 'zod';
import { Secret } from '../core/secret.ts';
import { isHeaderValue } from '../core/headers.ts';
import { Fault } from './fault.ts';
import {
  anyNode,
  boolean,
  choice,
  described,
  duration,
  integer,
  leaf,
  pattern,
  removable,
  size,
  text,
  unfit,
  withDefault,
  type Leaf,
} from './leaf.ts';
import { profileSchema, renewSchema } from './profile-schema.ts';
import type { ScalarNode } from './tree.ts';
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
  pathPrefix,
  upstream,
} from './values.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const NAME_HELP = 'use letters, digits, `.`, `_` and `-`, beginning with a letter or digit';
const ROUTE_NAME = /^[\x21-\x7e]{1,100}$/;
const ROUTE_NAME_HELP = 'use visible ASCII without spaces';
export const isName = (name: string): boolean => NAME.test(name);

const never: Leaf<false> = leaf({
  expects: 'false, or a map',
  json: { const: false },
  read: (node) => {
    if (node.text !== 'false') throw unfit(node, 'false, or a map');
    return false as const;
  },
});

/** A text that callers show, kept from sight. */
function readToken(node: ScalarNode): Secret {
  if (node.isEmpty)
    throw new Fault('empty_secret', 'the access token is empty', 'give it a value, or remove the entry');
  if (!isHeaderValue(node.text) || node.text.trim() !== node.text) {
    const help = 'use visible ASCII with no line break and no space at the ends';
    throw new Fault('invalid_value', 'the token can not stand in a header', help);
  }
  return new Secret(node.text);
}

const accessToken = leaf({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  keepsEmpty: true,
  seen: 'never',
  read: readToken,
});
const adminToken = leaf({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  seen: 'never',
  read: readToken,
});
const password = leaf({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  seen: 'never',
  read: (node) => new Secret(node.text),
});

const ms = (written: string, value: number, minimum = 1): z.ZodDefault<Leaf<number>> =>
  withDefault(duration(minimum), value, written);

const listen = z.strictObject({
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
    z.array(hostNames).optional(),
  ),
  allowed_origins: described('Browser origins that may call.', z.array(origin).optional()),
  access_tokens: described('When given, a caller must show one of them.', z.array(accessToken).optional()),
  allow_unauthenticated: described(
    'Must be true to listen beyond loopback without access tokens.',
    withDefault(boolean, false, false),
  ),
});

const admin = z.strictObject({
  address: described(
    'Where health and metrics are served.',
    withDefault(address, { host: '127.0.0.1', port: 8081 }, '127.0.0.1:8081'),
  ),
  token: described('Needed beyond loopback, for all but health and metrics.', adminToken.optional()),
});

const forward = z.strictObject({
  mode: described(
    'Whether requests may come as to a forward proxy.',
    withDefault(choice(['none', 'plain', 'intercept']), 'none', 'none'),
  ),
  unmatched: described(
    'What becomes of forward requests without a route.',
    withDefault(choice(['refuse', 'tunnel']), 'refuse', 'refuse'),
  ),
});

const storeKey: Leaf<Secret> = leaf({
  expects: '32 bytes in base64',
  json: { type: 'string' },
  seen: 'never',
  read: (node) => {
    if (!/^[A-Za-z0-9+/]{43}=?$/.test(node.text)) {
      throw new Fault('invalid_value', 'the key is not 32 bytes in base64', 'make one with `openssl rand -base64 32`');
    }
    return new Secret(node.text);
  },
});

/** May hold a password, so it is never repeated. */
const redisUrl: Leaf<Secret> = leaf({
  expects: 'a redis URL',
  json: { type: 'string' },
  seen: 'never',
  read: (node) => {
    if (
      !/^rediss?:\/\/(?:(?:[^/?#@%\s]|%[0-9a-f]{2})*@)?[^/?#@\s]+(?:\/\d{0,5})?$/i.test(node.text) ||
      !URL.canParse(node.text)
    ) {
      throw new Fault(
        'invalid_value',
        'the value is not a redis URL',
        'write redis://host:6379/0, or rediss:// for TLS',
      );
    }
    return new Secret(node.text);
  },
});

const store = z.strictObject({
  kind: described('Where tokens are kept.', withDefault(choice(['memory', 'file', 'redis']), 'memory', 'memory')),
  path: described('file: a directory for this user alone; it is made if it is not there.', text.optional()),
  url: described('redis: redis://host:6379/0, or rediss:// for TLS.', redisUrl.optional()),
  username: described('redis: goes before the one of the URL.', text.optional()),
  password: described('redis: goes before the one of the URL.', password.optional()),
  prefix: described('redis: begins every key and the channel (default: outrider:).', text.optional()),
  lease: described(
    'After so long (default: 15s) a renewal whose process has died is taken over.',
    duration(1000).optional(),
  ),
  encryption_key: described('Records are encrypted with it (AES-256-GCM).', storeKey.optional()),
  old_encryption_keys: described('Still read, no longer written with.', z.array(storeKey).optional()),
});

const timeouts = z.strictObject({
  connect: described('To reach an upstream.', ms('5s', 5_000)),
  response: described('From the last byte of a request to the head of its answer.', ms('60s', 60_000)),
  idle: described("Silence within an answer's body.", ms('60s', 60_000)),
  connection_age: described(
    'A connection to an upstream that is older takes no further request; the next one resolves the name anew.',
    ms('5m', 300_000),
  ),
  keep_alive: described('How long an unused connection of a caller is kept.', ms('65s', 65_000, 1_000)),
  caller: described(
    'A caller who neither sends the rest of a body nor takes the answer is given up after this.',
    ms('5m', 300_000),
  ),
  token: described('A call to a token endpoint.', ms('10s', 10_000)),
  lame_duck: described('How long connections are still accepted after SIGTERM.', ms('1s', 1_000, 0)),
  drain: described('How long requests under way may take after that.', ms('25s', 25_000, 0)),
});

const limits = z.strictObject({
  header_bytes: withDefault(size(256), 16 * KiB, '16KiB'),
  headers: withDefault(integer(1, 10_000), 200, 200),
  url_bytes: withDefault(size(64), 8 * KiB, '8KiB'),
  answer_header_bytes: described(
    "The head of an upstream's answer, and its trailers.",
    withDefault(size(256), 64 * KiB, '64KiB'),
  ),
  connections: described('Open connections of callers.', withDefault(integer(1, 1_000_000), 10_000, 10_000)),
  waiting: described('Requests that may wait for a token.', withDefault(integer(0, 1_000_000), 1_000, 1_000)),
  signed_body: described('The largest body that is signed.', withDefault(size(0), MiB, '1MiB')),
  body_memory: described(
    'Memory for the bodies of all requests together; when it is used up, they are kept in files, and none is collected to be signed.',
    withDefault(size(0), 16 * MiB, '16MiB'),
  ),
});

const replay = z.strictObject({
  memory: described('How much of a body is kept in memory for a replay.', withDefault(size(0), MiB, '1MiB')),
  spool: described(
    'The largest body that is kept at all; beyond memory, in a temporary file.',
    withDefault(size(0), 64 * MiB, '64MiB'),
  ),
  spool_total: described('All temporary files together.', withDefault(size(0), 1024 * MiB, '1GiB')),
  dir: described("Where temporary files are made; the system's directory for them by default.", text.optional()),
});

const log = z.strictObject({
  level: withDefault(choice(['error', 'warn', 'info', 'debug']), 'info', 'info'),
  format: withDefault(choice(['auto', 'json', 'pretty']), 'auto', 'auto'),
  access: withDefault(boolean, true, true),
});

/** Read by the profile's declarations, and again when a file changes. */
const credential = anyNode(
  'a credential',
  { type: ['string', 'number', 'boolean'] },
  { keepsEmpty: true, seen: 'never' },
);

const provider = z.strictObject({
  profile: described(
    'How the provider authenticates: a built-in profile, or one of `profiles`.',
    leaf({ expects: 'the name of a profile', json: { type: 'string' }, read: (node) => node.text }),
  ),
  environment: described('Required where the profile has any; `simulator` needs no credentials.', text.optional()),
  credentials: described('Those that the profile declares.', z.record(z.string(), credential).optional()),
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
});

const route = z.strictObject({
  name: described("Default: the provider's name.", pattern('a name', ROUTE_NAME, ROUTE_NAME_HELP).optional()),
  match: z
    .strictObject({
      path: described('A prefix of the raw path, on segment boundaries.', pathPrefix.optional()),
      methods: z.array(method).optional(),
      hosts: described('Host names, without ports.', z.array(hostName).optional()),
      headers: described('Names and exact values.', z.record(z.string(), removable(headerText)).optional()),
    })
    .prefault({}),
  provider: described(
    'Without one, requests are forwarded without credentials and `upstream` is required.',
    text.optional(),
  ),
  upstream: described("Default: the provider's `api` endpoint.", upstream.optional()),
  strip_prefix: described('Whether the matched prefix is cut off.', withDefault(boolean, true, true)),
  headers: z
    .strictObject({
      set: z.record(z.string(), removable(headerText)).optional(),
      remove: z.array(headerName).optional(),
    })
    .prefault({}),
  timeouts: z
    .strictObject({ connect: duration(1).optional(), response: duration(1).optional(), idle: duration(1).optional() })
    .prefault({}),
  replay: described(
    'Overrides; false never replays.',
    z.union([never, z.strictObject({ memory: size(0).optional(), spool: size(0).optional() })]).optional(),
  ),
  websocket: described('Let `Upgrade: websocket` pass.', withDefault(boolean, false, false)),
});

/** The config file. The JSON Schema for editors is derived from this, too. */
export const configSchema = z.strictObject({
  version: withDefault(integer(1, 1), 1, 1),
  listen: listen.prefault({}),
  admin: described('false switches it off.', z.union([never, admin]).prefault({})),
  forward: forward.prefault({}),
  store: store.prefault({}),
  state_dir: described('Default: $XDG_STATE_HOME/outrider.', text.optional()),
  timeouts: timeouts.prefault({}),
  limits: limits.prefault({}),
  replay: replay.prefault({}),
  log: log.prefault({}),
  profiles: described('Profiles of your own.', z.record(z.string(), profileSchema).optional()),
  providers: z.record(z.string(), provider).optional(),
  routes: z.array(route).optional(),
});

export type ConfigData = z.output<typeof configSchema>;
export type ProviderData = z.output<typeof provider>;
export type RouteData = z.output<typeof route>;
