import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadConfig } from '../../src/config/load.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

function secretFile(
  t: ExecutionContext,
  text: string,
): { readonly file: string; readonly write: (text: string) => void } {
  const dir = temporaryDirectory(t);
  const file = path.join(dir, 'token');
  const write = (next: string): void => fs.writeFileSync(file, next);
  write(text);
  return { file, write };
}

const PROFILES = `profiles:
  derived:
    credentials: { user: {}, pair: { secret: true, default: "{{credentials.user}}:x" } }
    values: { both: "{{credentials.pair | upper}}" }
    inject: { headers: { x-pair: "a {{values.both}}" } }
  signing:
    credentials: { id: {}, salt: { secret: true } }
    sign: [{ text: "{{credentials.salt}}", algorithm: sha256, set: { header: x-sign, value: "{{signature}}#{{credentials.id}}" } }]
  calling:
    credentials: { key: { secret: true }, other: {} }
    token:
      fetch: { url: "https://a.test", method: POST, headers: { x-key: "{{credentials.key}}" }, form: { o: "{{credentials.other}}" } }
      read: { access_token: /a, lifetime_default: 1m }
    inject: { headers: { authorization: "Bearer {{token.access_token}}" }, query: { o: "{{credentials.other}}" } }
`;

/** Credentials of a provider, \`@\` being a line break, and those that can't be sent. */
const CASES: readonly (readonly [profile: string, credentials: Readonly<Record<string, string>>, wrong: string])[] = [
  ['bearer', { token: 'a@b' }, 'token'],
  ['bearer', { token: 'fine and ümlaut' }, ''],
  ['header', { name: 'x-key', value: 'a@' }, 'value'],
  ['header', { name: 'x key', value: 'a' }, 'name'],
  ['query-key', { name: 'k', value: 'a@b' }, ''],
  ['basic', { username: 'a', password: 'b@c' }, ''],
  ['derived', { user: 'a@b' }, 'user'],
  ['signing', { id: '1@', salt: 'a@b' }, 'id'],
  ['calling', { key: '\u0007', other: 'a@b' }, 'key'],
];

for (const [profile, credentials, wrong] of CASES) {
  test(`the check of ${profile} finds ${wrong === '' ? 'nothing' : `that ${wrong}`} can't be sent: ${JSON.stringify(credentials)}`, (t) => {
    const { file } = secretFile(t, '');
    const given = Object.entries(credentials).map(([name, value]) => [name, value.replaceAll('@', '\n')]);
    fs.writeFileSync(
      file,
      `${PROFILES}providers: { p: { profile: ${profile}, credentials: ${JSON.stringify(Object.fromEntries(given))} } }
routes: [{ match: { path: /p }, provider: p, upstream: "http://127.0.0.1:1" }]\n`,
    );
    const { diagnostics } = loadConfig(file, { env: {} });
    // What can be sent may look odd all the same.
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    const found = errors.map(({ code, path: way }) => `${code} ${way}`);
    t.deepEqual(found, wrong === '' ? [] : [`invalid_value providers.p.credentials.${wrong}`]);
  });
}

test('a rotated file whose text no header can hold changes nothing, and the next good one does', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t);
  const { file, write } = secretFile(t, 'the-first-token\n');
  const outrider = await startOutrider(
    t,
    `providers: { p: { profile: bearer, credentials: { token: "\${file:${file}}" } } }
routes: [{ match: { path: /p }, provider: p, upstream: "${upstream.origin}" }]`,
    { clock },
  );
  const sent = async (): Promise<string | undefined> => {
    t.is((await outrider.call('/p/x')).status, 200);
    return upstream.requests.at(-1)?.header('authorization');
  };
  t.is(await sent(), 'Bearer the-first-token');
  write('the-second\ntoken\n');
  await clock.advance(2_000);
  t.is(await sent(), 'Bearer the-first-token');
  write('the-third-token\n');
  await clock.advance(2_000);
  t.is(await sent(), 'Bearer the-third-token');
});

test('what only a request brings, and no header can hold, is answered with the remedy for that', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `profiles: { echo: { inject: { headers: { x-id: "{{request.json.id}}" } } } }
providers: { p: { profile: echo } }
routes: [{ match: { path: /p }, provider: p, upstream: "${upstream.origin}" }]`,
  );
  const answer = await outrider.call('/p/x', { body: '{"id":"a\\nb"}' });
  const { remedy } = assertProblem(t, answer, { status: 503, code: 'token_unavailable', detail: /x-id .* no header/ });
  t.regex(remedy, /^Mend the credential/);
  t.is(upstream.connections, 0);
});
