import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { Config } from '../../src/config/config.ts';
import { parse, problems } from './helpers.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** The values of the specification, as far as they are defaults and not examples. */
const SPECIFIED = `
version: 1

listen:
  address: 127.0.0.1:8080
  allowed_hosts: []
  allowed_origins: []
  access_tokens: []
  allow_unauthenticated: false

admin:
  address: 127.0.0.1:8081
  token:

forward:
  mode: none
  unmatched: refuse

store:
  kind: memory

state_dir:
timeouts: { connect: 5s, response: 60s, idle: 60s, keep_alive: 65s, connection_age: 5m, caller: 5m, token: 10s, lame_duck: 1s, drain: 25s }
limits:   { header_bytes: 16KiB, headers: 200, url_bytes: 8KiB, answer_header_bytes: 64KiB, connections: 10000, waiting: 1000, signed_body: 1MiB, body_memory: 16MiB }
replay:   { memory: 1MiB, spool: 64MiB, spool_total: 1GiB, dir: }
scrub:    on
log:      { level: info, format: auto, access: true }

profiles: {}

providers:
  phonepe:
    profile: phonepe
    environment: sandbox
    credentials:
      client_id: \${PHONEPE_CLIENT_ID}
      client_secret: \${PHONEPE_CLIENT_SECRET}
      client_version: 1
    endpoints: {}
    scope: []
    renew: {}

routes:
  - name: phonepe
    match:
      path: /phonepe
      methods: [GET, POST]
      hosts: []
      headers: {}
    provider: phonepe
    upstream: https://api-preprod.phonepe.com/apis/pg-sandbox
    strip_prefix: true
    headers: { set: {}, remove: [] }
    timeouts: {}
    replay: {}
    websocket: false
`;

const ENV = { PHONEPE_CLIENT_ID: 'id', PHONEPE_CLIENT_SECRET: 'secret', XDG_STATE_HOME: '/var/state' };

test('the example of the specification is valid as it stands', (t) => {
  const { config, diagnostics } = parse(SPECIFIED, { env: ENV });
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.routes, [
    {
      name: 'phonepe',
      match: { path: '/phonepe', methods: ['GET', 'POST'], hosts: [], headers: new Map() },
      provider: 'phonepe',
      upstream: 'https://api-preprod.phonepe.com/apis/pg-sandbox',
      stripPrefix: true,
      headers: { set: new Map(), remove: [] },
      timeouts: {
        connectMs: 5_000,
        responseMs: 60_000,
        idleMs: 60_000,
        keepAliveMs: 65_000,
        connectionAgeMs: 300_000,
        callerMs: 300_000,
        tokenMs: 10_000,
        lameDuckMs: 1_000,
        drainMs: 25_000,
      },
      replay: { memoryBytes: MiB, spoolBytes: 64 * MiB, spoolTotalBytes: 1024 * MiB, dir: os.tmpdir() },
      scrub: 'on',
      websocket: false,
      answer: 'upstream',
    },
  ]);
  t.like(config?.providers.get('phonepe'), {
    profileName: 'phonepe',
    environment: 'sandbox',
    scope: [],
    endpoints: {
      token: 'https://api-preprod.phonepe.com/apis/pg-sandbox/v1/oauth/token',
      api: 'https://api-preprod.phonepe.com/apis/pg-sandbox',
    },
  });
});

/** All but what a file has to say itself, and the functions. */
const general = (config: Config | undefined): unknown =>
  Object.fromEntries(
    Object.entries(config ?? {}).filter(
      ([key]) => !['providers', 'routes', 'secretTexts', 'watchSecrets'].includes(key),
    ),
  );

test('what the file leaves out is as the specification says', (t) => {
  const given = general(parse(SPECIFIED, { env: ENV }).config);
  const absent = general(parse('', { env: ENV }).config);
  t.deepEqual(absent, given);
  t.deepEqual(absent, {
    file: path.resolve('proxy.config.yaml'),
    listen: {
      address: { host: '127.0.0.1', port: 8080 },
      allowedHosts: [],
      allowedOrigins: [],
      accessTokens: [],
      allowUnauthenticated: false,
      tls: undefined,
    },
    callers: undefined,
    admin: { address: { host: '127.0.0.1', port: 8081 }, token: undefined },
    forward: { mode: 'none', unmatched: 'refuse' },
    store: { kind: 'memory' },
    stateDir: '/var/state/outrider',
    timeouts: {
      connectMs: 5_000,
      responseMs: 60_000,
      idleMs: 60_000,
      keepAliveMs: 65_000,
      connectionAgeMs: 300_000,
      callerMs: 300_000,
      tokenMs: 10_000,
      lameDuckMs: 1_000,
      drainMs: 25_000,
    },
    limits: {
      headerBytes: 16 * KiB,
      headers: 200,
      urlBytes: 8 * KiB,
      answerHeaderBytes: 64 * KiB,
      connections: 10_000,
      waiting: 1_000,
      signedBodyBytes: MiB,
      bodyMemoryBytes: 16 * MiB,
    },
    replay: { memoryBytes: MiB, spoolBytes: 64 * MiB, spoolTotalBytes: 1024 * MiB, dir: os.tmpdir() },
    scrub: 'on',
    log: { level: 'info', format: 'auto', access: true },
    tracing: undefined,
    audit: undefined,
    callbacksListen: undefined,
    callbacks: [],
  });
});

