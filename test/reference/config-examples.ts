/** What each section of the config may look like: together they show every key. */
export const CONFIG_EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  version: ['version: 1'],
  listen: [
    `# For other machines, each caller with a token
listen:
  address: 0.0.0.0:8080
  access_tokens: ["\${file:/run/secrets/access_token}"]
  allowed_hosts: [outrider.internal.example]
  allowed_origins: ["https://shop.example"]
admin: { token: "\${file:/run/secrets/admin_token}" }`,
    `# A Unix socket that one group may use
listen:
  address: unix:/run/outrider/proxy.sock
  socket_mode: "0660"
  socket_group: payments`,
    `# In TLS, with certificates of callers
listen:
  address: 0.0.0.0:8443
  tls:
    certificate: \${file:/run/secrets/tls_certificate}
    key: \${file:/run/secrets/tls_key}
    client_ca: \${file:/run/secrets/callers_ca}
callers:
  - { name: shop, certificate: { uri: "spiffe://acme/shop" }, routes: "*" }
admin: { token: "\${file:/run/secrets/admin_token}" }`,
    `# For other machines, where something else keeps strangers out
listen: { address: "0.0.0.0:8080", allow_unauthenticated: true }`,
  ],
  admin: [
    `admin:
  address: 0.0.0.0:8081
  token: \${file:/run/secrets/admin_token}`,
    'admin: false',
  ],
  callers: [
    `# A shop that pays, and reports that read
callers:
  - name: shop
    tokens: ["\${file:/run/secrets/shop_token}", "\${file:/run/secrets/old_shop_token}"]
    routes: [phonepe]
    methods: [GET, POST]
    paths: ["/phonepe/checkout/v2/*"]
    rate: 50/s
    concurrent: 20
  - name: reports
    token: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    routes: "*"
    methods: [GET]
    rate: 100/m
    expires: 2030-01-31T00:00:00Z
providers:
  phonepe: { profile: phonepe, environment: simulator }
routes:
  - { match: { path: /phonepe }, provider: phonepe }
admin: { token: "\${file:/run/secrets/admin_token}" }`,
    `# Known by one name of a client certificate
listen:
  tls:
    certificate: \${file:/run/secrets/tls_certificate}
    key: \${file:/run/secrets/tls_key}
    client_ca: \${file:/run/secrets/callers_ca}
callers:
  - { name: shop, certificate: { uri: "spiffe://acme/shop" }, routes: "*" }
  - { name: reports, certificate: { dns: reports.internal.example }, routes: "*" }
  - { name: batch, certificate: { cn: batch-1 }, routes: "*" }
admin: { token: "\${file:/run/secrets/admin_token}" }`,
  ],
  forward: [
    `# HTTPS_PROXY leads here; what no route names goes on untouched
forward: { mode: intercept, unmatched: tunnel }`,
  ],
  store: [
    `# Processes of one machine
store:
  kind: file
  path: /var/lib/outrider/tokens`,
    `# Replicas, encrypted at rest, in the midst of a change of keys
store:
  kind: redis
  url: rediss://redis.internal.example:6379/0
  username: outrider
  password: \${file:/run/secrets/redis_password}
  prefix: "outrider:payments:"
  lease: 20s
  encryption_key: \${STORE_KEY}
  old_encryption_keys: ["\${OLD_STORE_KEY}"]`,
  ],
  state_dir: ['state_dir: /var/lib/outrider/state'],
  timeouts: [
    `# A provider that takes its time, and a pod that has 60 s to end
timeouts:
  connect: 3s
  response: 120s
  idle: 30s
  connection_age: 1m
  keep_alive: 75s
  caller: 2m
  token: 5s
  lame_duck: 5s
  drain: 45s`,
  ],
  limits: [
    `limits:
  header_bytes: 32KiB
  headers: 100
  url_bytes: 16KiB
  answer_header_bytes: 128KiB
  connections: 2000
  waiting: 500
  signed_body: 4MiB
  body_memory: 64MiB`,
  ],
  replay: [
    `# Large uploads, kept on a volume of their own
replay:
  memory: 256KiB
  spool: 512MiB
  spool_total: 8GiB
  dir: /var/spool/outrider`,
  ],
  scrub: [
    `# Answers that can not be searched for the secrets in their requests are refused, but on one route
scrub: strict
providers:
  acme: { profile: bearer, credentials: { token: "\${ACME_TOKEN}" } }
routes:
  - { match: { path: /acme }, provider: acme, upstream: "https://api.acme.example" }
  - { name: keys, match: { path: /acme/keys }, provider: acme, upstream: "https://api.acme.example/keys", scrub: off }`,
  ],
  log: ['log: { level: warn, format: json, access: false }'],
  tracing: [
    `# A tenth of the traces that begin here, to a collector that wants a key
tracing:
  endpoint: https://otlp.example:4318
  sample: 0.1
  headers: { x-api-key: "\${file:/run/secrets/collector_key}" }`,
    '# Whatever the environment says\ntracing: false',
  ],
  audit: [
    `# Lines that nobody without the key can write anew, each on the disk before its answer is complete
audit:
  path: /var/lib/outrider/audit.jsonl
  key: \${file:/run/secrets/audit_key}
  sync: always`,
  ],
  profiles: [
    `# A built-in profile with one detail changed
profiles:
  bearer-key:
    extends: bearer
    inject:
      headers: { x-api-version: "2026-01-01" }
providers:
  acme: { profile: bearer-key, credentials: { token: "\${ACME_TOKEN}" } }
routes:
  - { match: { path: /acme }, provider: acme, upstream: "https://api.acme.example" }`,
  ],
  providers: [
    `providers:
  identity:
    profile: oauth2
    credentials:
      client_id: shop-1
      client_secret: \${file:/run/secrets/client_secret}
    endpoints:
      token: https://id.example/oauth/token
      api: https://api.example/v1
    scope: [payments, refunds]
    renew: { on_status: [401, 403], ahead: 2m, cooldown: 10s }
    placeholder: false
  phonepe:
    profile: phonepe
    environment: simulator
routes:
  - { match: { path: /identity }, provider: identity }
  - { match: { path: /phonepe }, provider: phonepe }`,
    `# Mutual TLS with a bank that has a CA of its own, and another certificate for its token endpoint
providers:
  bank:
    profile: oauth2
    credentials: { client_id: shop-1, client_secret: "\${file:/run/secrets/client_secret}" }
    endpoints: { token: "https://id.bank.example/oauth/token", api: "https://api.bank.example" }
    tls:
      certificate: \${file:/run/secrets/bank.pem}
      key: \${file:/run/secrets/bank.key}
      passphrase: \${file:/run/secrets/passphrase}
      ca: \${file:/run/secrets/bank-ca.pem}
      server_name: gateway.bank.example
    token:
      tls:
        certificate: \${file:/run/secrets/identity.pem}
        key: \${file:/run/secrets/identity.key}
        passphrase: \${file:/run/secrets/passphrase}
        ca: \${file:/run/secrets/bank-ca.pem}
        server_name: id.bank.example
routes:
  - { match: { path: /bank }, provider: bank }`,
    `# Tokens that a program gives
profiles:
  vault:
    credentials: { role: {}, secret_id: { secret: true } }
    token:
      command: [/usr/local/bin/vault-token, --role, "{{credentials.role}}"]
      env: { VAULT_SECRET_ID: "{{credentials.secret_id}}" }
      timeout: 5s
      read: { access_token: /auth/client_token, expiry: [{ in: /auth/lease_duration }] }
    inject: { headers: { authorization: "Bearer {{token.access_token}}" } }
providers:
  internal: { profile: vault, credentials: { role: shop, secret_id: "\${file:/run/secrets/secret_id}" } }
routes:
  - { match: { path: /internal }, provider: internal, upstream: "https://api.internal.example" }`,
    `# Rejections that a header or the body tells
providers:
  acme:
    profile: oauth2
    credentials: { client_id: shop-1, client_secret: "\${file:/run/secrets/client_secret}" }
    endpoints: { token: "https://id.example/oauth/token" }
    renew:
      on_header: [{ status: 400, name: www-authenticate, contains: invalid_token }]
      on_body:
        - { status: 200, pointer: /error/code, equals: [E_TOKEN, 1007] }
        - { status: 400, all: [{ pointer: /error/type, equals: [auth] }, { pointer: /error/reason, equals: [expired] }] }
routes:
  - { match: { path: /acme }, provider: acme, upstream: "https://api.example" }`,
  ],
  routes: [
    `# One provider, two tenants; payments are never sent twice, reports may take long
providers:
  acme: { profile: bearer, credentials: { token: "\${ACME_TOKEN}" } }
routes:
  - name: payments
    match:
      path: /payments
      methods: [POST]
      hosts: [acme.localhost]
      headers: { x-tenant: acme }
    provider: acme
    upstream: https://api.example/v1/payments
    strip_prefix: true
    headers:
      set: { x-channel: web }
      remove: [cookie]
    replay: false
  - name: reports
    match: { path: /reports }
    provider: acme
    upstream: https://api.example/v1
    timeouts: { connect: 2s, response: 5m, idle: 2m }
    replay: { memory: 64KiB, spool: 1MiB }
  - name: events
    match: { path: /events }
    upstream: https://events.example
    websocket: true`,
    `# The fields of a payment form with its hash, for the browser to post
providers:
  payu: { profile: payu-payment, environment: production, credentials: { key: "\${PAYU_KEY}", salt: "\${PAYU_SALT}" } }
routes:
  - { match: { path: /sign/payu-payment }, provider: payu, answer: signed }`,
  ],
  callbacks_listen: [
    `# Where providers reach it; nothing but callbacks is served there
providers:
  phonepe:
    profile: phonepe-x-verify
    environment: production
    credentials: { merchant_id: SHOP, salt_key: "\${file:/run/secrets/salt_key}", salt_index: 2 }
    old_credentials: [{ salt_key: "\${file:/run/secrets/old_salt_key}", salt_index: 1 }]
callbacks_listen:
  address: 0.0.0.0:8090
  tls: { certificate: "\${file:/run/secrets/tls_certificate}", key: "\${file:/run/secrets/tls_key}" }
callbacks:
  - { match: { path: /callbacks/phonepe }, verify: phonepe, forward: "http://127.0.0.1:3000/hooks/phonepe" }`,
  ],
  callbacks: [
    `# Server-to-server callbacks; one that was delivered before is answered here
providers:
  payu: { profile: payu-payment, environment: production, credentials: { key: "\${PAYU_KEY}", salt: "\${PAYU_SALT}" } }
callbacks_listen: { address: 127.0.0.1:8090 }
callbacks:
  - name: payu-server
    match: { path: /callbacks/payu }
    verify: payu
    forward: http://shop.internal.example:3000/hooks/payu
    timeout: 10s
    window: 72h
    duplicates: answer`,
  ],
};

