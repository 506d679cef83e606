import { createHash, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { CODES, type DiagnosticCode } from '../../src/config/diagnostics/codes.ts';
import { loadExample } from '../../src/config/example.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { marked, parse, problems } from './helpers.ts';

interface Case {
  readonly code: DiagnosticCode;
  readonly title: string;
  /** What is pointed at stands in « ». */
  readonly source: string;
  readonly path: string;
  readonly help?: RegExp;
}

const PROVIDER = (lines: string): string =>
  `providers:\n  p:\n${lines.replaceAll(/^/gm, '    ')}\nroutes:\n  - match: { path: /p }\n    provider: p\n    upstream: http://127.0.0.1:1\n`;
const PROFILE = (lines: string): string =>
  `profiles:\n  mine:\n${lines.replaceAll(/^/gm, '    ')}\nroutes: [{ match: { path: /p }, upstream: "http://127.0.0.1:1" }]\n`;
const ROUTES = (lines: string): string =>
  `providers:\n  p: { profile: bearer, credentials: { token: abc } }\nroutes:\n${lines.replaceAll(/^/gm, '  ')}\n`;

/** A provider that verifies callbacks. */
const HOOK =
  'providers: { p: { profile: payu-payment, environment: test, credentials: { key: k, salt: secret-1 } } }\n';
/** The beginning of an entry of `verify` that covers the body. */
const VERIFY = 'verify: [{ text: "{{request.body}}", algorithm: sha256, equals: { header: x }';

/** The expired certificate of the example, on one line. */
const EXPIRED = JSON.stringify(
  /-----BEGIN[^]*-----END CERTIFICATE-----/.exec(CODES.expiring_certificate.example ?? '')?.[0].replaceAll(/^ +/gm, ''),
);
const TLS = (lines: string): string =>
  PROVIDER(`profile: bearer\ncredentials: { token: abc }\ntls:\n${lines.replaceAll(/^/gm, '  ')}`);
const ROUTE_A = 'routes: [{ name: a, match: { path: /a }, upstream: "http://h" }]\n';
/** A PEM as the value of a key of `listen.tls`. */
const block = (text: string): string => (text.includes('\n') ? `|\n      ${text.replaceAll('\n', '\n      ')}` : text);
const tls = (certificate: string, key: string): string =>
  `listen:\n  tls:\n    certificate: ${block(certificate)}\n    key: ${block(key)}\n${ROUTE_A}`;
/** A config with these callers. `TLS` in `more` stands for one that takes certificates. */
const callers = (entries: string, more = ''): string =>
  `callers:\n${entries}\nadmin: false\n${more.replace('TLS', JSON.stringify({ certificate: CERTIFICATE, key: CERTIFICATE_KEY, client_ca: CERTIFICATE }))}\n${ROUTE_A}`;
const RSA_1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
  format: 'pem',
  type: 'pkcs8',
});

