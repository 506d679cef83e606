interface CodeEntry {
  readonly severity: 'error' | 'warning';
  /** What is wrong, in a sentence. */
  readonly cause: string;
  /** What helps at any place. The help of a diagnostic knows more. */
  readonly remedy: string;
  /** The shortest config with the problem. If it has no routes, one is added. Null stands for a missing file. */
  readonly example: string | null;
  /** The environment of the example. */
  readonly env?: Readonly<Record<string, string>>;
}

const error = (cause: string, remedy: string, example: string | null): CodeEntry => ({
  severity: 'error',
  cause,
  remedy,
  example,
});

const warning = (cause: string, remedy: string, example: string, env: CodeEntry['env'] = {}): CodeEntry => ({
  severity: 'warning',
  cause,
  remedy,
  example,
  env,
});

/** The config of a provider that asks for scopes. Its profile knows some of them. */
const scoped = (known: string, asked: string): string => `profiles: { mine: { extends: oauth2, scope: ${known} } }
providers:
  p:
    profile: mine
    credentials: { client_id: a, client_secret: b }
    endpoints: { token: "https://id.example/token" }
    scope: ${asked}`;

/** An authority whose certificate ended on the first day of 2021. */
const EXPIRED_CA = `-----BEGIN CERTIFICATE-----
        MIHoMIGboAMCAQICAQEwBQYDK2VwMBUxEzARBgNVBAMTCkV4cGlyZWQgQ0EwHhcN
        MjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAVMRMwEQYDVQQDEwpFeHBpcmVk
        IENBMCowBQYDK2VwAyEAwRzZKp1QnOqmIShkeKGXpqSPWFcgEDPB4pQiOWGCGcyj
        EDAOMAwGA1UdEwQFMAMBAf8wBQYDK2VwA0EAsCFx0gTRQruPP4Kv77SE//vagqKi
        Qa9rrpMObHdnxbwsRkv2SXAO7oHO+5OIOcvsNgGIjajGgfUWvS8Q5DpeAQ==
        -----END CERTIFICATE-----`;

/** The config of a provider with these keys in its `tls`. */
const withTls = (...keys: readonly string[]): string => `providers:
  p:
    profile: bearer
    credentials: { token: abc }
    tls:
      ${keys.join('\n      ')}`;
/** An RSA key of 512 bits, which opens nothing: the shortest that can be made. */
const SHORT_KEY =
  '-----BEGIN PRIVATE KEY-----\\nMIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA4G7+b5FPnIc7kO7QqWWMAMslidwhuBxzbQoWeGBt5gyFgiGdej6JjmKwPZk64uhdK95SRw7lwnHupsIlPpXEzwIDAQABAkEAxOZ8ETPCTciTKNdsd4Ggr72KhIV9i8JiPgLArgGjyVQETXMs8UhXqJk8SnExEQEi1kAgME73tI4ceJIWYNfpQQIhAPR9itFCbqRYUeKqNRKaz95hYyigmjXTluYgGC5rhBNhAiEA6v+8/kCKv++X6o7SJ/7sh0ny/0wH/HMjLO9NSHkX9i8CIQDx3TQz2ZVc7aZsJleEhTQ4WX1f1qlXsG8qTvu9CE3LYQIgTWbihxQXH1T5Qqa8DbRnj8AJq5ENaFc8FMbVO7O28r0CIGIBdlyCZUikBgDlvAfHB8h7OS+89UxmtuaYOBOuIi2M\\n-----END PRIVATE KEY-----';

