import test from 'ava';
import { whyForwarded } from '../../src/explain/match.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createEvents } from '../../src/core/events.ts';
import { compileConfig } from '../../src/compile.ts';
import { destinationOfUrl } from '../../src/proxy/destination.ts';
import { endpointsOf } from '../../src/simulation.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { fakeClock } from '../helpers/clock.ts';
import { numberFrom, randomFrom } from '../helpers/random.ts';

const clock = fakeClock();

type Door = (url: string, method?: string) => readonly [route: string, why: string];

/** Which route takes a URL at the forward doors, and why. */
function doorOf(yaml: string): Door {
  const text = `forward: { mode: plain, unmatched: tunnel }\n${yaml}`;
  const { config, diagnostics } = parseConfig(text, '/proxy.config.yaml', { env: {} });
  if (!config) throw new Error(JSON.stringify(diagnostics));
  const { forwardDoor, routes } = compileConfig(config, {
    pseudonym: 'outrider-test',
    store: createMemoryStore(clock),
    clock,
    events: createEvents(),
    http: () => Promise.reject(new Error('no network in this test')),
    endpointsOf: (provider) => endpointsOf(provider, undefined),
  });
  return (url, method = 'POST') => {
    const destination = destinationOfUrl(url);
    const request = { method, path: new URL(url).pathname, headers: [] };
    const route = forwardDoor?.routeOrRelay(destination, request);
    if (!route) throw new Error('forwarding is off');
    return [route.name, whyForwarded(route, routes, destination, request)];
  };
}

const PAYU = `providers:
  pay: { profile: payu-payment, environment: test, credentials: { key: k, salt: s } }
  hash: { profile: payu-hash, environment: test, credentials: { key: k, salt: s } }
`;
const routes = (...lines: readonly string[]): string => `routes:\n${lines.map((line) => `  - { ${line} }\n`).join('')}`;

test('of profiles with one host each takes the paths that are its own, in whatever order they stand', (t) => {
  for (const names of [
    ['pay', 'hash'],
    ['hash', 'pay'],
  ]) {
    const door = doorOf(PAYU + routes(...names.map((name) => `provider: ${name}, match: { path: /${name} }`)));
    const first = names[0] as string;
    t.is(door('https://test.payu.in/merchant/postservice.php?form=2')[0], 'hash');
    t.is(door('https://test.payu.in/merchant')[0], 'hash');
    t.is(door('https://test.payu.in/_payment')[0], 'pay');
    t.is(door('http://test.payu.in/_payment/x')[0], 'pay');
    t.is(door('https://test.payu.in/_payments')[0], first);
    t.is(door('https://test.payu.in/merchants')[0], first);
    t.is(door('https://test.payu.in/')[0], first);
    t.is(door('https://test.payu.in/Merchant')[0], first);
  }
});

test('a route whose profile is for all goes before those that are for something else, and after those that are for this', (t) => {
  const door = doorOf(
    `${PAYU}${routes(
      'provider: hash, match: { path: /hash }',
      'provider: pay, match: { path: /pay }',
      'name: any, match: { path: /any }, upstream: "https://test.payu.in"',
    )}`,
  );
  t.is(door('https://test.payu.in/merchant/x')[0], 'hash');
  t.is(door('https://test.payu.in/elsewhere')[0], 'any');
});

test('the api paths lie below the API, the longest wins, and a longer upstream before all of them', (t) => {
  const door = doorOf(`profiles:
  wide: { inject: { headers: { x: wide } }, api_paths: [/pg] }
  deep: { inject: { headers: { x: deep } }, api_paths: [/pg/v1/pay, /x] }
providers:
  phonepe: { profile: phonepe, environment: sandbox, credentials: { client_id: a, client_secret: b } }
  verify: { profile: phonepe-x-verify, environment: sandbox, credentials: { merchant_id: m, salt_key: s } }
  wide: { profile: wide }
  deep: { profile: deep }
${routes(
  'provider: phonepe, match: { path: /phonepe }',
  'provider: wide, match: { path: /wide }, upstream: "https://api-preprod.phonepe.com/apis/pg-sandbox"',
  'provider: verify, match: { path: /verify }',
  'provider: deep, match: { path: /deep }, upstream: "https://api-preprod.phonepe.com/apis/pg-sandbox"',
  'name: longer, match: { path: /longer }, upstream: "https://api-preprod.phonepe.com/apis/pg-sandbox/v3/longer"',
)}`);
  const at = (path: string, method?: string): string =>
    door(`https://api-preprod.phonepe.com/apis/pg-sandbox${path}`, method)[0];
  t.is(at('/pg/v1/status/M/1'), 'verify');
  t.is(at('/pg/v1/pay'), 'deep');
  t.is(at('/pg/v2/pay'), 'wide');
  t.is(at('/v3/service'), 'verify');
  t.is(at('/v3/longer/x'), 'longer');
  t.is(at('/checkout/v2/pay'), 'phonepe');
  t.is(at('/v1/pg'), 'phonepe');
});

