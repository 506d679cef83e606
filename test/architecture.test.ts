import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';

/** Highest first. A room imports from lower floors only; rooms on one floor don't know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['launch'],
  ['cli'],
  ['commands', 'index'],
  ['app'],
  ['explain', 'reload'],
  ['simulation'],
  ['compile'],
  ['proxy', 'tunnel', 'admin', 'simulator', 'observe'],
  ['auth'],
  ['store'],
  ['config'],
  ['http1', 'keys'],
  ['core'],
];

/** The one file that knows a library, so that it can be replaced there. */
const SOLE_IMPORTERS: Readonly<Record<string, string>> = {
  'http-proxy': 'src/proxy/websocket/bridge.ts',
  winston: 'src/observe/logger.ts',
  'node-cache': 'src/store/memory.ts',
  '@redis/client': 'src/store/redis.ts',
  commander: 'src/commands/program.ts',
};

/** Where a `Secret` is opened, and why. */
const REVEALED: Readonly<Record<string, string>> = {
  'src/admin/server.ts': 'the admin token is compared, in constant time, with what a caller shows',
  'src/auth/needles.ts': 'answers of providers are searched for it',
  'src/commands/admin-client.ts': 'goes to the admin address of a running proxy',
  'src/commands/exec.ts': 'the program that exec runs shows the access token to the proxy around it',
  'src/config/build.ts': 'the log needs every secret text, to blot it out',
  'src/config/schema/store.ts': 'the log needs the secrets of the store too',
  'src/observe/audit/line.ts': 'is the key of the HMACs',
  'src/observe/tracing/exporter.ts': 'goes to the collector',
  'src/proxy/egress/tunnel.ts': 'goes to the corporate proxy',
  'src/proxy/guard.ts': 'the digests of the access tokens are compared with what a caller shows',
  'src/proxy/upstream.ts': 'goes to the corporate proxy',
  'src/store/redis.ts': 'goes to Redis',
  'src/store/seal.ts': 'is the key of the cipher',
};

/** The rooms within a room, highest first; what is in none of them wires them together. */
const INNER_FLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  config: [['checks'], ['profile'], ['schema'], ['template'], ['diagnostics', 'yaml']],
  proxy: [['doors'], ['websocket'], ['body', 'egress']],
};

/** The only files that know node:http: what is neither read from a caller nor sent to a provider, and WebSocket's handshake. */
const KNOW_NODE_HTTP: readonly string[] = [
  'src/admin/answer.ts',
  'src/admin/event-stream.ts',
  'src/admin/server.ts',
  'src/commands/admin-client.ts',
  'src/proxy/websocket/bridge.ts',
];

const MAX_LINES = 500;
const ROOT = join(import.meta.dirname, '..');

interface SourceFile {
  readonly path: string;
  readonly lines: number;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly string[];
}

const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');

function read(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const code = withoutComments(text);
  const imports = [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'([^'\n]+)'/g)].map((match) => match[1] as string);
  return { path, lines: text.split('\n').length - 1, code, imports };
}

const sources = globSync('src/**/*.ts', { cwd: ROOT }).toSorted().map(read);

const roomOf = (path: string): string => (path.split('/')[1] as string).replace(/\.ts$/, '');
const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room));
const targetOf = (from: string, specifier: string): string => join(dirname(from), specifier);
const local = ({ path, imports }: SourceFile): string[] =>
  imports.filter((specifier) => specifier.startsWith('.')).map((specifier) => targetOf(path, specifier));
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

test('every source file lies in a room of the house', (t) => {
  t.deepEqual(
    sources.map(({ path }) => path).filter((path) => floorOf(roomOf(path)) === -1),
    [],
  );
});

test('imports go down the floors, and never to another room of the same floor', (t) => {
  const wrong = sources.flatMap((file) => {
    const room = roomOf(file.path);
    return local(file)
      .filter((target) => roomOf(target) !== room && floorOf(roomOf(target)) <= floorOf(room))
      .map((target) => `${file.path} -> ${target}`);
  });
  t.deepEqual(wrong, []);
});

