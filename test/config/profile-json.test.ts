import test from 'ava';
import { parse, problems } from './helpers.ts';

const wrong = (token: string): string[] =>
  problems(parse(`profiles: { mine: { ${token} } }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n`));

const placeholder = (value: string, read = ''): string[] =>
  wrong(`token: { fetch: { url: "https://a.example" }, ${read === '' ? '' : `read: ${read},`} placeholder: ${value} }`);
const PLACEHOLDER = 'profiles.mine.token.placeholder';

test('the placeholder is a map', (t) => {
  for (const fine of ['null', '""', '{}', '{ a: null, b: "", c: [], d: { e: 1 } }'])
    t.deepEqual(placeholder(fine), [], fine);
  for (const value of ['hello', '1', 'true', '[a, b]', '[]', '"{{uuid}}"'])
    t.deepEqual(placeholder(value), [`invalid_type ${PLACEHOLDER}`], value);
});

test('a placeholder that is a form has no maps and lists', (t) => {
  const form = (value: string): string[] => placeholder(value, '{ format: form }');
  t.deepEqual(form('{ a: 1, b: "{{scope}}", c: { number: "{{now.s}}" }, d: null, number: 7 }'), []);
  for (const value of ['{ b: 1 }', '[1]', '{}', '[]', '{ number: 1, b: 2 }', '[{ number: 1 }]'])
    t.deepEqual(form(`{ a: ${value} }`), [`invalid_value ${PLACEHOLDER}.a`], value);
});

test('the templates of JSON are checked where they stand', (t) => {
  const call = (value: string): string[] => wrong(`token: { fetch: { url: "https://a.example", json: ${value} } }`);
  for (const check of [call, placeholder]) {
    const at = check === call ? 'profiles.mine.token.fetch.json' : PLACEHOLDER;
    t.deepEqual(check('{ a: "{{nope}}" }'), [`unknown_template_name ${at}.a`]);
    t.deepEqual(check('{ a: [1, { b: "{{uuid" }] }'), [`template_syntax ${at}.a[1].b`]);
    t.deepEqual(check('{ a: "{{uuid | sha256}}" }'), [`template_syntax ${at}.a`]);
    t.deepEqual(check('{ a: "{{uuid | sha1}}" }'), [`unknown_filter ${at}.a`]);
    t.deepEqual(check('{ a: .inf }'), [`invalid_value ${at}.a`]);
    t.deepEqual(check('{ a: ["{{uuid | sha256 | hex}}", null, 1.5, ".inf"] }'), []);
  }
});

test('what is to be a number in the placeholder is one, or made by a template', (t) => {
  const number = (value: string): string[] => placeholder(`{ a: [{ number: ${value} }] }`);
  for (const fine of ['7', '"7"', '-0.5', '"1e3"', '0x10', '"{{now.s + 5}}"', '"{{now.iso}}"', '""', 'null'])
    t.deepEqual(number(fine), [], fine);
  for (const value of ['abc', '"1 2"', '"0x10"', '1e999', '.nan', 'true', 'Infinity'])
    t.deepEqual(number(value), [`invalid_value ${PLACEHOLDER}.a[0].number`], value);
  for (const value of ['[1]', '{ number: 1 }'])
    t.deepEqual(number(value), [`invalid_type ${PLACEHOLDER}.a[0].number`], value);
  t.deepEqual(placeholder('{ number: abc }'), [], 'a field of that name');
  t.deepEqual(placeholder('{ a: { number: abc, type: x } }'), [], 'one of several fields');
});