const CASES: readonly Case[] = [
  {
    code: 'bad_certificate',
    title: 'the path of a file in place of its text',
    source: TLS('ca: «/etc/bank/ca.pem»'),
    path: 'providers.p.tls.ca',
    help: /\$\{file:/,
  },
  {
    code: 'bad_key',
    title: 'the path of a file in place of its text',
    source: TLS(`key: «/etc/bank/shop.key»\ncertificate: ${EXPIRED}`),
    path: 'providers.p.tls.key',
    help: /\$\{file:/,
  },
  {
    code: 'secret_argument',
    title: 'a secret credential in an argument, through a value',
    source: PROFILE(
      'credentials: { key: { secret: true } }\nvalues: { all: "k={{credentials.key}}" }\ntoken: { command: [get-token, «"{{values.all}}"»] }',
    ),
    path: 'profiles.mine.token.command[1]',
    help: /`env`/,
  },
  {
    code: 'expiring_certificate',
    title: 'an authority whose certificate has expired',
    source: TLS(`ca: «${EXPIRED}»`),
    path: 'providers.p.tls.ca',
  },
  { code: 'yaml_syntax', title: 'a value with a colon', source: 'version: 1\nadmin: «a»: b\n', path: '' },
  {
    code: 'yaml_syntax',
    title: 'a reference in a flow list',
    source: 'listen:\n  access_tokens: [«${T}»]\n',
    path: '',
    help: /in quotes/,
  },
  {
    code: 'yaml_syntax',
    title: 'a template at the beginning of a value',
    source: PROFILE('inject:\n  headers:\n    authorization: «{{token.token_type}}» {{token.access_token}}'),
    path: '',
    help: /in quotes: "\{\{name\}\}"/,
  },
  {
    code: 'yaml_syntax',
    title: 'a tag',
    source: 'version: «!foo» 1\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: '',
  },
  {
    code: 'yaml_syntax',
    title: 'an alias of nothing',
    source: 'version: «*v»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'version',
  },
  {
    code: 'yaml_syntax',
    title: 'a key that is a list',
    source: '? «[a]»\n: b\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: '',
  },
  {
    code: 'multiple_documents',
    title: 'two documents',
    source: 'version: 1\n«---»\nversion: 1\n',
    path: '',
    help: /remove/,
  },
  {
    code: 'duplicate_key',
    title: 'a key twice',
    source: PROVIDER('profile: bearer\n«profile»: basic\ncredentials: { token: a }'),
    path: 'providers.p.profile',
    help: /remove one/,
  },
  {
    code: 'duplicate_key',
    title: 'one header in two spellings',
    source: ROUTES('- match: { path: /p, headers: { a: b, «A»: c } }\n  provider: p\n  upstream: http://h'),
    path: 'routes[0].match.headers.A',
  },
  {
    code: 'too_many_aliases',
    title: 'an alias inside of itself',
    source: 'profiles: &a\n  b: «*a»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'profiles.b',
  },

  {
    code: 'unknown_key',
    title: 'a misspelt key',
    source: 'listen:\n  «adress»: 127.0.0.1:1\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'listen.adress',
    help: /^did you mean "address"\? Known keys: access_tokens, address, /,
  },
  {
    code: 'unknown_key',
    title: 'an endpoint that the profile has not',
    source: PROVIDER(
      'profile: oauth2\ncredentials: { client_id: a, client_secret: b }\nendpoints: { token: "http://h", «tokn»: "http://h" }',
    ),
    path: 'providers.p.endpoints.tokn',
    help: /did you mean "token"/,
  },
  {
    code: 'missing_key',
    title: 'a provider without a profile',
    source: 'providers:\n  «p»:\n    credentials: {}\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'providers.p.profile',
    help: /add `profile:`/,
  },
  {
    code: 'missing_key',
    title: 'a route without a path',
    source: ROUTES('- «provider»: p\n  upstream: http://h'),
    path: 'routes[0].match.path',
  },
  {
    code: 'missing_key',
    title: 'a token without the address of its endpoint',
    source: PROFILE('token:\n  «fetch»: { form: { a: b } }'),
    path: 'profiles.mine.token.fetch',
  },
  {
    code: 'missing_key',
    title: 'an HMAC without its key',
    source: PROFILE('sign:\n  - text: a\n    algorithm: «hmac-sha256»\n    set: { header: x }'),
    path: 'profiles.mine.sign[0].algorithm',
  },
  {
    code: 'invalid_type',
    title: 'a text in place of a map',
    source: 'listen: «8080»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'listen',
  },
  { code: 'invalid_type', title: 'a map in place of a list', source: '«routes»: { a: b }\n', path: 'routes' },
  {
    code: 'invalid_type',
    title: 'a list in place of a text',
    source: PROVIDER('«profile»: [bearer]\ncredentials: { token: a }'),
    path: 'providers.p.profile',
  },
  { code: 'invalid_type', title: 'a file that is a list', source: '«-» a\n- b\n', path: '' },
  {
    code: 'invalid_value',
    title: 'a number without a unit',
    source: 'timeouts: { connect: «5» }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'timeouts.connect',
    help: /10s/,
  },
  {
    code: 'invalid_value',
    title: 'a size in decimal units',
    source: 'replay:\n  spool: «64MB»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'replay.spool',
    help: /64KiB/,
  },
  {
    code: 'unreachable_path',
    title: 'a path with a dot segment',
    source: ROUTES('- match: { path: «/a/%2E%2e/b» }\n  provider: p\n  upstream: http://h'),
    path: 'routes[0].match.path',
    help: /percent-encoded/,
  },
  {
    code: 'invalid_value',
    title: 'a header of the connection',
    source: ROUTES(
      '- match: { path: /p }\n  provider: p\n  upstream: http://h\n  headers: { set: { Content-Length: «1» } }',
    ),
    path: 'routes[0].headers.set.Content-Length',
  },
  {
    code: 'invalid_value',
    title: 'an unknown version',
    source: 'version: «2»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'version',
  },
  {
    code: 'invalid_value',
    title: 'a credential that no header can hold',
    source: PROVIDER('profile: bearer\ncredentials: { token: «"abc\\ndef"» }'),
    path: 'providers.p.credentials.token',
    help: /one line/,
  },
  {
    code: 'bad_interpolation',
    title: 'a reference that is never closed',
    source: 'state_dir: «"${HOME"»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'state_dir',
  },
  {
    code: 'unset_variable',
    title: 'a variable that is not set',
    source: 'state_dir: «${STATE}/x»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'state_dir',
    help: /\$\{STATE:-…\}/,
  },
  {
    code: 'unreadable_file',
    title: 'a secret file that is not there',
    source: PROVIDER('profile: bearer\ncredentials:\n  token: «${file:/nowhere/at/all}»'),
    path: 'providers.p.credentials.token',
  },
  {
    code: 'unused_key',
    title: 'a key of another kind of store',
    source:
      'store:\n  encryption_key: «AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'store.encryption_key',
    help: /another `kind`/,
  },
  {
    code: 'unused_key',
    title: 'a renewal where no token is got',
    source: PROVIDER('profile: bearer\ncredentials: { token: abc }\n«renew»: { on_status: [401] }'),
    path: 'providers.p.renew',
  },
  {
    code: 'unused_key',
    title: 'WebSocket on a route without GET',
    source: ROUTES('- match: { path: /p, methods: [POST] }\n  provider: p\n  upstream: http://h\n  websocket: «true»'),
    path: 'routes[0].websocket',
    help: /add GET/,
  },
  {
    code: 'invalid_value',
    title: 'the case of a signature in base64',
    source: PROFILE(
      'sign:\n  - text: a\n    algorithm: sha256\n    encode: base64\n    case: «upper»\n    set: { header: x }',
    ),
    path: 'profiles.mine.sign[0].case',
  },

  {
    code: 'unsafe_bind',
    title: 'listening on every address',
    source: 'listen:\n  address: «0.0.0.0:8080»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'listen.address',
    help: /access_tokens/,
  },
  {
    code: 'unsafe_bind',
    title: 'listening on every IPv6 address',
    source: 'listen:\n  address: «"[::]:8080"»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'listen.address',
  },
  {
    code: 'closed_admin_api',
    title: 'an admin address for everybody, and no token',
    source: 'admin: { address: «0.0.0.0:8081» }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'admin.address',
    help: /admin\.token/,
  },
  {
    code: 'closed_admin_api',
    title: 'access tokens for callers, and none for the admin API',
    source:
      'admin: { address: «127.0.0.1:8081» }\nlisten: { access_tokens: [abcdefgh] }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'admin.address',
    help: /admin\.token/,
  },
  {
    code: 'duplicate_address',
    title: 'one address for two listeners',
    source: 'admin: { address: «127.0.0.1:8080» }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'admin.address',
  },
  {
    code: 'duplicate_address',
    title: 'the address that the admin has when nothing is said',
    source: 'listen: { address: «127.0.0.1:8081» }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'listen.address',
  },

  {
    code: 'unknown_profile',
    title: 'a misspelt profile',
    source: PROVIDER('profile: «phonpe»\nenvironment: sandbox'),
    path: 'providers.p.profile',
    help: /^did you mean "phonepe"\? Known profiles: aws, basic, bearer, /,
  },
  {
    code: 'unknown_profile',
    title: 'an unknown profile to extend',
    source: PROFILE('extends: «pincod»'),
    path: 'profiles.mine.extends',
    help: /did you mean "pincode"/,
  },
  {
    code: 'unknown_environment',
    title: 'a misspelt environment',
    source: PROVIDER('profile: phonepe\nenvironment: «sandbx»\ncredentials: { client_id: a, client_secret: b }'),
    path: 'providers.p.environment',
    help: /did you mean "sandbox"/,
  },
  {
    code: 'unknown_environment',
    title: 'an environment where there are none',
    source: PROVIDER('profile: bearer\nenvironment: «simulator»\ncredentials: { token: a }'),
    path: 'providers.p.environment',
    help: /leave/,
  },
  {
    code: 'missing_environment',
    title: 'no environment chosen',
    source:
      'providers:\n  «p»: { profile: phonepe, credentials: { client_id: a, client_secret: b } }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'providers.p.environment',
    help: /production, sandbox|simulator, sandbox, production/,
  },
  {
    code: 'unknown_credential',
    title: 'a credential that nobody asked for',
    source: PROVIDER('profile: bearer\ncredentials:\n  token: a\n  «tokne»: b'),
    path: 'providers.p.credentials.tokne',
    help: /did you mean "token"/,
  },
  {
    code: 'missing_credential',
    title: 'a credential left out',
    source: PROVIDER('profile: basic\n«credentials»: { username: a }'),
    path: 'providers.p.credentials.password',
  },
  {
    code: 'missing_credential',
    title: 'a default that holds in another environment',
    source: PROVIDER('profile: phonepe\nenvironment: production\n«credentials»: { client_id: a, client_secret: b }'),
    path: 'providers.p.credentials.client_version',
  },
  {
    code: 'empty_secret',
    title: 'a credential without text',
    source: PROVIDER('profile: bearer\ncredentials: { token: «""» }'),
    path: 'providers.p.credentials.token',
  },
  {
    code: 'empty_secret',
    title: 'a credential whose variable is empty',
    source: PROVIDER('profile: bearer\ncredentials:\n  token: «${TOKEN:-}»'),
    path: 'providers.p.credentials.token',
    help: /set TOKEN/,
  },
  {
    code: 'empty_secret',
    title: 'an access token without text',
    source: 'listen:\n  access_tokens:\n    - «""»\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n',
    path: 'listen.access_tokens[0]',
  },
  {
    code: 'empty_secret',
    title: 'a credential that may be empty and was forgotten',
    source: PROVIDER('profile: basic\ncredentials:\n  username: a\n  password: «~»'),
    path: 'providers.p.credentials.password',
  },
  {
    code: 'bad_key',
    title: 'a private key that is none',
    source: PROVIDER(
      'profile: jwt-bearer\ncredentials: { issuer: a, private_key: «"no key at all"» }\nendpoints: { token: "https://id.example" }',
    ),
    path: 'providers.p.credentials.private_key',
    help: /\$\{file:/,
  },
  {
    code: 'weak_key',
    title: 'a short RSA key',
    source: PROVIDER(
      `profile: jwt-bearer\ncredentials: { issuer: a, private_key: «${JSON.stringify(RSA_1024)}» }\nendpoints: { token: "https://id.example" }`,
    ),
    path: 'providers.p.credentials.private_key',
    help: /2048 bits/,
  },
  {
    code: 'suspicious_secret',
    title: 'a credential with a blank at its end',
    source: PROVIDER('profile: bearer\ncredentials: { token: «"abc "» }'),
    path: 'providers.p.credentials.token',
    help: /give it without/,
  },
  {
    code: 'invalid_value',
    title: 'a user name with a colon',
    source: PROVIDER('profile: basic\ncredentials: { username: «"rk_1:x"», password: a }'),
    path: 'providers.p.credentials.username',
    help: /without ":"/,
  },
  {
    code: 'missing_endpoint',
    title: 'a token endpoint that is not known',
    source:
      'providers:\n  «p»: { profile: oauth2, credentials: { client_id: a, client_secret: b } }\nroutes: [{ match: { path: /p }, provider: p, upstream: "http://h" }]\n',
    path: 'providers.p',
    help: /providers\.p\.endpoints\.token/,
  },
  {
    code: 'scope_too_many',
    title: 'more scopes than the provider takes',
    source: PROVIDER(
      'profile: payu-payment-links\nenvironment: simulator\n«scope»: [create_payment_links, update_payment_links, read_payment_links, create_payment_links]',
    ),
    path: 'providers.p.scope',
    help: /at most 3/,
  },
  {
    code: 'unknown_scope',
    title: 'a misspelt scope',
    source: PROVIDER('profile: payu-partner\nenvironment: simulator\nscope: [«refer_merchants»]'),
    path: 'providers.p.scope[0]',
    help: /did you mean "refer_merchant"/,
  },

  {
    code: 'unknown_provider',
    title: 'a misspelt provider',
    source:
      'providers:\n  phonepe: { profile: phonepe, environment: simulator }\nroutes:\n  - { match: { path: /p }, provider: «phonpe» }\n',
    path: 'routes[0].provider',
    help: /did you mean "phonepe"/,
  },
  {
    code: 'missing_upstream',
    title: 'a route that leads nowhere',
    source: 'routes:\n  - «match»: { path: /p }\n',
    path: 'routes[0].upstream',
  },
  {
    code: 'missing_upstream',
    title: 'an API whose address comes by mail',
    source:
      'providers:\n  p: { profile: pincode, environment: staging, credentials: { client_id: a, client_secret: b } }\nroutes:\n  - «match»: { path: /p }\n    provider: p\n',
    path: 'routes[0].upstream',
    help: /providers\.p\.endpoints\.api/,
  },
  {
    code: 'simulator_remote_upstream',
    title: 'a token of the simulator on its way to the provider',
    source:
      'providers:\n  p: { profile: phonepe, environment: simulator }\nroutes:\n  - match: { path: /p }\n    provider: p\n    upstream: «https://api.phonepe.com/apis/pg»\n',
    path: 'routes[0].upstream',
    help: /^leave it out, or choose a real `environment`/,
  },
  {
    code: 'duplicate_name',
    title: 'two routes of one name',
    source: ROUTES(
      '- { name: a, match: { path: /a }, provider: p, upstream: "http://h" }\n- { name: «a», match: { path: /b }, provider: p, upstream: "http://h" }',
    ),
    path: 'routes[1].name',
  },
  {
    code: 'duplicate_route',
    title: 'two routes for the same requests',
    source: ROUTES(
      '- { name: a, match: { path: /a, methods: [GET, POST] }, provider: p, upstream: "http://h" }\n- { name: b, match: { path: «/a», methods: [POST, GET] }, provider: p, upstream: "http://h" }',
    ),
    path: 'routes[1].match.path',
  },
  {
    code: 'unreachable_route',
    title: 'a route behind a wider one',
    source: ROUTES(
      '- { name: a, match: { path: /a, methods: [GET, POST] }, provider: p, upstream: "http://h" }\n- { name: b, match: { path: «/a», methods: [POST] }, provider: p, upstream: "http://h" }',
    ),
    path: 'routes[1].match.path',
  },
  {
    code: 'shadowed_upstream',
    title: 'a second route to one upstream, with forwarding on',
    source:
      'forward: { mode: plain }\nroutes:\n  - { match: { path: /a }, upstream: "http://h" }\n  - { match: { path: /b }, upstream: «"http://h"» }\n',
    path: 'routes[1].upstream',
    help: /`methods` or `headers`/,
  },
  {
    code: 'signs_with_a_token',
    title: 'a route that would hand out a bearer token',
    source:
      'providers: { p: { profile: bearer, credentials: { token: secret-1 } } }\nroutes: [{ match: { path: /sign }, provider: p, upstream: "https://h", answer: «signed» }]\n',
    path: 'routes[0].answer',
    help: /leave `answer` out/,
  },
  {
    code: 'missing_key',
    title: 'callbacks without an address where they come in',
    source: `«callbacks»:\n  - { match: { path: /c }, verify: p, forward: "http://h" }\n${HOOK}`,
    path: 'callbacks_listen',
    help: /callbacks_listen/,
  },
  {
    code: 'invalid_value',
    title: 'a callback of a provider that verifies none',
    source: `callbacks_listen: {}\ncallbacks: [{ match: { path: /c }, verify: «p», forward: "http://h" }]\nproviders: { p: { profile: bearer, credentials: { token: secret-1 } } }\n`,
    path: 'callbacks[0].verify',
    help: /`verify`/,
  },
  {
    code: 'unknown_provider',
    title: 'a callback of no provider',
    source: `callbacks_listen: {}\ncallbacks: [{ match: { path: /c }, verify: «q», forward: "http://h" }]\n${HOOK}`,
    path: 'callbacks[0].verify',
  },
  {
    code: 'missing_credential',
    title: 'a callback whose password is optional and not there',
    source: `callbacks_listen: {}\ncallbacks: [{ match: { path: /c }, verify: «p», forward: "http://h" }]\nproviders: { p: { profile: phonepe, environment: sandbox, credentials: { client_id: a, client_secret: secret-1, webhook_username: u } } }\n`,
    path: 'callbacks[0].verify',
    help: /webhook_password/,
  },
  {
    code: 'duplicate_name',
    title: 'two callbacks of one name',
    source: `callbacks_listen: {}\ncallbacks:\n  - { match: { path: /c }, verify: p, forward: "http://h" }\n  - { «match»: { path: /d }, verify: p, forward: "http://h" }\n${HOOK}`,
    path: 'callbacks[1]',
  },
  {
    code: 'duplicate_route',
    title: 'two callbacks with one path',
    source: `callbacks_listen: {}\ncallbacks:\n  - { match: { path: /c }, verify: p, forward: "http://h" }\n  - { name: d, match: { path: «/c» }, verify: p, forward: "http://h" }\n${HOOK}`,
    path: 'callbacks[1].match.path',
  },
  {
    code: 'duplicate_address',
    title: 'callbacks at the address of the proxy',
    source: `callbacks_listen: { address: «127.0.0.1:8080» }\ncallbacks: [{ match: { path: /c }, verify: p, forward: "http://h" }]\n${HOOK}`,
    path: 'callbacks_listen.address',
  },
  {
    code: 'unused_key',
    title: 'an address for callbacks that there are not',
    source: '«callbacks_listen»: {}\nroutes: [{ match: { path: /a }, upstream: "http://h" }]\n',
    path: 'callbacks_listen',
  },
  {
    code: 'invalid_value',
    title: 'a time that is not signed',
    source: PROFILE(`${VERIFY}, timestamp: { header: «x-time» } }]`),
    path: 'profiles.mine.verify[0].timestamp.header',
    help: /could be replaced/,
  },
  {
    code: 'invalid_value',
    title: 'an id that is not signed',
    source: PROFILE(`${VERIFY}, id: «"{{request.headers.x-id}}"» }]`),
    path: 'profiles.mine.verify[0].id',
    help: /`signature`/,
  },
  {
    code: 'invalid_value',
    title: 'a filter behind the signature that is compared',
    source: PROFILE(
      'verify: [{ text: "{{request.body}}", algorithm: sha256, equals: { header: x, value: «"{{signature | upper}}"» } }]',
    ),
    path: 'profiles.mine.verify[0].equals.value',
    help: /around it/,
  },
  {
    code: 'unknown_template_name',
    title: 'a part of a header that is not split',
    source: PROFILE('verify: [{ text: «"{{parts.t}}"», algorithm: sha256, equals: { header: x } }]'),
    path: 'profiles.mine.verify[0].text',
  },
  { code: 'no_routes', title: 'no route at all', source: '«version»: 1\n', path: 'routes' },

  {
    code: 'profile_cycle',
    title: 'a profile that extends itself',
    source: PROFILE('extends: «mine»'),
    path: 'profiles.mine.extends',
  },
  {
    code: 'template_syntax',
    title: 'braces that are never closed',
    source: PROFILE('inject: { headers: { a: «"{{uuid"» } }'),
    path: 'profiles.mine.inject.headers.a',
  },
  {
    code: 'template_syntax',
    title: 'the bytes of a digest in a header',
    source: PROFILE('inject: { headers: { a: «"{{uuid | sha256}}"» } }'),
    path: 'profiles.mine.inject.headers.a',
    help: /hex/,
  },
  {
    code: 'unknown_template_name',
    title: 'a name that is none',
    source: PROFILE('inject: { headers: { a: «"{{tokn.access_token}}"» } }'),
    path: 'profiles.mine.inject.headers.a',
    help: /did you mean "token\.access_token"/,
  },
  {
    code: 'unknown_template_name',
    title: 'a credential that is not declared',
    source: PROFILE('extends: pincode\ninject: { headers: { a: «"{{credentials.client_ids}}"» } }'),
    path: 'profiles.mine.inject.headers.a',
    help: /did you mean "client_id"/,
  },
  {
    code: 'unknown_template_name',
    title: 'a header name that is made of nothing',
    source: PROFILE('inject: { headers: { «"{{credentials.nam}}"»: a } }'),
    path: 'profiles.mine.inject.headers["{{credentials.nam}}"]',
  },
  {
    code: 'unknown_filter',
    title: 'a filter that is none',
    source: PROFILE('inject: { headers: { a: «"{{uuid | base46}}"» } }'),
    path: 'profiles.mine.inject.headers.a',
    help: /did you mean "base64"/,
  },
  {
    code: 'template_cycle',
    title: 'values that depend on each other',
    source: PROFILE('values: { a: «"{{values.b}}"», b: "{{values.c}}", c: "{{values.b}}" }')
      .replace('«"{{values.b}}"»', '"{{values.b}}"')
      .replace('b: "{{values.c}}"', 'b: «"{{values.c}}"»'),
    path: 'profiles.mine.values.b',
  },
  {
    code: 'template_cycle',
    title: 'defaults that depend on each other',
    source: PROFILE('credentials: { a: { default: «"{{credentials.b}}"» }, b: { default: "{{credentials.a}}" } }'),
    path: 'profiles.mine.credentials.a.default',
  },
  {
    code: 'conflicting_keys',
    title: 'access tokens beside callers',
    source: callers('  - { name: shop, token: abc, routes: "*" }', 'listen: { «access_tokens»: [def] }'),
    path: 'listen.access_tokens',
    help: /make a caller of each/,
  },
  {
    code: 'conflicting_keys',
    title: 'token beside tokens',
    source: callers('  - { name: shop, token: abc, «tokens»: [def], routes: "*" }'),
    path: 'callers[0].tokens',
  },
  {
    code: 'bad_certificate',
    title: 'the path of a file in its place',
    source: tls('«/run/secrets/tls.crt»', CERTIFICATE_KEY),
    path: 'listen.tls.certificate',
    help: /\$\{file:/,
  },
  {
    code: 'bad_key',
    title: 'a key that is none',
    source: tls(CERTIFICATE, '«abc»'),
    path: 'listen.tls.key',
  },
  {
    code: 'missing_key',
    title: 'a caller that shows nothing',
    source: callers('  - { «name»: shop, routes: "*" }'),
    path: 'callers[0].token',
    help: /token-for/,
  },
  {
    code: 'missing_key',
    title: 'a certificate where none is asked for',
    source: callers('  - { name: shop, «certificate»: { cn: shop }, routes: "*" }'),
    path: 'callers[0].certificate',
    help: /client_ca/,
  },
  {
    code: 'invalid_value',
    title: 'two names of a certificate',
    source: callers(
      '  - { name: shop, token: abc, «certificate»: { cn: a, dns: b }, routes: "*" }',
      'listen: { tls: TLS }',
    ),
    path: 'callers[0].certificate',
  },
  {
    code: 'invalid_value',
    title: 'no caller at all',
    source: `«callers»: []\nadmin: false\n${ROUTE_A}`,
    path: 'callers',
    help: /remove `callers`/,
  },
  {
    code: 'invalid_value',
    title: 'a digest that is none',
    source: callers('  - { name: shop, token: «"sha256:ABC"», routes: "*" }'),
    path: 'callers[0].token',
    help: /token-for/,
  },
  {
    code: 'invalid_value',
    title: 'a rate without its time',
    source: callers('  - { name: shop, token: abc, routes: "*", rate: «50» }'),
    path: 'callers[0].rate',
    help: /50\/s/,
  },
  {
    code: 'invalid_value',
    title: 'a rate by the hour',
    source: callers('  - { name: shop, token: abc, routes: "*", rate: «50/h» }'),
    path: 'callers[0].rate',
  },
  {
    code: 'invalid_value',
    title: 'a day in the place of a moment',
    source: callers('  - { name: shop, token: abc, routes: "*", expires: «2027-01-31» }'),
    path: 'callers[0].expires',
    help: /2027-01-31T00:00:00Z/,
  },
  {
    code: 'invalid_value',
    title: 'a star in the middle of a path',
    source: callers('  - { name: shop, token: abc, routes: "*", paths: [«"/a/*/b"»] }'),
    path: 'callers[0].paths[0]',
  },
  {
    code: 'unreachable_path',
    title: 'a path of a caller that no request has',
    source: callers('  - { name: shop, token: abc, routes: "*", paths: [«"/a/../*"»] }'),
    path: 'callers[0].paths[0]',
  },
  {
    code: 'empty_secret',
    title: 'a token of a caller that is empty',
    source: callers('  - { name: shop, token: «"${NONE:-}"», routes: "*" }'),
    path: 'callers[0].token',
  },
  {
    code: 'duplicate_name',
    title: 'two callers of one name',
    source: callers('  - { name: shop, token: abc, routes: "*" }\n  - { name: «shop», token: def, routes: "*" }'),
    path: 'callers[1].name',
  },
  {
    code: 'duplicate_identity',
    title: 'a token and its digest',
    source: callers(
      `  - { name: a, token: abc, routes: "*" }\n  - { name: b, token: «"sha256:${createHash('sha256').update('abc').digest('hex')}"», routes: "*" }`,
    ),
    path: 'callers[1].token',
    help: /of its own/,
  },
  {
    code: 'unknown_route',
    title: 'a misspelt route of a caller',
    source: callers('  - { name: shop, token: abc, routes: [a, «b»] }'),
    path: 'callers[0].routes[1]',
  },
  {
    code: 'unused_route',
    title: 'a route of no caller',
    source: `callers: [{ name: shop, token: abc, routes: [a] }]\nadmin: false\nroutes:\n  - { name: a, match: { path: /a }, upstream: "http://h" }\n  - { «name»: b, match: { path: /b }, upstream: "http://h" }\n`,
    path: 'routes[1]',
    help: /add "b"/,
  },
  {
    code: 'unused_route',
    title: 'a route whose only caller has other paths and methods',
    source: `callers: [{ name: shop, token: abc, routes: "*", methods: [GET], paths: ["/a/*"] }]\nadmin: false\nroutes:\n  - { name: a, match: { path: /a }, upstream: "http://h" }\n  - { «name»: b, match: { path: /a/b, methods: [POST] }, upstream: "http://h" }\n`,
    path: 'routes[1]',
  },
];

for (const { code, title, source, path, help } of CASES) {
  test(`${code}: ${title}`, (t) => {
    const { text, line, column, length } = marked(source);
    const loaded = parse(text);
    const found = loaded.diagnostics.find((each) => each.code === code);
    t.truthy(found, problems(loaded).join('\n'));
    t.like(found, { code, file: 'proxy.config.yaml', line, column, length, path });
    if (help) t.regex(found?.help ?? '', help);
    t.is(
      loaded.config === undefined,
      loaded.diagnostics.some(({ severity }) => severity === 'error'),
    );
  });
}

/** Shown in load.test.ts, document.test.ts and tracing/config.test.ts: they are not about a place in a small text. */
const ELSEWHERE: readonly DiagnosticCode[] = ['missing_config', 'too_deep', 'invalid_variable'];

test('every code is shown by a case', (t) => {
  const shown = new Set([...CASES.map(({ code }) => code), ...ELSEWHERE]);
  t.deepEqual(
    Object.keys(CODES).filter((code) => !shown.has(code as DiagnosticCode)),
    [],
  );
});

test('one problem brings no others after it', (t) => {
  for (const { code, source } of CASES) {
    const others = parse(marked(source).text).diagnostics.filter((each) => each.code !== code);
    t.deepEqual(others, [], source);
  }
});

test('the example of each code has that problem and no other', (t) => {
  for (const [code, { severity }] of Object.entries(CODES)) {
    const found = loadExample(code as DiagnosticCode).diagnostics.map((each) => `${each.severity} ${each.code}`);
    t.deepEqual(found, [`${severity} ${code}`]);
  }
});