for (const [room, floors] of Object.entries(INNER_FLOORS)) {
  test(`within ${room} imports go down its own floors`, (t) => {
    const floorIn = (path: string): number => {
      const [, outer, inner = '', file] = path.split('/');
      return outer === room && file !== undefined ? floors.findIndex((rooms) => rooms.includes(inner)) : -1;
    };
    for (const inner of floors.flat()) t.true(sources.some(({ path }) => path.startsWith(`src/${room}/${inner}/`)));
    const wrong = sources.flatMap((file) =>
      local(file)
        .filter((target) => floorIn(file.path) >= 0 && floorIn(target) >= 0 && floorIn(target) < floorIn(file.path))
        .map((target) => `${file.path} -> ${target}`),
    );
    t.deepEqual(wrong, []);
  });
}

test('nothing on the way of a request knows node:http', (t) => {
  t.deepEqual(
    sources
      .filter(({ path, imports }) => roomOf(path) !== 'simulator' && imports.includes('node:http'))
      .map(({ path }) => path),
    KNOW_NODE_HTTP,
  );
});

test('no file leads back to itself', (t) => {
  const graph = new Map(sources.map((file) => [file.path, local(file)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) cycles.push([...way.slice(way.indexOf(path)), path].join(' -> '));
    if (done.has(path) || way.includes(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  t.deepEqual(cycles, []);
});

test('a library that may be replaced is known to one file', (t) => {
  for (const [name, importer] of Object.entries(SOLE_IMPORTERS)) {
    const importers = sources.filter(({ imports }) => imports.some((specifier) => packageOf(specifier) === name));
    t.deepEqual(
      importers.map(({ path }) => path),
      [importer],
      name,
    );
  }
});

test('OpenTelemetry is known to tracing alone, which is loaded only when it is on', (t) => {
  const isTracing = (path: string): boolean => path.startsWith('src/observe/tracing/');
  const inside = sources.filter(({ path }) => isTracing(path));
  t.true(
    inside.some(({ imports }) => imports.some((specifier) => packageOf(specifier) === '@opentelemetry/sdk-trace')),
  );
  const outside = sources.filter(({ path }) => !isTracing(path));
  t.deepEqual(
    outside.filter(({ imports }) => imports.some((specifier) => specifier.startsWith('@opentelemetry/'))),
    [],
  );
  const eager = /import (?!type )[^;]*?from '[^']*observe\/tracing\//;
  t.deepEqual(
    outside.filter(({ code }) => eager.test(code)).map(({ path }) => path),
    [],
  );
});

test('every library that the sources import is there to be built in, of one version, and none is installed with the package', (t) => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const imported = sources
    .flatMap(({ imports }) => imports)
    .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
    .map(packageOf);
  t.deepEqual(dependencies, undefined);
  t.deepEqual(
    [...new Set(imported)].filter((name) => !/^\d+\.\d+\.\d+$/.test(devDependencies[name] ?? '')),
    [],
  );
});

test('a secret is opened only where it goes onto a wire or is compared', (t) => {
  t.deepEqual(
    sources.filter(({ code }) => code.includes('.reveal(')).map(({ path }) => path),
    Object.keys(REVEALED).toSorted(),
  );
});

test('no provider or profile has code of its own outside its simulator', (t) => {
  const literal = /(['"`])(?:phonepe|pincode|payu)[\w-]*\1/i;
  const identifier = /phonepe|pincode|payu/i;
  const branch = /profile(?:Name|\.name)?\s*[!=]==?\s*['"`]/;
  // An example in a message may name one: "begin with a slash: /phonepe".
  const withoutTexts = (code: string): string => code.replaceAll(/'[^'\n]*'|"[^"\n]*"|`[^`]*`/g, '');
  t.deepEqual(
    sources
      .filter(({ path }) => roomOf(path) !== 'simulator')
      .filter(({ code }) => literal.test(code) || branch.test(code) || identifier.test(withoutTexts(code)))
      .map(({ path }) => path),
    [],
  );
});

test('no source file needs a table of contents', (t) => {
  t.deepEqual(
    sources.filter(({ lines }) => lines > MAX_LINES).map(({ path }) => path),
    [],
  );
});
