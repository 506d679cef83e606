import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { startUpstream } from '../helpers/upstream.ts';
import { configFile, run, startProxy } from '../commands/run.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { as, caller, callersYaml, tokenOf } from './given.ts';

const explain = (file: string, name: string, method: string, url: string, ...more: readonly string[]) => [
  'explain',
  '--config',
  file,
  '--caller',
  name,
  ...more,
  method,
  url,
];

test.serial('token-for prints a token of 256 bits once, and the line that lets its bearer in', async (t) => {
  const { code, stdout, stderr } = await run(t, ['token-for', 'shop']);
  t.is(code, 0);
  const [, token = '', line = '', digest] =
    /^token {3}([\w-]{43})\nconfig {2}(token: "sha256:([0-9a-f]{64})")\n$/.exec(stdout) ?? [];
  t.is(digest, createHash('sha256').update(token).digest('hex'), stdout);
  t.regex(stderr, /shop/);
  t.notRegex(stderr, new RegExp(token));
  t.not((await run(t, ['token-for', 'shop'])).stdout, stdout);
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, callersYaml(upstream.origin, [`  - { name: shop, ${line}, routes: [a] }`]));
  t.is((await httpCall(outrider.origin, '/a', { headers: ['X-Outrider-Token', token] })).status, 200);
  const asJson = JSON.parse((await run(t, ['token-for', 'shop', '--json'])).stdout) as Record<string, string>;
  t.deepEqual(Object.keys(asJson), ['name', 'token', 'digest', 'line']);
  const bad = await run(t, ['token-for', 'not a name']);
  t.is(bad.code, 1);
  t.regex(bad.stderr, /^error\[bad_name\]/);
});

test.serial('logs says whose each request was, and shows those of one caller', async (t) => {
  const { dir } = configFile(t, '');
  const upstream = await startUpstream(t);
  const callers = callersYaml(upstream.origin, [caller('shop'), caller('till')]);
  const yaml = `version: 1\nlisten: { address: "127.0.0.1:0" }\nadmin: { address: "unix:${join(dir, 'admin.sock')}", token: admin-token-of-the-commands }\n${callers}`;
  const { origin, file } = await startProxy(t, yaml);
  for (const name of ['shop', 'till']) await httpCall(origin, `/a/${name}`, { headers: as(name) });
  const all = await run(t, ['logs', '--config', file]);
  t.is(all.code, 0, all.stderr);
  t.regex(all.stdout, /GET \/a\/shop .*caller=shop .*\n.*GET \/a\/till .*caller=till /);
  const one = await run(t, ['logs', '--caller', 'till', '--config', file]);
  t.is(one.code, 0, one.stderr);
  t.deepEqual(one.stdout.match(/\/a\/\w+/g), ['/a/till']);
});

test.serial('explain --caller says that a caller may, or why it may not', async (t) => {
  const { file } = configFile(
    t,
    `version: 1\nadmin: false\n${callersYaml('http://127.0.0.1:9', [
      caller('shop', 'routes: [a], methods: [GET], paths: ["/a/v2/*"]'),
      caller('gone', 'routes: "*", expires: 2020-01-01T00:00:00Z'),
      caller('all'),
    ])}`,
  );
  const may = await run(t, explain(file, 'shop', 'GET', '/a/v2/x'));
  t.is(may.code, 0, may.stderr);
  t.regex(may.stdout, /^caller +shop: allowed$/m);
  const json = JSON.parse((await run(t, explain(file, 'shop', 'GET', '/a/v2/x', '--json'))).stdout) as object;
  t.like(json, { caller: 'shop', access_token_needed: true });
  for (const [name, method, url, why] of [
    ['shop', 'GET', '/b/x', /caller_denied.*route "b" is none of its `routes`.*403/],
    ['shop', 'GET', '/nowhere', /caller_denied.*no route of its `routes` leads there/],
    ['shop', 'POST', '/a/v2/x', /caller_denied.*POST is none of its `methods`/],
    ['shop', 'GET', '/a/v1', /caller_denied.*\/a\/v1 is none of its `paths`/],
    ['gone', 'GET', '/a', /client_unauthenticated.*expired.*401/],
    ['all', 'GET', '/nowhere', /route_not_found/],
    ['shp', 'GET', '/a', /unknown_caller/],
  ] as const) {
    const { code, stderr } = await run(t, explain(file, name, method, url));
    t.is(code, 1, url);
    t.regex(stderr, why);
  }
});

test.serial('exec makes a caller of its own, with all routes and no other caller', async (t) => {
  const upstream = await startUpstream(t);
  const { file } = configFile(
    t,
    `version: 1\nadmin: false\n${callersYaml(upstream.origin, [caller('shop', 'routes: [a], methods: [POST]')])}`,
  );
  const script = `
const { OUTRIDER_URL: url, OUTRIDER_TOKEN: token } = process.env;
const get = async (path, value) => (await fetch(url + path, { headers: value ? { 'x-outrider-token': value } : {} })).status;
console.log(await get('/a/x', token), await get('/b/x', token), await get('/a/x'), await get('/a/x', '${tokenOf('shop')}'));`;
  const command = [process.execPath, '--input-type=module', '-e', script];
  const { code, stdout, stderr } = await run(t, ['exec', '--config', file, '--', ...command]);
  t.is(code, 0, stderr);
  t.is(stdout, '200 200 401 401\n');
});