/** Keys of a profile that neither a built-in one nor the page about profiles uses in short. */
export const PROFILE_EXAMPLE = `
credentials: { merchant_id: {}, store_id: { optional: true }, provider_key: { format: pem, optional: true }, signing_key: { secret: true, format: pem, optional: true } }
token:
  fetch:
    url: "{{endpoints.token}}"
    sign: [{ text: "{{request.body}}", algorithm: sha256, set: { header: x-sign } }]
  read:
    access_token: { pointer: /data/token, default: anonymous }
    token_type: { default: Bearer }
inject:
  json: { merchantId: "{{credentials.merchant_id}}" }
sign:
  - { text: "{{request.body}}", algorithm: sha256, set: { json: hash } }
  - when: { methods: [PUT] }
    signer: aws-sigv4
    region: eu-central-1
    service: s3
    access_key_id: AKIDEXAMPLE
    secret_access_key: "{{credentials.merchant_id}}"
    payload: unsigned
  - when: { methods: [POST] }
    signer: http-message-signature
    components: ["@method", content-digest]
    key: "{{credentials.merchant_id}}"
    algorithm: hmac-sha256
    label: pay
    digest: sha-512
  - when: { methods: [GET] }
    signer: oauth1
    consumer_key: "{{credentials.merchant_id}}"
    signature_method: RSA-SHA256
    key: "{{credentials.signing_key}}"
    body_hash: true
verify:
  - body: { unwrap: base64, field: data }
    parts: { of: x-signature, separator: ",", pair: "=" }
    text: "{{inner.id}}{{parts.t}}"
    algorithm: sha256
    equals: [{ query: s, value: "{{signature}}" }, { part: v1 }]
    timestamp: { part: t, unit: iso, tolerance: 1m }
    require: [{ header: x-merchant, equals: "{{credentials.merchant_id}}" }]
    id: "{{inner.id}}"
  - text: "{{request.query}}{{request.form.at}}"
    algorithm: sha1
    equals: { query: s }
    timestamp: { form: at }
    require: [{ query: to, equals: "{{credentials.merchant_id}}" }, { part: to, equals: shop }]
    parts: { of: x-parts, separator: ",", pair: "=" }
  - { text: "{{request.query}}", algorithm: sha1, equals: { query: s }, timestamp: { query: at } }
  - { text: "{{request.json.at}}", algorithm: sha1, equals: { query: s }, timestamp: { json: at } }
  - { text: "{{request.body}}", algorithm: ecdsa-p256-sha256, key: "{{credentials.provider_key}}", form: der, equals: { query: s } }
jwt:
  proof: { algorithm: HS256, key: "{{credentials.merchant_id}}", claims: { sub: "{{uuid}}" } }
`;
