import test from 'ava';
import { parse, problems } from './helpers.ts';

const PROVIDERS = `profiles:
  a: { inject: { headers: { x: a } }, api_paths: [/a, /b] }
  b: { inject: { headers: { x: b } }, api_paths: [/b] }
  none: { inject: { headers: { x: c } } }
providers:
  a: { profile: a }
  a2: { profile: a }
  b: { profile: b }
  none: { profile: none }
  sim: { profile: payu-hash, environment: simulator }
  sim2: { profile: payu-hash, environment: simulator }
`;

/** The routes that are told never to win at the forward doors; each is `provider upstream, more`, and has a path of its own. */
function shadowed(routes: readonly string[], mode = 'plain'): string[] {
  const lines = routes.map((route, i) => {
    const [provider, upstream, ...match] = route.split(' ');
    return `  - { name: r${i}, match: { path: /r${i}${match.join(' ')} }, ${provider === '-' ? '' : `provider: ${provider},`} ${upstream === '-' ? '' : `upstream: "${upstream}"`} }\n`;
  });
  return problems(parse(`forward: { mode: ${mode} }\n${PROVIDERS}routes:\n${lines.join('')}`));
}
const GET = ',methods: [GET]';
const POST = ',methods: [POST]';
const BOTH = ',methods: [GET,POST]';

test('a route never wins at the forward doors behind one with the same upstream, and that is told', (t) => {
  for (const mode of ['plain', 'intercept']) {
    t.deepEqual(shadowed(['- https://h', '- https://h'], mode), ['shadowed_upstream routes[1].upstream']);
  }
  t.deepEqual(shadowed(['- https://h', '- https://h'], 'none'), []);
  const told = (routes: readonly string[], ...lost: readonly number[]): boolean =>
    t.deepEqual(
      shadowed(routes),
      lost.map(
        (i) =>
          `shadowed_upstream routes[${i}]${routes[i]?.includes(' - ') || routes[i]?.endsWith(' -') ? '' : '.upstream'}`,
      ),
      routes.join('; '),
    );
  told(['- https://h/', '- https://H:443'], 1);
  told(['- https://h', '- http://h'], 1);
  told(['- https://h', 'none https://h'], 1);
  told(['none https://h', 'none https://h', 'none https://h'], 1, 2);
  told(['- https://h', '- https://h ,hosts: [x.test]'], 1);
  told(['- https://h', `- https://h ${GET}`], 1);
  told([`- https://h ${GET}`, `- https://h ${POST}`, `- https://h ${BOTH}`], 2);
  told(['- https://h', '- https://h ,headers: { a: "1" }'], 1);
  told(['- https://h ,headers: { a: "1" }', '- https://h ,headers: { b: "2",a: "1" }'], 1);
  told(['a https://h', 'a2 https://h'], 1);
  told(['a https://h', 'b https://h'], 1);
  told(['sim -', 'sim -'], 1);
  told(['none https://h', '- https://h/b', `b https://h ${POST}`], 2);
  told([`b https://h ${POST}`, '- https://h/b', 'none https://h'], 0);
  told(['none https://h', '- https://h/a', '- https://h/b', 'a https://h'], 3);
  told(['none https://h', `- https://h/b ${GET}`, `- https://h/b ${POST}`, `b https://h ${BOTH}`], 3);
});

test('a route that can win somewhere at the forward doors is not told of', (t) => {
  for (const routes of [
    ['- https://h', '- https://h/a'],
    ['- https://h/a', '- https://h'],
    ['- https://h', '- https://h:8443'],
    ['- http://h', '- https://h'],
    ['- https://h', '- https://g'],
    [`- https://h ${GET}`, `- https://h ${POST}`],
    [`- https://h ${GET}`, '- https://h'],
    [`- https://h ${GET}`, `- https://h ${BOTH}`],
    ['- https://h ,headers: { a: "1" }', '- https://h ,headers: { a: "2" }'],
    ['- https://h ,headers: { a: "1" }', '- https://h'],
    ['none https://h', 'a https://h'],
    ['a https://h', 'none https://h'],
    ['b https://h', 'a https://h'],
    [`a https://h ${GET}`, 'b https://h'],
    ['sim -', 'sim2 -'],
    ['none https://h', '- https://h/a', 'a https://h'],
    ['none https://h', '- https://h/b/c', 'b https://h'],
    ['none https://h', '- https://h/bc', 'b https://h'],
    ['none https://h', `- https://h/b ${GET}`, 'b https://h'],
    ['none https://h', '- http://h/b', 'b https://h'],
    ['- https://h/b', 'b https://h'],
  ]) {
    t.deepEqual(shadowed(routes), [], routes.join('; '));
  }
});

test('a route that is wrong anyway, or whose provider is, is not told of', (t) => {
  const text = `forward: { mode: plain }
providers: { p: { profile: nothing } }
routes:
  - { match: { path: /a }, upstream: "https://h" }
  - { match: { path: /a }, name: b, upstream: "https://h" }
  - { provider: p, match: { path: /c }, upstream: "https://h" }
`;
  t.deepEqual(problems(parse(text)), ['unknown_profile providers.p.profile', 'duplicate_route routes[1].match.path']);
});

test('what the profiles have paths of their own for can be told apart', (t) => {
  const text = `forward: { mode: intercept }
providers:
  hash: { profile: payu-hash, environment: test, credentials: { key: k, salt: s } }
  pay: { profile: payu-payment, environment: test, credentials: { key: k, salt: s } }
  phonepe: { profile: phonepe, environment: sandbox, credentials: { client_id: a, client_secret: b } }
  verify: { profile: phonepe-x-verify, environment: sandbox, credentials: { merchant_id: m, salt_key: s } }
  user: { profile: phonepe-user, environment: sandbox, credentials: { merchant_id: m, salt_key: s } }
routes: [{ provider: phonepe }, { provider: verify }, { provider: hash }, { provider: pay }, { provider: user }]
`;
  t.deepEqual(problems(parse(text)), []);
});

test('an api path is one below the API', (t) => {
  const of = (path: string): string[] =>
    problems(
      parse(
        `profiles: { a: { api_paths: ["${path}"], inject: { headers: { x: a } } } }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n`,
      ),
    );
  t.deepEqual(of('/a/b'), []);
  for (const path of ['/', 'a', '/a/', '/a?b', '//a'])
    t.deepEqual(of(path), ['invalid_value profiles.a.api_paths[0]'], path);
  t.deepEqual(of('/a/%252e'), ['unreachable_path profiles.a.api_paths[0]']);
});

test('a thousand routes to one upstream are compared without comparing each with each', (t) => {
  const lines = Array.from(
    { length: 2_000 },
    (_, i) =>
      `  - { name: r${i}, match: { path: /r${i}, headers: { tenant: t${i}, a: b, c: d } }, upstream: "https://h" }\n`,
  );
  const last =
    '  - { name: last, match: { path: /last, headers: { tenant: t77, a: b, c: d, e: f } }, upstream: "https://h" }\n';
  const { diagnostics } = parse(`forward: { mode: plain }\nroutes:\n${lines.join('')}${last}`);
  t.deepEqual(
    diagnostics.map(({ code, message }) => [code, message.includes('"r77"')]),
    [['shadowed_upstream', true]],
  );
});
