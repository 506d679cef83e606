import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'ava';
import { makeAuthority } from '../helpers/authority.ts';
import { parse } from 'yaml';
import { CODE_ENTRIES, placeOf } from '../../src/commands/codes.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { createEvents } from '../../src/core/events.ts';
import { LABELS } from '../../src/observe/labels.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { profileKeys } from '../profiles/keys.ts';
import { CONFIG_EXAMPLES, PROFILE_EXAMPLE } from './config-examples.ts';
import { CONFIG_KEYS, isOverridable, needsRestart } from './config-keys.ts';
import { exampleAt } from './config-page.ts';
import { anchorOf } from './page.ts';
import { PAGES, REFERENCE } from './pages.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(REFERENCE, file), 'utf8');

for (const [file, make] of Object.entries(PAGES)) {
  test(`${file} is what the definitions yield`, async (t) => {
    t.timeout(120_000);
    t.is(read(file), await make(), 'run `npm run reference`');
  });
}

/** The anchors of a page by GitHub's rule: a heading that comes again has a number. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const headings = [...markdown.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)];
  return new Set(
    headings.map(([, heading = '']) => {
      const anchor = anchorOf(heading);
      const times = seen.get(anchor) ?? 0;
      seen.set(anchor, times + 1);
      return times === 0 ? anchor : `${anchor}-${times}`;
    }),
  );
}

test('the anchors are those of GitHub', (t) => {
  t.deepEqual(
    [...anchorsOf('# `a_code`\n```\n# no heading\n```\n## What, and why?\n## What, and why?\n')],
    ['a_code', 'what-and-why', 'what-and-why-1'],
  );
});

test('every link of the reference, and of the README into it, leads somewhere', (t) => {
  const pages = [...Object.keys(PAGES).map((file) => join(REFERENCE, file)), join(ROOT, 'README.md')];
  const links = pages.flatMap((from) => {
    const text = readFileSync(from, 'utf8').replaceAll(/^```[^]*?^```$/gm, '');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => ({ from, to }));
  });
  const local = links.filter(({ to }) => !/^https?:/.test(to));
  t.true(local.length > 100, 'positive control');
  const dead = local.filter(({ from, to }) => {
    const [file = '', anchor] = to.split('#');
    const target = file === '' ? from : resolve(dirname(from), file);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
  });
  t.deepEqual(
    dead.map(({ from, to }) => `${relative(ROOT, from)} -> ${to}`),
    [],
  );
});

test('every page is found from the README', (t) => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  for (const file of Object.keys(PAGES)) t.true(readme.includes(`](config/reference/${file})`), file);
});

test('every code has its entry, where `check --explain` says', (t) => {
  for (const code of CODE_ENTRIES.keys()) {
    const [file = '', anchor = ''] = placeOf(code).split('#');
    t.true(anchorsOf(readFileSync(join(ROOT, file), 'utf8')).has(anchor), code);
  }
});

const KEY = Buffer.alloc(32, 7).toString('base64');
const ENV = {
  ACME_TOKEN: 'token-of-the-reference',
  STORE_KEY: KEY,
  OLD_STORE_KEY: KEY,
  PAYU_KEY: 'k',
  PAYU_SALT: 'salt-of-payu',
};
/** An authority and what it vouches for in one, so that it is good for every certificate of an example. */
const PAIR = { isCa: true, passphrase: 'passphrase-of-the-reference' };
/** What stands in secret files that are no single words. */
const FILES: Readonly<Record<string, string>> = {
  tls_certificate: CERTIFICATE,
  tls_key: CERTIFICATE_KEY,
  callers_ca: CERTIFICATE,
};
const ROUTE = 'routes: [{ match: { path: /pay }, upstream: "https://api.example" }]\n';