test('an upstream below the API, or above it, changes nothing about what the api paths mean', (t) => {
  const api = 'endpoints: { api: "https://h.test/base" }';
  const door = (upstream: string) =>
    doorOf(`profiles:
  a: { inject: { headers: { x: a } }, api_paths: [/a] }
  b: { inject: { headers: { x: b } }, api_paths: [/a/b] }
providers: { a: { profile: a, ${api} }, b: { profile: b, ${api} } }
${routes(...['a', 'b'].map((name) => `provider: ${name}, match: { path: /${name} }, upstream: "${upstream}"`))}`);
  t.is(door('https://h.test/base/a')('https://h.test/base/a/b/c')[0], 'b');
  t.is(door('https://h.test/base/a')('https://h.test/base/a/c')[0], 'a');
  t.is(door('https://h.test')('https://h.test/base/a/b')[0], 'b');
  t.is(door('https://h.test')('https://h.test/a/b')[0], 'b');
  t.is(door('https://h.test')('https://h.test/other/a/b')[0], 'a');
});

test('methods and headers decide before the api paths do', (t) => {
  const door = doorOf(
    `${PAYU}${routes(
      'provider: pay, match: { path: /pay }',
      'provider: hash, match: { path: /hash, methods: [POST] }',
    )}`,
  );
  t.is(door('https://test.payu.in/merchant', 'POST')[0], 'hash');
  t.is(door('https://test.payu.in/merchant', 'GET')[0], 'pay');
});

test('explain says by what of these a route won', (t) => {
  const door = doorOf(
    `${PAYU}${routes(
      'provider: hash, match: { path: /hash }',
      'provider: pay, match: { path: /pay }',
      'name: any, match: { path: /any }, upstream: "https://test.payu.in"',
      'name: later, match: { path: /later, methods: [POST] }, upstream: "https://test.payu.in"',
      'name: deep, match: { path: /deep }, upstream: "https://test.payu.in/deep"',
      'name: lonely, match: { path: /lonely }, upstream: "https://h.test"',
    )}`,
  );
  const also = (...names: string[]): string =>
    `(also: ${names.map((name) => `${name} https://test.payu.in`).join(', ')})`;
  const among = 'of the routes with the upstream https://test.payu.in,';
  t.is(
    door('https://test.payu.in/merchant/x')[1],
    `${among} its profile is the one for /merchant ${also('pay', 'any', 'later')}`,
  );
  t.is(
    door('https://test.payu.in/x', 'GET')[1],
    `${among} the others' profiles are for other paths ${also('hash', 'pay')}`,
  );
  t.is(door('https://test.payu.in/x')[1], `${among} it comes first in the file ${also('hash', 'pay', 'later')}`);
  t.regex(door('https://test.payu.in/deep/x')[1], /^its upstream https:\/\/test\.payu\.in\/deep is the longest/);
  t.regex(door('https://h.test/x')[1], /^the only route whose upstream/);
});

/** A provider of each name, all with one simulated profile or a real one. */
const simulated = (name: string, profile: string): string =>
  `  ${name}: { profile: ${profile}, environment: simulator }\n`;
const real = (name: string, profile: string, environment: string): string =>
  `  ${name}: { profile: ${profile}, environment: ${environment}, credentials: { key: k, salt: s } }\n`;
const routed = (...names: readonly string[]): string =>
  routes(...names.map((name) => `provider: ${name}, match: { path: /${name} }`));

test('a simulator stands in for the other environments of its profile, by the same rules', (t) => {
  const providers = simulated('pay', 'payu-payment') + simulated('hash', 'payu-hash') + simulated('late', 'payu-hash');
  const door = doorOf(`providers:\n${providers}${routed('pay', 'hash', 'late')}`);
  for (const host of ['test.payu.in', 'info.payu.in']) t.is(door(`https://${host}/merchant/x`)[0], 'hash');
  t.is(door('http://test.payu.in/merchant/x')[0], 'hash');
  t.is(door('https://test.payu.in/_payment')[0], 'pay');
  t.is(door('https://test.payu.in/other')[0], 'pay');
  t.is(door('https://test.payu.in:8443/_payment')[0], '(unmatched)');
  t.is(door('https://info.payu.in.evil.test/merchant')[0], '(unmatched)');
  t.is(
    door('https://info.payu.in/merchant/x')[1],
    'of the routes with the URL https://info.payu.in, it comes first in the file (also: late https://info.payu.in)',
  );
  t.regex(
    door('https://secure.payu.in/')[1],
    /^the only route whose simulator stands in for https:\/\/secure\.payu\.in,/,
  );
});

