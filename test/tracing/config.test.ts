import test from 'ava';
import type { TracingConfig } from '../../src/config/config.ts';
import { parse, problems } from '../config/helpers.ts';

const ROUTE = 'routes: [{ match: { path: /p }, upstream: "http://127.0.0.1:1" }]\n';
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

type Env = Readonly<Record<string, string>>;

const tracingOf = (section: string, env: Env = {}): TracingConfig | undefined => {
  const loaded = parse(ROUTE + section, { env });
  if (!loaded.config) throw new Error(problems(loaded).join('\n'));
  return loaded.config.tracing;
};

const shown = (tracing: TracingConfig | undefined): Record<string, string> =>
  Object.fromEntries((tracing?.headers ?? []).map(([name, value]) => [name, value.reveal()]));

test('there are no traces unless the file or a variable says where they go', (t) => {
  t.is(tracingOf(''), undefined);
  t.is(tracingOf('tracing: {}'), undefined);
  t.is(tracingOf('tracing: { sample: 0.5 }', { OTEL_SERVICE_NAME: 'x' }), undefined);
  t.truthy(tracingOf('', ENDPOINT));
});

test('the file and the variables each can switch traces off', (t) => {
  t.is(tracingOf('tracing: false', ENDPOINT), undefined);
  t.is(tracingOf('tracing: { endpoint: "http://h" }', { OTEL_SDK_DISABLED: 'TRUE' }), undefined);
  t.is(tracingOf('', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }), undefined);
  t.truthy(tracingOf('', { ...ENDPOINT, OTEL_SDK_DISABLED: 'false', OTEL_TRACES_EXPORTER: 'otlp' }));
});

