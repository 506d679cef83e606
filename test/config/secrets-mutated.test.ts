import test from 'ava';
import { formatDiagnostic } from '../../src/config/diagnostics/diagnostics.ts';
import { keepSecret, secretsIn } from '../helpers/canary.ts';
import { numberFrom, randomFrom } from '../helpers/random.ts';
import { parse } from './helpers.ts';

/** Every place that a secret may be written in, in every style of YAML. */
const SOUND = `version: 1
listen:
  address: 127.0.0.1:0
  access_tokens:
    - canary-access-one
    - "canary-access-two"
admin: { address: 127.0.0.1:0, token: canary-admin-token }
store:
  kind: redis
  url: redis://user:canary-redis-url@127.0.0.1:6379/0
  password: canary-redis-word
  encryption_key: Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTAwMDAwMDAwMDE=
  old_encryption_keys: [ Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTAwMDAwMDAwMDI= ]
providers:
  oauth:
    profile: oauth2
    credentials:
      client_id: visible
      client_secret: canary-client-secret
    endpoints: { token: "https://a.test/token" }
  flow: { profile: header, credentials: { name: x-key, value: canary-header-value } }
  block:
    profile: basic
    credentials:
      username: visible
      password: >-
        canary-block
        canary-folded
  query:
    profile: query-key
    credentials: { name: api_key,
      value: "canary-query-key" }
routes:
  - { name: a, match: { path: /a }, provider: oauth, upstream: "https://a.test" }
  - { name: b, match: { path: /b }, provider: flow, upstream: "https://a.test", headers: { set: { x-api-key: canary-route-header } } }
  - { name: c, match: { path: /c }, provider: block, upstream: "https://a.test" }
  - { name: d, match: { path: /d }, provider: query, upstream: "https://a.test" }
`;
for (const canary of SOUND.match(/canary-[\w-]+|Y2FuYX\w+/g) ?? []) keepSecret(canary.replace('canary-', ''), canary);

const SLIPS = [':', '"', '\n', '\t', '}', ']', '{', '[', '=', ' ', "'", '#', '|', '&', '*', '!', '%', '-', ',', '$'];
SLIPS.push('${', '\r', 'é', '\0', '\n---\n', '\\', '`', '@', '>', '?', '~');

const LINES = SOUND.split('\n');
/** What people do to a line. */
const EDITS: Readonly<Record<string, (line: string) => readonly string[]>> = {
  twice: (line) => [line, line],
  deeper: (line) => [` ${line}`],
  'less deep': (line) => [line.replace(/^ {1,2}/, '')],
  'by a tab': (line) => [line.replace(/^ +/, '\t')],
  'no space behind colons': (line) => [line.replaceAll(': ', ':')],
  'another sign for a colon': (line) => [line.replaceAll(': ', '=')],
  'no colon': (line) => [line.replaceAll(': ', ' ')],
  'no quotes': (line) => [line.replaceAll('"', '')],
};

function* mutations(): Generator<readonly [what: string, text: string]> {
  for (const [edit, change] of Object.entries(EDITS)) {
    for (const [i, line] of LINES.entries()) {
      yield [`line ${i + 1} ${edit}`, [...LINES.slice(0, i), ...change(line), ...LINES.slice(i + 1)].join('\n')];
    }
  }
  const seed = numberFrom('OUTRIDER_SECRETS_SEED', 1);
  const random = randomFrom(seed);
  const below = (end: number): number => Math.floor(random() * end);
  for (let n = numberFrom('OUTRIDER_SECRETS_COUNT', 100); n > 0; n--) {
    const at = below(SOUND.length);
    const slip = random() < 0.1 ? '' : (SLIPS[below(SLIPS.length)] as string);
    const rest = SOUND.slice(slip === '' ? at + 1 : at);
    yield [`${JSON.stringify(slip)} at ${at} (seed ${seed})`, SOUND.slice(0, at) + slip + rest];
  }
}

test('whatever slips into a config, its diagnostics show no secret', (t) => {
  t.deepEqual(parse(SOUND).diagnostics, []);
  let shown = 0;
  for (const [what, text] of mutations()) {
    const loaded = parse(text);
    const told = loaded.diagnostics.map((each) => formatDiagnostic(each, loaded.text, { color: false })).join('\n');
    const leaks = secretsIn(`${told}\n${JSON.stringify(loaded.diagnostics)}`);
    if (leaks.length > 0) t.fail(`${what}: ${leaks.join(', ')}`);
    shown += loaded.diagnostics.length;
  }
  t.true(shown > 300, 'positive control: there was much to tell');
});