for (const [section, examples] of Object.entries(CONFIG_EXAMPLES)) {
  for (const [i, example] of examples.entries()) {
    test(`check finds nothing wrong with example ${i + 1} of ${section}`, (t) => {
      const dir = mkdtempSync(join(tmpdir(), 'outrider-reference-'));
      t.teardown(() => rmSync(dir, { recursive: true, force: true }));
      const secrets = join(dir, 'secrets');
      mkdirSync(secrets);
      const own = /\.pem/.test(example) ? makeAuthority(t).issue('shop', PAIR) : undefined;
      for (const [, name = ''] of example.matchAll(/\/run\/secrets\/([\w.-]+)/g)) {
        const text = name.endsWith('.pem') ? own?.cert : name.endsWith('.key') ? own?.key : FILES[name];
        writeFileSync(join(secrets, name), text ?? `${name}-of-the-reference`);
      }
      const whole = /^routes:/m.test(example) ? example : `${example}\n${ROUTE}`;
      const file = join(dir, 'proxy.config.yaml');
      writeFileSync(file, whole.replaceAll('/run/secrets', secrets));
      t.deepEqual(loadConfig(file, { env: ENV }).diagnostics, []);
    });
  }
}

/** The paths of all keys that stand in a value, names of one's own as `<name>`. */
function pathsIn(value: unknown, path: string, known: ReadonlySet<string>): readonly string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((each) => pathsIn(each, `${path}[]`, known))];
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, each]) => {
      const own = path === '' ? key : `${path}.${key}`;
      return pathsIn(each, known.has(own) ? own : `${path}.<name>`, known);
    }),
  ];
}

test('the examples show every key of the config', (t) => {
  const known = new Set(CONFIG_KEYS.map(({ path }) => path));
  const shown = new Set(
    Object.values(CONFIG_EXAMPLES).flatMap((texts) => texts.flatMap((text) => pathsIn(parse(text), '', known))),
  );
  t.deepEqual(
    [...known].filter((path) => !shown.has(path)),
    [],
    'test/reference/config-examples.ts',
  );
});

test('the example of a profile is a good one, and each of its keys is shown by somebody', (t) => {
  const profile = parse(PROFILE_EXAMPLE) as object;
  const provider = {
    profile: 'own',
    credentials: { merchant_id: 'm' },
    endpoints: { token: 'https://id.example/token' },
  };
  const config = {
    profiles: { own: profile },
    providers: { own: provider },
    routes: [{ match: { path: '/own' }, provider: 'own', upstream: 'https://api.example' }],
  };
  t.deepEqual(parseConfig(JSON.stringify(config), '/proxy.config.yaml', { env: {} }).diagnostics, []);
  const paths = profileKeys().map(({ path }) => path);
  // What a map or a list holds is shown by its own keys.
  const isShown = (path: string): boolean =>
    exampleAt(path) !== '' || paths.some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[`));
  t.deepEqual(
    paths.filter((path) => path !== 'environments' && !isShown(path)),
    [],
  );
});

test('what needs a restart, and what a route may override, comes from the schema', (t) => {
  const wanting = CONFIG_KEYS.filter(({ path }) => needsRestart(path)).map(({ path }) => path.split('.', 1)[0]);
  t.deepEqual([...new Set(wanting)], ['listen', 'admin', 'store', 'state_dir', 'tracing', 'callbacks_listen']);
  t.deepEqual(
    CONFIG_KEYS.filter(({ path }) => isOverridable(path)).map(({ path }) => path),
    ['timeouts.connect', 'timeouts.response', 'timeouts.idle', 'replay.memory', 'replay.spool'],
  );
});

test('every metric that a question names exists, and every label that is explained', async (t) => {
  const metrics = createMetrics(createEvents(), { version: '' });
  const all = (await (await metrics.registry()).getMetricsAsJSON()).map(({ name }) => name);
  const [, questions = ''] = /```promql\n([^]*?)```/.exec(read('metrics.md')) ?? [];
  const named = [...questions.matchAll(/\b(?:http|outrider)_[a-z_]+_(?:seconds|total|count|bucket)\b/g)].map(
    ([name]) => name,
  );
  t.true(named.length > 3, 'positive control');
  t.deepEqual(
    named.filter((name) => !all.includes(name.replace(/_(?:bucket|count|sum)$/, ''))),
    [],
  );
  const page = read('metrics.md');
  for (const [label, meaning] of Object.entries(LABELS)) {
    t.true(page.includes(`| \`${label}\` |`), label);
    if (typeof meaning !== 'string')
      t.true(
        Object.keys(meaning).every((name) => all.includes(name)),
        label,
      );
  }
});