for (const [title, section, env, url] of [
  ['the file', 'tracing: { endpoint: "http://h:4318" }', ENDPOINT, 'http://h:4318/v1/traces'],
  ['the file, with a path', 'tracing: { endpoint: "https://h/otlp/" }', {}, 'https://h/otlp/v1/traces'],
  ['the file, in whole', 'tracing: { endpoint: "https://h/v1/traces" }', {}, 'https://h/v1/traces'],
  ['the variable', '', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://h:4318/' }, 'http://h:4318/v1/traces'],
  [
    'the variable for traces alone, as it is',
    '',
    { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://h/own' },
    'http://h/own',
  ],
] as const) {
  test(`where traces go: ${title}`, (t) => {
    t.is(tracingOf(section, env)?.url, url);
  });
}

for (const [variables, sampler] of [
  [{}, { ratio: 1, isParentBased: true }],
  [{ OTEL_TRACES_SAMPLER: 'always_on' }, { ratio: 1, isParentBased: false }],
  [{ OTEL_TRACES_SAMPLER: 'always_off' }, { ratio: 0, isParentBased: false }],
  [
    { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
    { ratio: 0.25, isParentBased: false },
  ],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, { ratio: 0, isParentBased: true }],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' }, { ratio: 1, isParentBased: true }],
  [
    { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '.5' },
    { ratio: 0.5, isParentBased: true },
  ],
] as readonly [Env, TracingConfig['sampler']][]) {
  test(`which traces are sampled: ${JSON.stringify(variables)}`, (t) => {
    t.deepEqual(tracingOf('', { ...ENDPOINT, ...variables })?.sampler, sampler);
    t.deepEqual(tracingOf('tracing: { sample: 0.125 }', { ...ENDPOINT, ...variables })?.sampler, {
      ratio: 0.125,
      isParentBased: true,
    });
  });
}

test('headers of the file go before those of the variables, and those of traces before the rest', (t) => {
  const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'Api-Key=one%3D,x-b=2 , X-C=3' };
  t.deepEqual(shown(tracingOf('tracing: { headers: { API-KEY: two, n: 1 } }', env)), {
    'api-key': 'two',
    'x-b': '2',
    'x-c': '3',
    n: '1',
  });
  t.deepEqual(shown(tracingOf('', env)), { 'api-key': 'one=', 'x-b': '2', 'x-c': '3' });
  t.deepEqual(shown(tracingOf('', { ...env, OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-d=4' })), { 'x-d': '4' });
});

test('an optional header whose variable is empty is left out', (t) => {
  t.deepEqual(shown(tracingOf('tracing: { headers: { api-key: "${KEY:-}" } }', ENDPOINT)), {});
});

test('the resource is what the variables say', (t) => {
  const env = { ...ENDPOINT, OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,deployment.environment.name=prod%20eu' };
  t.deepEqual(tracingOf('', env)?.resource, {
    'service.name': 'a',
    'deployment.environment.name': 'prod eu',
  });
  t.is(tracingOf('', { ...env, OTEL_SERVICE_NAME: 'payments' })?.resource['service.name'], 'payments');
});

const WRONG: readonly (readonly [name: string, value: string, help: RegExp])[] = [
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', /^write http:\/\/host:4318/],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:password-in-a-url@host', /^write http:\/\/host:4318/],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /http\/protobuf or http\/json.*4318/],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'constructor', /http\/protobuf/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'Bearer key-in-a-variable', /name=value/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%zz', /percent-encoded/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b%0d%0ac', /percent-encoded/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'Content-Length=1', /name=value/],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', /milliseconds/],
  ['OTEL_TRACES_SAMPLER', 'jaeger_remote', /parentbased_always_on/],
  ['OTEL_RESOURCE_ATTRIBUTES', '=a', /name=value/],
  ['OTEL_BSP_MAX_QUEUE_SIZE', '0', /whole number/],
];
for (const [name, value, help] of WRONG) {
  test(`invalid_variable: ${name}=${value} is told and left out`, (t) => {
    const loaded = parse(`${ROUTE}tracing: { endpoint: "http://h" }`, { env: { [name]: value } });
    const found = name === 'OTEL_EXPORTER_OTLP_ENDPOINT' ? parse(ROUTE, { env: { [name]: value } }) : loaded;
    t.deepEqual(
      found.diagnostics.map(({ code, severity, message }) => [code, severity, message]),
      [['invalid_variable', 'warning', `the value of ${name} can't be used`]],
    );
    t.regex(found.diagnostics[0]?.help ?? '', help);
    if (value !== '0') t.false(JSON.stringify(found).includes(value));
    t.deepEqual(
      { ...loaded.config?.tracing, headers: [] },
      { ...tracingOf('tracing: { endpoint: "http://h" }'), headers: [] },
    );
  });
}

test('OTEL_TRACES_SAMPLER_ARG is read only by a sampler that has one', (t) => {
  const env = { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1.5' };
  t.deepEqual(problems(parse(ROUTE, { env })), ['invalid_variable ']);
  t.deepEqual(problems(parse(ROUTE, { env: { ...env, OTEL_TRACES_SAMPLER: 'always_on' } })), []);
});

for (const [section, expected] of [
  ['tracing: { sample: 2 }', ['invalid_value tracing.sample']],
  ['tracing: { sample: 50% }', ['invalid_value tracing.sample']],
  ['tracing: { endpoint: "http://user:pass-word-1@h" }', ['invalid_value tracing.endpoint']],
  ['tracing: { endpoint: "http://h", headers: { "a b": c } }', ['invalid_value tracing.headers["a b"]']],
  ['tracing: { endpoint: "http://h", headers: { Content-Type: c } }', ['invalid_value tracing.headers.Content-Type']],
  ['tracing: { endpoint: "http://h", headers: { a: "b\\nsecret-line" } }', ['invalid_value tracing.headers.a']],
  ['tracing: true', ['invalid_value tracing']],
  ['tracing: { endpont: "http://h" }', ['unknown_key tracing.endpont']],
] as const) {
  test(`a mistake in the section: ${section}`, (t) => {
    const loaded = parse(ROUTE + section);
    t.deepEqual(problems(loaded), [...expected]);
    t.false(/pass-word-1|secret-line/.test(JSON.stringify(loaded)));
  });
}
