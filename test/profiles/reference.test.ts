import test from 'ava';
import type { ExecutionContext } from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import type { Loaded } from '../../src/config/load.ts';
import type { Profile } from '../../src/config/profile/profile.ts';
import { FILTERS, TEMPLATE_NAMES } from '../../src/config/template/template.ts';
import { profileKeys } from './keys.ts';
import { BLOCKS, blockOf, PAGE, rowsOf, yamlOf } from './page.ts';

const KEYS = profileKeys();
const ROWS = rowsOf('key');

test('the page has every key of a profile, and no other', (t) => {
  t.true(KEYS.length > 50);
  t.deepEqual(ROWS.map(({ key }) => key).toSorted(), KEYS.map(({ path }) => path).toSorted());
});

for (const { path, isRequired, default: absent, choices } of KEYS) {
  test(`the page says what \`${path}\` may be, and what holds without it`, (t) => {
    const [type = '', without = '', meaning = ''] = ROWS.find(({ key }) => key === path)?.cells ?? [];
    t.not(type, '');
    if (isRequired) t.is(without, '**required**');
    if (absent !== undefined) t.is(without, `\`${absent}\``);
    for (const choice of choices) t.true(`${type} ${meaning}`.includes(`\`${choice}\``), choice);
  });
}

test('the page has every name that a template may use, and every filter, and no other', (t) => {
  const listed = (heading: string): string[] =>
    rowsOf(heading)
      .map(({ key }) => key)
      .toSorted();
  t.deepEqual(listed('name'), [...TEMPLATE_NAMES].toSorted());
  t.deepEqual(listed('filter'), Object.keys(FILTERS).toSorted());
});

/** Loads a config whose one provider has the profile and, where they are not its own, the credentials that it needs. */
function load(profile: object, provider: object = {}): Loaded {
  const config = {
    profiles: { own: profile },
    providers: { p: { profile: 'own', endpoints: { token: 'https://id.example/token' }, ...provider } },
    routes: [{ match: { path: '/p' }, provider: 'p', upstream: 'https://api.example' }],
  };
  return parseConfig(JSON.stringify(config), '/proxy.config.yaml', { env: {} });
}

function profileOf(t: ExecutionContext, profile: object, provider?: object): Profile {
  const { config, diagnostics } = load(profile, provider);
  t.deepEqual(diagnostics, []);
  return config?.providers.get('p')?.profile as Profile;
}

const NAMES = ['client_id', 'client_secret', 'merchant_id', 'key', 'salt', 'secret'];
const OPTIONAL = Object.fromEntries(NAMES.map((name) => [name, { optional: true }]));

/** A piece of a profile made whole: what it refers to is declared. */
function whole(piece: Readonly<Record<string, unknown>>): object {
  const { credentials = {}, ...rest } = piece;
  const needsToken = !('token' in rest) && JSON.stringify(rest).includes('{{token.');
  const token = needsToken ? { token: { fetch: { url: '{{endpoints.token}}' } } } : {};
  return { credentials: { ...OPTIONAL, ...(credentials as object) }, ...token, ...rest };
}

for (const [index, { text, kind }] of BLOCKS.filter(({ language }) => language === 'yaml').entries()) {
  if (['example', 'extends', 'file', 'providers', 'recipe'].includes(kind)) continue;
  test(`piece ${index} of a profile on the page is good: ${text.slice(0, 40).replaceAll(/\s+/g, ' ')}`, (t) => {
    const piece = yamlOf(text) as Readonly<Record<string, unknown>>;
    // What an operator would have to give besides is no mistake of the page.
    const needs = new Set(['missing_environment', 'missing_credential']);
    t.deepEqual(
      load(whole(piece)).diagnostics.filter(({ code }) => !needs.has(code)),
      [],
    );
  });
}

test('the defaults that the page writes out are the defaults', (t) => {
  const written = profileOf(t, yamlOf(blockOf('defaults', '').text) as object);
  t.deepEqual(written, profileOf(t, { token: { fetch: { url: '{{endpoints.token}}' } } }));
});

test('maps are merged, lists replaced, and null takes away, as the page says of `extends`', (t) => {
  const credentials = { client_id: 'a', client_secret: 'b' };
  const pincode = { environment: 'staging', credentials };
  const before = profileOf(t, { extends: 'pincode' }, pincode);
  const after = profileOf(t, yamlOf(blockOf('extends', 'pincode').text) as object, pincode);
  t.deepEqual(after.token?.refresh?.form, { ...before.token?.refresh?.form, grant_type: 'client_credentials' });
  const renewed = profileOf(t, { extends: 'pincode', renew: { on_status: [403] } }, pincode);
  t.deepEqual(renewed.renew, { ...before.renew, onStatus: [403] });
  const json = profileOf(t, yamlOf(blockOf('extends', 'oauth2').text) as object, { credentials });
  t.like(json.token?.fetch, { form: undefined, headers: { accept: 'application/json' } });
  t.deepEqual(json.token?.fetch?.json, { id: '{{credentials.client_id}}', secret: '{{credentials.client_secret}}' });
});

test('every link on the page leads to a heading', (t) => {
  const anchor = (text: string): string =>
    text
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-');
  const headings = [...PAGE.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => anchor(text));
  const links = [...PAGE.matchAll(/\]\(#([^)]*)\)/g)].map(([, to = '']) => to);
  t.true(links.length > 5);
  t.deepEqual(
    links.filter((to) => !headings.includes(to)),
    [],
  );
});
