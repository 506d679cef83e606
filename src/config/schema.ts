import { z } from 'zod';
import { Secret } from '../core/secret.ts';
import { isHeaderValue } from '../core/headers.ts';
import { Fault } from './fault.ts';
import {
  anyNode,
  boolean,
  choice,
  duration,
  integer,
  leaf,
  pattern,
  size,
  text,
  unfit,
  withDefault,
  type Leaf,
} from './leaf.ts';
import { profileSchema, renewSchema } from './profile-schema.ts';
import {
  address,
  endpointUrl,
  headerName,
  headerText,
  hostName,
  method,
  origin,
  pathPrefix,
  upstream,
} from './values.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const NAME_HELP = 'use letters, digits, `.`, `_` and `-`, beginning with a letter or digit';
export const isName = (name: string): boolean => NAME.test(name);

const never: Leaf<false> = leaf({
  expects: 'false, or a map',
  json: { const: false },
  read: (node) => {
    if (node.text !== 'false') throw unfit(node, 'false, or a map');
    return false as const;
  },
});

/** A text that is kept from sight. In a list an empty one is an error. */
const secret: Leaf<Secret> = leaf({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  keepsEmpty: true,
  read: (node) => {
    if (node.isEmpty)
      throw new Fault('empty_secret', 'the access token is empty', 'give it a value, or remove the entry');
    if (!isHeaderValue(node.text) || node.text.trim() !== node.text) {
      throw new Fault(
        'invalid_value',
        'the access token can not stand in a header',
        'use visible ASCII with no line break and no space at the ends',
      );
    }
    return new Secret(node.text);
  },
});
const optionalSecret: Leaf<Secret> = leaf({
  expects: 'a secret text',
  json: { type: ['string', 'number', 'null'] },
  read: (node) => new Secret(node.text),
});

const ms = (written: string, value: number, minimum = 1): z.ZodDefault<Leaf<number>> =>
  withDefault(duration(minimum), value, written);

const listen = z.strictObject({
  address: withDefault(address, { host: '127.0.0.1', port: 8080 }, '127.0.0.1:8080'),
  allowed_hosts: z.array(hostName).optional(),
  allowed_origins: z.array(origin).optional(),
  access_tokens: z.array(secret).optional(),
  allow_unauthenticated: withDefault(boolean, false, false),
});

const admin = z.strictObject({
  address: withDefault(address, { host: '127.0.0.1', port: 8081 }, '127.0.0.1:8081'),
  token: optionalSecret.optional(),
});

const forward = z.strictObject({
  mode: withDefault(choice(['none', 'plain', 'intercept']), 'none', 'none'),
  unmatched: withDefault(choice(['refuse', 'tunnel']), 'refuse', 'refuse'),
});

const storeKey: Leaf<Secret> = leaf({
  expects: '32 bytes in base64',
  json: { type: 'string' },
  read: (node) => {
    if (!/^[A-Za-z0-9+/]{43}=?$/.test(node.text)) {
      throw new Fault('invalid_value', 'the key is not 32 bytes in base64', 'make one with `openssl rand -base64 32`');
    }
    return new Secret(node.text);
  },
});

const redisUrl = pattern('a redis URL', /^rediss?:\/\/[^\s]+$/, 'write redis://host:6379/0, or rediss:// for TLS');

const store = z.strictObject({
  kind: withDefault(choice(['memory', 'file', 'redis']), 'memory', 'memory'),
  path: text.optional(),
  url: redisUrl.optional(),
  username: text.optional(),
  password: optionalSecret.optional(),
  prefix: text.optional(),
  lease: duration(1000).optional(),
  encryption_key: storeKey.optional(),
  old_encryption_keys: z.array(storeKey).optional(),
});

const timeouts = z.strictObject({
  connect: ms('5s', 5_000),
  response: ms('60s', 60_000),
  idle: ms('60s', 60_000),
  token: ms('10s', 10_000),
  lame_duck: ms('1s', 1_000, 0),
  drain: ms('25s', 25_000, 0),
});

const limits = z.strictObject({
  header_bytes: withDefault(size(256), 16 * KiB, '16KiB'),
  headers: withDefault(integer(1, 10_000), 200, 200),
  url_bytes: withDefault(size(64), 8 * KiB, '8KiB'),
  connections: withDefault(integer(1, 1_000_000), 10_000, 10_000),
  waiting: withDefault(integer(1, 1_000_000), 1_000, 1_000),
  signed_body: withDefault(size(0), MiB, '1MiB'),
});

const replay = z.strictObject({
  memory: withDefault(size(0), MiB, '1MiB'),
  spool: withDefault(size(0), 64 * MiB, '64MiB'),
  spool_total: withDefault(size(0), 1024 * MiB, '1GiB'),
  dir: text.optional(),
});

const log = z.strictObject({
  level: withDefault(choice(['error', 'warn', 'info', 'debug']), 'info', 'info'),
  format: withDefault(choice(['auto', 'json', 'pretty']), 'auto', 'auto'),
  access: withDefault(boolean, true, true),
});

/** Read by the profile's declarations, and again when a file changes. */
const credential = anyNode('a credential', { type: ['string', 'number', 'boolean'] }, { keepsEmpty: true });

const provider = z.strictObject({
  profile: text,
  environment: text.optional(),
  credentials: z.record(z.string(), credential).optional(),
  endpoints: z.record(z.string(), endpointUrl.optional()).optional(),
  scope: z.array(text).optional(),
  renew: renewSchema.optional(),
});

const route = z.strictObject({
  name: pattern('a name', NAME, NAME_HELP).optional(),
  match: z
    .strictObject({
      path: pathPrefix.optional(),
      methods: z.array(method).optional(),
      hosts: z.array(hostName).optional(),
      headers: z.record(z.string(), headerText.optional()).optional(),
    })
    .prefault({}),
  provider: text.optional(),
  upstream: upstream.optional(),
  strip_prefix: withDefault(boolean, true, true),
  headers: z
    .strictObject({
      set: z.record(z.string(), headerText.optional()).optional(),
      remove: z.array(headerName).optional(),
    })
    .prefault({}),
  timeouts: z
    .strictObject({ connect: duration(1).optional(), response: duration(1).optional(), idle: duration(1).optional() })
    .prefault({}),
  replay: z.union([never, z.strictObject({ memory: size(0).optional(), spool: size(0).optional() })]).optional(),
  websocket: withDefault(boolean, false, false),
});

/** The config file. The JSON Schema for editors is derived from this, too. */
export const configSchema = z.strictObject({
  version: withDefault(integer(1, 1), 1, 1),
  listen: listen.prefault({}),
  admin: z.union([never, admin]).prefault({}),
  forward: forward.prefault({}),
  store: store.prefault({}),
  state_dir: text.optional(),
  timeouts: timeouts.prefault({}),
  limits: limits.prefault({}),
  replay: replay.prefault({}),
  log: log.prefault({}),
  profiles: z.record(z.string(), profileSchema).optional(),
  providers: z.record(z.string(), provider).optional(),
  routes: z.array(route).optional(),
});

export type ConfigData = z.output<typeof configSchema>;
export type ProviderData = z.output<typeof provider>;
export type RouteData = z.output<typeof route>;
