import test from 'ava';
import { parse, problems } from './helpers.ts';

const routes = (...matches: string[]): string =>
  `routes:\n${matches.map((match, index) => `  - { name: r${index}, match: { ${match} }, upstream: "http://h" }\n`).join('')}`;

const codes = (...matches: string[]): string[] =>
  parse(routes(...matches)).diagnostics.map(({ code, path }) => `${code} ${path}`);

test('routes that differ in anything can be told apart', (t) => {
  t.deepEqual(
    codes(
      'path: /a',
      'path: /a/b',
      'path: /A',
      'path: /a, methods: [GET]',
      'path: /a, methods: [POST]',
      'path: /a, hosts: [x.test]',
      'path: /a, hosts: [x.test], methods: [GET]',
      'path: /a, headers: { x: "1" }',
      'path: /a, headers: { x: "2" }',
      'path: /a, headers: { x: "1", y: "1" }',
    ),
    [],
  );
});

test('the same conditions in another order or spelling are the same', (t) => {
  t.deepEqual(codes('path: /a', 'path: /a'), ['duplicate_route routes[1].match.path']);
  t.deepEqual(
    codes(
      'path: /a, hosts: [x.test, y.test], headers: { a: "1", b: "2" }',
      'path: /a, headers: { B: "2", A: "1" }, hosts: [Y.test, X.test]',
    ),
    ['duplicate_route routes[1].match.path'],
  );
});

test('a route behind one that matches more, with as many conditions, never wins', (t) => {
  t.deepEqual(codes('path: /a, methods: [GET, POST]', 'path: /a, methods: [GET]'), [
    'unreachable_route routes[1].match.path',
  ]);
  t.deepEqual(codes('path: /a, methods: [GET]', 'path: /a, methods: [GET, POST]'), []);
  t.deepEqual(codes('path: /a, hosts: [x, y], methods: [GET, POST]', 'path: /a, hosts: [y], methods: [POST]'), [
    'unreachable_route routes[1].match.path',
  ]);
});

test('several routes together can leave nothing to another one', (t) => {
  t.deepEqual(codes('path: /a, methods: [GET]', 'path: /a, methods: [POST]', 'path: /a, methods: [POST, GET]'), [
    'unreachable_route routes[2].match.path',
  ]);
  t.deepEqual(codes('path: /a, methods: [GET]', 'path: /a, methods: [POST]', 'path: /a, methods: [POST, PUT]'), []);
  t.deepEqual(
    codes(
      'path: /a, hosts: [x], methods: [GET]',
      'path: /a, hosts: [y], methods: [POST]',
      'path: /a, hosts: [x, y], methods: [GET, POST]',
    ),
    [],
  );
});

test('a more specific route wins wherever it stands', (t) => {
  t.deepEqual(codes('path: /a', 'path: /a, methods: [GET]'), []);
  t.deepEqual(codes('path: /', 'path: /a'), []);
  t.deepEqual(codes('path: /a, headers: { x: "1" }', 'path: /a, headers: { x: "1", y: "2" }'), []);
});

test("a route takes its provider's API, or says its own", (t) => {
  const { config, diagnostics } = parse(`
providers:
  a: { profile: phonepe, environment: production, credentials: { client_id: a, client_secret: b, client_version: 2 } }
  b: { profile: phonepe, environment: simulator }
  c: { profile: pincode, environment: staging, credentials: { client_id: a, client_secret: b }, endpoints: { api: "https://mail.example/api/" } }
  d: { profile: bearer, credentials: { token: a }, endpoints: { api: "http://d.test" } }
routes:
  - { provider: a, match: { path: /a } }
  - { provider: b, match: { path: /b } }
  - { provider: c, match: { path: /c } }
  - { provider: d, match: { path: /d } }
  - { name: e, provider: a, match: { path: /e }, upstream: "http://e.test" }
`);
  t.deepEqual(diagnostics, []);
  t.deepEqual(
    config?.routes.map(({ upstream }) => upstream),
    ['https://api.phonepe.com/apis/pg', undefined, 'https://mail.example/api', 'http://d.test', 'http://e.test'],
  );
});

test('a provider that is wrong is not unknown to its routes', (t) => {
  const loaded = parse(`
providers:
  a: { profile: phonpe }
  b: 5
routes:
  - { provider: a, match: { path: /a } }
  - { provider: b, match: { path: /b } }
`);
  t.deepEqual(problems(loaded), ['unknown_profile providers.a.profile', 'invalid_type providers.b']);
});

test('a route with a mistake in its conditions is not compared', (t) => {
  t.deepEqual(codes('path: /a', 'path: /a, methods: [get]'), ['invalid_value routes[1].match.methods[0]']);
});

/** What a provider in the simulator gives rise to, by its endpoints and by the upstream of its route. */
const simulated = (endpoints: string, upstream: string, profile = 'phonepe'): string[] =>
  problems(
    parse(`providers: { p: { profile: ${profile}, environment: simulator, endpoints: { ${endpoints} } } }
routes: [{ provider: p, match: { path: /p }${upstream === '' ? '' : `, upstream: "${upstream}"`} }]
`),
  );

test("a simulator's tokens and signatures that would go to another machine are warned of", (t) => {
  for (const profile of ['phonepe', 'payu-hash']) {
    for (const url of [
      'https://api.phonepe.com/apis/pg',
      'http://10.0.0.1',
      'http://localhost.example',
      'http://[2001:db8::1]:80/a',
      'http://0.0.0.0',
    ]) {
      t.deepEqual(simulated('', url, profile), ['simulator_remote_upstream routes[0].upstream'], url);
      t.deepEqual(
        simulated(`api: "${url}"`, '', profile),
        ['simulator_remote_upstream providers.p.endpoints.api'],
        url,
      );
    }
  }
  t.deepEqual(simulated('api: "http://127.0.0.1"', 'https://h.example'), [
    'simulator_remote_upstream routes[0].upstream',
  ]);
  t.deepEqual(simulated('token: "http://127.0.0.1/t"', 'https://h.example'), [
    'simulator_remote_upstream routes[0].upstream',
  ]);
});

test('what stays on this machine, and a token from elsewhere, is not warned of', (t) => {
  for (const url of [
    'http://127.0.0.1:1/x',
    'http://127.8.9.1',
    'http://localhost',
    'http://a.localhost.:80',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://2130706433',
  ]) {
    t.deepEqual(simulated('', url), [], url);
    t.deepEqual(simulated(`api: "${url}"`, ''), [], url);
  }
  t.deepEqual(simulated('api: "https://h.example"', 'http://127.0.0.1:1'), []);
  t.deepEqual(simulated('token: "https://id.example/t"', ''), []);
  t.deepEqual(simulated('token: "https://id.example/t", api: "https://h.example"', ''), []);
  t.deepEqual(simulated('token: "https://id.example/t"', 'https://h.example'), []);
});

test('two routes that go to one remote API of the simulator are one mistake', (t) => {
  const text = `providers: { p: { profile: phonepe, environment: simulator, endpoints: { api: "https://h.example" } } }
routes: [{ provider: p, match: { path: /a } }, { provider: p, match: { path: /b } }]
`;
  t.deepEqual(problems(parse(text)), ['simulator_remote_upstream providers.p.endpoints.api']);
});