test('a real environment stands for itself alone, and goes before what a simulator stands in for', (t) => {
  const providers =
    simulated('fake', 'payu-hash') + real('live', 'payu-hash', 'test') + simulated('pay', 'payu-payment');
  for (const names of [
    ['fake', 'live', 'pay'],
    ['live', 'pay', 'fake'],
  ]) {
    const door = doorOf(`providers:\n${providers}${routed(...names)}`);
    t.is(door('https://test.payu.in/merchant/x')[0], 'live');
    t.is(door('https://info.payu.in/merchant/x')[0], 'fake');
    // A profile that is for something else leaves it to the one that is for this.
    t.is(door('https://test.payu.in/_payment')[0], 'pay');
    t.is(door('https://test.payu.in/other')[0], 'live');
    t.regex(
      door('https://test.payu.in/merchant/x')[1],
      /^its upstream https:\/\/test\.payu\.in is the beginning of the URL/,
    );
  }
  const door = doorOf(`providers:\n${real('live', 'payu-hash', 'test')}${routed('live')}`);
  t.is(door('https://info.payu.in/merchant/x')[0], '(unmatched)');
});

test('whatever else an operator wrote for a host goes before a simulator, and a route elsewhere has none', (t) => {
  const door = doorOf(
    `providers:\n${simulated('hash', 'payu-hash')}${routes(
      'provider: hash, match: { path: /hash }',
      'name: all, match: { path: /all }, upstream: "https://info.payu.in"',
    )}`,
  );
  t.is(door('https://info.payu.in/merchant/x')[0], 'all');
  t.is(door('https://test.payu.in/merchant/x')[0], 'hash');
  const own = 'provider: hash, match: { path: /hash }, upstream: "http://127.0.0.1:9/x"';
  const elsewhere = doorOf(`providers:\n${simulated('hash', 'payu-hash')}${routes(own)}`);
  t.is(elsewhere('https://test.payu.in/merchant/x')[0], '(unmatched)');
  t.is(elsewhere('http://127.0.0.1:9/x/y')[0], 'hash');
});

test('the routes that check calls shadowed are exactly those that never win', (t) => {
  const random = randomFrom(numberFrom('OUTRIDER_SHADOWS_SEED', 1));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const profiles = `profiles:
  a: { inject: { headers: { x: a } }, api_paths: [/a, /b] }
  b: { inject: { headers: { x: b } }, api_paths: [/b, /a/c] }
  c: { inject: { headers: { x: c } }, api_paths: [/c], environments: { e: { api: "https://h/a" } } }
  none: { inject: { headers: { x: d } } }
providers: { a: { profile: a }, b: { profile: b }, c: { profile: c, environment: e }, none: { profile: none } }
`;
  const bases = ['', '/a', '/a/c'];
  const paths = new Set(bases.flatMap((base) => ['', '/a', '/b', '/c', '/a/c'].map((path) => `${base}${path}/other`)));
  const probes = ['http', 'https'].flatMap((scheme) =>
    [...paths].flatMap((path) => ['GET', 'POST', 'PUT'].map((method) => [`${scheme}://h${path}`, method] as const)),
  );
  let shadowed = 0;
  for (let round = 0; round < 400; round++) {
    // In one half of them there is one upstream alone.
    const upstreams = round % 2 === 0 ? [''] : ['', '', ...bases];
    const list = Array.from({ length: 2 + Math.floor(random() * 4) }, (_, i) => {
      const methods = pick(['', ', methods: [GET]', ', methods: [POST]', ', methods: [GET, POST]']);
      return `name: r${i}, provider: ${pick(['a', 'b', 'c', 'none'])}, match: { path: /r${i}${methods} }, upstream: "${pick(['https', 'https', 'http'])}://h${pick(upstreams)}"`;
    });
    const yaml = profiles + routes(...list);
    const { diagnostics } = parseConfig(`forward: { mode: plain }\n${yaml}`, '/proxy.config.yaml', { env: {} });
    const told = diagnostics.map(({ code, path }) => `${code} ${path}`);
    const door = doorOf(yaml);
    const winners = new Set(probes.map(([url, method]) => door(url, method)[0]));
    const lost = list.flatMap((_, i) => (winners.has(`r${i}`) ? [] : [`shadowed_upstream routes[${i}].upstream`]));
    t.deepEqual(told, lost, yaml);
    shadowed += lost.length;
  }
  t.true(shadowed > 60, 'positive control');
});
