import fs from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { formatDiagnostic } from '../../src/config/diagnostics/diagnostics.ts';
import { parseConfig } from '../../src/config/load.ts';
import { IS_SLOW } from '../helpers/slow.ts';

const SAMPLE = fs.readFileSync('proxy.config.yaml', 'utf8');

/** A config with something of everything, so that mutations reach far. */
const RICH = `listen: { address: 127.0.0.1:0, access_tokens: [abcdefgh] }
profiles:
  mine:
    extends: pincode
    environments: { test: { api: "https://h.test/a" } }
    credentials: { extra: { default: { test: "{{credentials.client_id}}" } } }
    token: { subject: "{{request.headers.x-user}}", read: { expiry: [{ in: /a, unit: s }], token_type: { default: X } } }
    inject: { headers: { a: "{{values.v | sha256 | hex}}" }, query: {}, form: {}, json: {} }
    sign:
      - { when: { methods: [POST] }, text: "{{request.body}}", algorithm: hmac-sha256, key: "{{credentials.client_secret}}", set: { header: x } }
    renew: { on_status: [401], on_body: [{ status: 200, pointer: /a, equals: [b] }], ahead: 20%, cooldown: 5s }
    scope: { max: 3, known: [a] }
    values: { v: "{{uuid}}" }
providers:
  p: { profile: mine, environment: test, credentials: { client_id: a, client_secret: "\${S:-bcdefghi}" }, scope: [a], renew: { cooldown: 1s } }
  q: &q { profile: oauth2, credentials: { client_id: a, client_secret: b }, endpoints: { token: "https://h.test/t?x" } }
routes:
  - { provider: p, match: { path: /p, methods: [GET], hosts: [a.test], headers: { x: y } }, timeouts: { idle: 1s }, replay: false }
  - { name: r, provider: q, match: { path: /q }, upstream: "https://h.test", headers: { set: { a: b }, remove: [c] } }
`;

/** Loads a text and prints what is wrong with it, as a program would. */
function load(text: string): void {
  const { config, diagnostics, text: shown } = parseConfig(text, 'proxy.config.yaml', { env: { S: 'a secret text' } });
  const lines = text.replace(/^\ufeff/, '').split('\n');
  for (const diagnostic of diagnostics) {
    formatDiagnostic(diagnostic, shown, { color: false });
    const line = lines[diagnostic.line - 1];
    if (
      diagnostic.excerpt === undefined &&
      (line === undefined || diagnostic.column < 1 || diagnostic.column > line.length + 1)
    ) {
      throw new Error(`${diagnostic.code} points at ${diagnostic.line}:${diagnostic.column}, where nothing is`);
    }
  }
  const hasErrors = diagnostics.some(({ severity }) => severity === 'error');
  if (hasErrors === (config !== undefined)) throw new Error('a config comes with errors, or nothing without');
  if (diagnostics.length > 0 && shown.length !== text.replace(/^\ufeff/, '').length)
    throw new Error('hiding secrets moved positions');
}

const TOKENS = [
  '\n',
  '  ',
  '- ',
  ': ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&a ',
  '*a',
  '<<: ',
  '${',
  '${S}',
  '$$',
  '}',
  '{{',
  '}}',
  '|',
  '#',
  '!',
  '!!str ',
  '~',
  'null',
  '---\n',
  '? ',
  '%',
  '\t',
  '\r',
  '\u0000',
  '\ufeff',
  '0',
  '__proto__',
  'constructor',
  'é',
  '💥',
];
const KEYS = [...new Set(`${SAMPLE}\n${RICH}`.match(/[a-z_-]+(?=:)/g))];
const piece = fc.oneof(
  fc.constantFrom(...TOKENS),
  fc.constantFrom(...KEYS).map((key) => `${key}: `),
  fc.string({ maxLength: 5 }),
);

test('no text makes the loader throw', (t) => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => load(pieces.join(''))),
    { numRuns: IS_SLOW ? 500 : 150 },
  );
  t.pass();
});

test('no mutation of a good file makes the loader throw', (t) => {
  load(SAMPLE);
  load(RICH);
  const mutation = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat({ max: 30 }), put: piece });
  fc.assert(
    fc.property(
      fc.constantFrom(RICH, RICH, SAMPLE),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      (text, mutations) => {
        let mutated = text;
        for (const { at, cut, put } of mutations) {
          const index = Math.floor(at * mutated.length);
          mutated = mutated.slice(0, index) + put + mutated.slice(index + cut);
        }
        load(mutated);
      },
    ),
    { numRuns: IS_SLOW ? 300 : 100 },
  );
  t.pass();
});

test('no exchange of values makes the loader throw', (t) => {
  const values = [
    '{}',
    '[]',
    '~',
    '""',
    '-1',
    'true',
    '[[]]',
    '{ a: b }',
    '"${S}"',
    '"{{uuid}}"',
    '/',
    'constructor',
    '[~]',
    '{ a: ~ }',
    '*q',
  ];
  const spots = [...RICH.matchAll(/(?<=: )(?:"[^"]*"|[\w./%-]+|\{[^{}]*\}|\[[^[\]]*\])/g)];
  fc.assert(
    fc.property(fc.constantFrom(...spots), fc.constantFrom(...values), (spot, value) => {
      load(RICH.slice(0, spot.index) + value + RICH.slice(spot.index + spot[0].length));
    }),
    { numRuns: IS_SLOW ? 500 : 150 },
  );
  t.pass();
});
