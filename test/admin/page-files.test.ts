import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { givenApi } from './given.ts';

const OWN = readdirSync(join(import.meta.dirname, '../../src/admin/page')).filter((name) => name !== 'tsconfig.json');

test('every file of the page is served, to who has no token too, and no other', async (t) => {
  const { api } = await givenApi(
    t,
    'admin: { address: 127.0.0.1:0, token: a-token-of-the-files-test }\nroutes: [{ name: a, match: { path: /a }, upstream: "http://127.0.0.1:9" }]\n',
  );
  t.true(OWN.length > 10);
  const libraries = ['preact.js', 'preact-hooks.js', 'htm.js', 'uplot.js', 'uplot.css'];
  for (const name of [...OWN, ...libraries]) {
    const answer = await api.call(`/page/${name}`);
    t.is(answer.status, 200, name);
    t.regex(answer.header('content-type') ?? '', /^(?:text\/(?:html|css|javascript); charset=utf-8|image\/svg\+xml)$/);
    t.is(answer.header('x-content-type-options'), 'nosniff');
  }
  for (const path of ['tsconfig.json', '..%2fapi.ts', '../api.ts', 'main.js/', '%00', 'constructor', ''])
    await api.refused(`/page/${path}`, 404, 'not_found');
  for (const path of ['/', '/page/main.js']) await api.refused(path, 405, 'method_not_allowed', { method: 'POST' });
});

test('the page may load and ask what is its own alone', async (t) => {
  const { api } = await givenApi(t);
  const page = await api.call('/');
  t.is(page.header('content-type'), 'text/html; charset=utf-8');
  const policy = new Map(
    (page.header('content-security-policy') ?? '').split('; ').map((line) => {
      const [name = '', ...sources] = line.split(' ');
      return [name, sources.join(' ')];
    }),
  );
  t.is(policy.get('default-src'), "'none'");
  t.regex(policy.get('script-src') ?? '', /^'self' 'sha256-[\w+/]{43}='$/);
  for (const name of ['style-src', 'img-src', 'connect-src']) t.is(policy.get(name), "'self'");
  for (const name of ['base-uri', 'form-action', 'frame-ancestors', 'trusted-types']) t.is(policy.get(name), "'none'");
  t.is(policy.get('require-trusted-types-for'), "'script'");
});