/** Every code that a diagnostic can have, with its meaning. Codes are stable, as scripts match on them. */
export const CODES = {
  // The file as text
  missing_config: error(
    'The config file is not there.',
    'Name it with `--config` or `$OUTRIDER_CONFIG`, or write `./proxy.config.yaml`.',
    null,
  ),
  unreadable_file: error(
    'A file can not be read, is too large, or is not UTF-8: the config itself, or one that `${file:…}` names.',
    'Check that it is there, and that the user who runs the proxy may read it.',
    'providers: { p: { profile: bearer, credentials: { token: "${file:/run/secrets/not-there}" } } }',
  ),
  yaml_syntax: error(
    'The text is not YAML, or uses a part of it that is not supported: tags, or keys that are no texts.',
    'Look at the place: mostly a value with a colon, `${…}` within braces or a `{{…}}` at its beginning wants quotes.',
    'listen: { access_tokens: [${TOKEN}] }',
  ),
  multiple_documents: error(
    'The file holds more than one YAML document.',
    'Remove the line `---`, and what does not belong to this config.',
    'version: 1\n---\nversion: 1',
  ),
  duplicate_key: error(
    'A key stands twice in one map; names of headers are compared without case.',
    'Remove one of the two.',
    'log: { level: info, level: debug }',
  ),
  too_many_aliases: error(
    'An alias contains itself, or aliases multiply the file beyond measure.',
    'Write the part out where it is used.',
    'profiles: &all { mine: *all }',
  ),
  too_deep: error(
    'Maps and lists are nested too deeply.',
    'Check the brackets: no part of the format is that deep.',
    `profiles: { mine: { token: { fetch: { url: "https://id.example", json: ${'['.repeat(100)}${']'.repeat(100)} } } } }`,
  ),

  // Values
  unknown_key: error(
    'A key is not part of the format.',
    'Correct the spelling: the help names the keys that there are.',
    'listen: { adress: 127.0.0.1:8080 }',
  ),
  missing_key: error('A required key is not there.', 'Add it.', 'providers: { p: { environment: sandbox } }'),
  invalid_type: error(
    'A map, a list or a single value stands where another of the three belongs.',
    'Write what belongs there, as the reference of the key shows.',
    'listen: 8080',
  ),
  invalid_value: error(
    'A value is not of the form that its key asks for.',
    'Write it in that form: a duration has a unit (`10s`), a size too (`1MiB`).',
    'timeouts: { connect: 5 }',
  ),
  bad_interpolation: error(
    'A `${` is never closed, or holds something else than the known forms.',
    'Write `${VAR}`, `${VAR:-default}`, `${VAR:?message}` or `${file:/path}`; a dollar sign itself before a brace is `$$`.',
    'state_dir: "${HOME"',
  ),
  unset_variable: error(
    'An environment variable without a default is not set.',
    'Set it for the process that runs the proxy, or give it a default: `${VAR:-default}`.',
    'state_dir: ${STATE_DIR}',
  ),
  invalid_variable: warning(
    'A variable of OpenTelemetry has a value that can not be used, and counts as not set.',
    'Correct it: the help says what the variable may hold. `tracing: false` leaves all of them out.',
    'tracing: { endpoint: "http://127.0.0.1:4318" }',
    { OTEL_TRACES_SAMPLER: 'always' },
  ),
  unused_key: warning(
    'A key means nothing beside the others.',
    'Leave it out, or change what makes it useless.',
    'store: { kind: memory, path: /var/lib/outrider }',
  ),

  conflicting_keys: error(
    'Two keys exclude each other.',
    'Remove one of them, as the help says.',
    'listen: { access_tokens: [abc] }\ncallers: [{ name: shop, token: def, routes: "*" }]\nadmin: false',
  ),

  // Listening
  unsafe_bind: error(
    'Callers from other machines would be let in without a token, and spend your credentials.',
    'Give `callers` or `listen.access_tokens`; where something before the proxy keeps others out, `listen.allow_unauthenticated: true`.',
    'listen: { address: 0.0.0.0:8080 }',
  ),
  closed_admin_api: warning(
    'The admin API needs a token and none is set, so nobody can use it.',
    'Give `admin.token`. Health and metrics need none.',
    'admin: { address: 0.0.0.0:8081 }',
  ),
  duplicate_address: error(
    'Both listeners have the same address.',
    'Give `admin.address` or `listen.address` another port.',
    'admin: { address: 127.0.0.1:8080 }',
  ),

  // Callers
  duplicate_identity: error(
    'Two callers show the same token or certificate.',
    'Give each caller a token or certificate of its own.',
    'callers:\n  - { name: a, token: abc, routes: "*" }\n  - { name: b, token: abc, routes: "*" }\nadmin: false',
  ),
  unknown_route: error(
    'No route has a name that a caller lists.',
    'Correct the name; without `name` a route is called like its provider.',
    'callers: [{ name: shop, token: abc, routes: [nowhere] }]\nadmin: false',
  ),
  unused_route: warning(
    'No caller may make any request of a route.',
    'Add it to the `routes` of a caller, or remove it.',
    'callers: [{ name: shop, token: abc }]\nadmin: false',
  ),

  // Providers
  unknown_profile: error(
    'No profile has that name.',
    'Correct the name, or write the profile below `profiles`.',
    'providers: { p: { profile: bearr } }',
  ),
  unknown_environment: error(
    'The profile has no such environment.',
    'Choose one of those that the help names; leave `environment` out where there are none.',
    'providers: { p: { profile: bearer, environment: sandbox, credentials: { token: abc } } }',
  ),
  missing_environment: error(
    'The profile has environments and none is chosen.',
    'Add `environment`, with one of those that the help names.',
    'profiles: { mine: { extends: bearer, environments: { test: {}, live: {} } } }\nproviders: { p: { profile: mine, credentials: { token: abc } } }',
  ),
  unknown_credential: error(
    'The profile declares no such credential.',
    'Correct the name; the help names those that there are.',
    'providers: { p: { profile: bearer, credentials: { token: a, username: b } } }',
  ),
  missing_credential: error(
    'A credential that the profile needs is not there.',
    'Add it below `credentials` of the provider.',
    'providers: { p: { profile: basic, credentials: { username: shop } } }',
  ),
  empty_secret: error(
    'A credential or an access token is empty.',
    'Set the variable or fill the file that it comes from.',
    'providers: { p: { profile: bearer, credentials: { token: "${TOKEN:-}" } } }',
  ),
  suspicious_secret: warning(
    'A credential has white space at an end, or a control character: mostly a slip of copying.',
    'Write it without; where the provider really gave it so, there is nothing to do.',
    'providers: { p: { profile: bearer, credentials: { token: "abc " } } }',
  ),
  bad_key: error(
    'A key can not be read, is of another kind than its algorithm takes, or is not that of its certificate.',
    'Give the whole key, from its first line to its last, of the kind that the message names; `${file:…}` is the easiest way.',
    'providers: { p: { profile: jwt-bearer, credentials: { issuer: a, private_key: "not a key" }, endpoints: { token: "https://id.example/token" } } }',
  ),
  weak_key: warning(
    'An RSA key has less than 2048 bits.',
    'Make a new one, and give the provider its public half.',
    `providers: { p: { profile: jwt-bearer, credentials: { issuer: a, private_key: "${SHORT_KEY}" }, endpoints: { token: "https://id.example/token" } } }`,
  ),
  missing_endpoint: error(
    'The profile needs a URL that neither its environment nor `endpoints` gives.',
    'Add it below `endpoints` of the provider.',
    'providers: { p: { profile: oauth2, credentials: { client_id: a, client_secret: b } } }',
  ),
  scope_too_many: error(
    'There are more scopes than the provider takes in one token.',
    'Take some away, or make a second provider with the others.',
    scoped('{ max: 1 }', '[read, write]'),
  ),
  unknown_scope: warning(
    'The profile does not know a scope.',
    'Correct its spelling; a scope that is newer than the profile is asked for all the same.',
    scoped('{ known: [read, write] }', '[raed]'),
  ),

  // Certificates
  bad_certificate: error(
    'A certificate of a `tls` section can not be used: it is not PEM, it is broken or too weak, or a CA is none.',
    'Give the text of a certificate in PEM, mostly by `${file:…}`.',
    withTls('ca: /etc/bank/ca.pem'),
  ),
  expiring_certificate: warning(
    'A certificate has expired, will expire within 14 days, or is not valid yet.',
    'Replace it, a certificate of yours together with its key: the files are watched, so no restart is needed.',
    withTls(`ca: |\n        ${EXPIRED_CA}`),
  ),

  // Routes
  unknown_provider: error(
    'No provider has that name.',
    'Correct the name, or add the provider below `providers`.',
    'routes: [{ match: { path: /p }, provider: shop }]',
  ),
  missing_upstream: error(
    'Neither the route nor its provider says where requests go.',
    'Give the route an `upstream`, or the provider `endpoints.api`.',
    'routes: [{ match: { path: /p } }]',
  ),
  simulator_remote_upstream: warning(
    'What the simulator gives out would go to another machine, where it is worth nothing.',
    "Leave the route's `upstream` out, or choose a real `environment`.",
    'providers: { p: { profile: phonepe, environment: simulator } }\nroutes: [{ match: { path: /p }, provider: p, upstream: "https://api.phonepe.com/apis/pg" }]',
  ),
  duplicate_name: error(
    'Two routes, or two callers, have the same name.',
    'Give one of them another `name`.',
    'routes:\n  - { name: a, match: { path: /a }, upstream: "https://api.example" }\n  - { name: a, match: { path: /b }, upstream: "https://api.example" }',
  ),
  duplicate_route: error(
    'Two routes match the same requests, so they can not be told apart.',
    'Remove one, or let them differ in `match`.',
    'routes:\n  - { name: a, match: { path: /a }, upstream: "https://a.example" }\n  - { name: b, match: { path: /a }, upstream: "https://b.example" }',
  ),
  unreachable_route: error(
    'A route can never win, as earlier ones match all that it matches.',
    'Put it before them, or make its `match` narrower.',
    'routes:\n  - { name: a, match: { path: /a, methods: [GET, POST] }, upstream: "https://a.example" }\n  - { name: b, match: { path: /a, methods: [POST] }, upstream: "https://b.example" }',
  ),
  shadowed_upstream: warning(
    'A route never wins at the forward doors, as others lead to the same upstream or below it.',
    'Let the routes differ in `methods` or `headers`, or in the paths of their upstreams.',
    'forward: { mode: plain }\nroutes:\n  - { name: a, match: { path: /a }, upstream: "https://api.example" }\n  - { name: b, match: { path: /b }, upstream: "https://api.example" }',
  ),
  unreachable_path: error(
    'No request that is let in can have the path that a route matches.',
    'Leave `.` and `..` out of it, percent-encoded ones too.',
    'routes: [{ match: { path: /a/../b }, upstream: "https://api.example" }]',
  ),
  signs_with_a_token: error(
    'A route with `answer: signed` would hand out a token, a password or a key: its profile puts it on as it is.',
    'Use `answer: signed` with a profile that only signs.',
    `providers: { p: { profile: bearer, credentials: { token: secret-1 } } }
routes: [{ match: { path: /sign }, provider: p, upstream: "https://api.example", answer: signed }]`,
  ),
  no_routes: warning('There is no route at all.', 'Add one below `routes`.', 'routes: []'),

  // Profiles
  profile_cycle: error(
    'Profiles extend each other in a circle.',
    'Let one of them extend a built-in profile, or nothing.',
    'profiles: { mine: { extends: mine } }',
  ),
  secret_argument: error(
    'A secret stands in the arguments of `token.command`, where every user of the machine can see it.',
    'Hand it to the program by `token.env`, or let it read a file.',
    'profiles: { mine: { credentials: { key: { secret: true } }, token: { command: [get-token, "{{credentials.key}}"] } } }',
  ),
  template_syntax: error(
    'A `{{…}}` can not be read.',
    'Write `{{name}}` or `{{name | filter}}`; the bytes of a digest want `| hex` or `| base64` behind them.',
    'profiles: { mine: { inject: { headers: { x-id: "{{uuid" } } } }',
  ),
  unknown_template_name: error(
    'A template names something that does not exist, or not there.',
    'Correct the name: the help names those that there are.',
    'profiles: { mine: { inject: { headers: { x-id: "{{uid}}" } } } }',
  ),
  unknown_filter: error(
    'A template uses a filter that does not exist.',
    'Correct the name: the help names those that there are.',
    'profiles: { mine: { inject: { headers: { x-id: "{{uuid | base46}}" } } } }',
  ),
  template_cycle: error(
    'Values or credentials name each other in a circle.',
    'Let one of them be a plain text.',
    'profiles: { mine: { values: { a: "{{values.b}}", b: "{{values.a}}" } } }',
  ),
} as const satisfies Readonly<Record<string, CodeEntry>>;

export type DiagnosticCode = keyof typeof CODES;