test('a state directory follows the base directory specification', (t) => {
  t.is(parse('', { env: { HOME: '/home/ana' } }).config?.stateDir, '/home/ana/.local/state/outrider');
  t.is(
    parse('', { env: { HOME: '/home/ana', XDG_STATE_HOME: 'relative' } }).config?.stateDir,
    '/home/ana/.local/state/outrider',
  );
});

test('a route takes over what it does not say itself', (t) => {
  const { config, diagnostics } = parse(`
timeouts: { connect: 1s, response: 2s, idle: 3s }
replay: { memory: 1KiB, spool: 2KiB }
scrub: strict
routes:
  - { name: a, match: { path: /a }, upstream: "http://h", timeouts: { response: 5m }, replay: { spool: 1MiB } }
  - { name: b, match: { path: /b }, upstream: "http://h", replay: false, scrub: off }
  - { name: c, match: { path: /c }, upstream: "http://h", provider: null }
`);
  t.deepEqual(diagnostics, []);
  t.like(config?.routes[0]?.timeouts, { connectMs: 1_000, responseMs: 300_000, idleMs: 3_000 });
  t.like(config?.routes[0]?.replay, { memoryBytes: KiB, spoolBytes: MiB, spoolTotalBytes: 1024 * MiB });
  t.is(config?.routes[1]?.replay, false);
  t.deepEqual(
    config?.routes.map(({ scrub }) => scrub),
    ['strict', 'off', 'strict'],
  );
  t.is(config?.routes[2]?.provider, undefined);
});

test('a route is called after its provider', (t) => {
  const { config } = parse(`
providers: { p: { profile: bearer, credentials: { token: a } } }
routes:
  - { match: { path: /a }, upstream: "http://h", provider: p }
  - { match: { path: /b }, upstream: "http://h", provider: p }
  - { match: { path: /c }, upstream: "http://h" }
`);
  t.deepEqual(
    config?.routes.map(({ name }) => name),
    ['p', 'p/b', '/c'],
  );
});

test('the admin address can be switched off', (t) => {
  t.is(parse('admin: false').config?.admin, false);
  t.deepEqual(problems(parse('admin: true\nroutes: [{ match: { path: /p }, upstream: "http://h" }]')), [
    'invalid_value admin',
  ]);
});

test('who is let in from outside is decided by the operator', (t) => {
  const routes = 'routes: [{ match: { path: /p }, upstream: "http://h" }]';
  for (const listen of [
    '{ address: "0.0.0.0:1", access_tokens: [abc] }',
    '{ address: "0.0.0.0:1", allow_unauthenticated: true }',
    '{ address: "127.9.9.9:1" }',
    '{ address: "[::1]:1" }',
    '{ address: "localhost:1" }',
    '{ address: "unix:/run/o.sock" }',
  ]) {
    t.deepEqual(problems(parse(`listen: ${listen}\nadmin: false\n${routes}`)), [], listen);
  }
  for (const address of [
    '0.0.0.0:1',
    '10.0.0.1:1',
    '[::]:1',
    '[2001:db8::1]:1',
    'proxy.test:1',
    '127.0.0.1.evil.test:1',
  ]) {
    t.deepEqual(
      problems(parse(`listen: { address: "${address}" }\n${routes}`)),
      ['unsafe_bind listen.address'],
      address,
    );
  }
  t.deepEqual(problems(parse(`admin: { address: "0.0.0.0:1", token: abc }\n${routes}`)), []);
  t.deepEqual(problems(parse(`admin: { address: "0.0.0.0:0" }\nlisten: { address: "0.0.0.0:0" }\n${routes}`)), [
    'closed_admin_api admin.address',
    'unsafe_bind listen.address',
  ]);
  // What is not clear yet brings no second complaint.
  t.deepEqual(problems(parse(`listen: { address: "0.0.0.0:1", allow_unauthenticated: yes }\n${routes}`)), [
    'invalid_value listen.allow_unauthenticated',
  ]);
  t.deepEqual(problems(parse(`listen: { address: "0.0.0.0:1", access_tokens: [""] }\n${routes}`)), [
    'empty_secret listen.access_tokens[0]',
  ]);
  t.deepEqual(problems(parse(`listen: { address: nowhere }\nadmin: { address: "127.0.0.1:8080" }\n${routes}`)), [
    'invalid_value listen.address',
  ]);
});
