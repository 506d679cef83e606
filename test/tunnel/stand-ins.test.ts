import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { SIMULATOR } from '../../src/core/simulator.ts';
import { examples } from '../../src/simulator/simulator.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { httpCall, startOutrider, type Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { stateDir } from './intercepted.ts';

const PROFILES = globSync(join(import.meta.dirname, '../../config/profiles/*.yaml')).map((file) =>
  basename(file, '.yaml'),
);
const provider = (profile: string, scope: readonly string[] = []): string =>
  `  ${profile}: { profile: ${profile}, environment: simulator${scope.length > 0 ? `, scope: [${scope.join()}]` : ''} }\n`;

/** Those that have a simulator, as the config reads them. */
const SIMULATED = PROFILES.flatMap((name) => {
  const { config } = parseConfig(`providers:\n${provider(name)}`, '/proxy.config.yaml', { env: {} });
  const profile = config?.providers.get(name)?.profile;
  return profile?.environments[SIMULATOR] ? [profile] : [];
});

const SCOPES = new Map(SIMULATED.map(({ name, scope }) => [name, scope.known.slice(0, scope.max)]));

/** A proxy with these profiles in the environment `simulator`, each with a route of its own. */
const started = (t: ExecutionContext, names: readonly string[], more = 'forward: { mode: plain }'): Promise<Outrider> =>
  startOutrider(
    t,
    `providers:\n${names.map((name) => provider(name, SCOPES.get(name))).join('')}routes:\n${names
      .map((name) => `  - { provider: ${name}, match: { path: /${name} } }\n`)
      .join('')}${more}\n`,
  );

const names = SIMULATED.map(({ name }) => name);

test('every profile with a simulator is tried below', (t) => {
  t.true(names.length >= 10);
  t.deepEqual(
    names.filter((name) => examples(name).length === 0),
    [],
  );
});

for (const { name, environments, token } of SIMULATED) {
  for (const [environment, { api, token: tokenUrl }] of Object.entries(environments)) {
    if (environment === SIMULATOR) continue;
    if (api !== undefined) {
      test(`${name}: the URLs of ${environment} are answered by the simulator, all of them at once`, async (t) => {
        const outrider = await started(t, names);
        const [example] = examples(name);
        const { method = 'GET', path = '', headers = {}, body } = example ?? {};
        for (const url of [api + path, api.replace('https:', 'http:') + path]) {
          const call = { method, headers: Object.entries(headers).flat(), ...(body !== undefined && { body }) };
          const answer = await httpCall(outrider.origin, url, call);
          t.is(answer.status, 200, `${url}: ${answer.text}`);
        }
        const logs = await outrider.logged(2);
        for (const line of logs)
          t.like(line, { route: name, provider: name, status: 200, upstream: outrider.simulatorOrigin });
      });
    }
    if (tokenUrl !== undefined && token !== undefined && token.subject === undefined) {
      test(`${name}: who asks for a token at ${environment} gets a placeholder`, async (t) => {
        const outrider = await started(t, [name]);
        const answer = await httpCall(outrider.origin, tokenUrl, { method: 'POST', body: 'client_secret=x' });
        t.is(answer.status, 200);
        t.regex(answer.text, /"outrider-placeholder-[\w-]{32}"/);
        const calls = (await (await fetch(`${outrider.simulatorOrigin}/_control/calls?provider=${name}`)).json()) as {
          token: { fetch: number };
        };
        t.is(calls.token.fetch, 0);
      });
    }
  }
}

const TOKEN = '/apis/identity-manager/v1/oauth/token';

test('a route to the real host keeps its token endpoint, whatever a simulator stands in for there', async (t) => {
  const upstream = await startUpstream(t);
  const environments = `environments: { simulator: { token: /phonepe/apis/pg-sandbox/v1/oauth/token, api: /phonepe/apis/pg-sandbox }, other: { token: "${upstream.origin}${TOKEN}", api: "${upstream.origin}/apis/pg" } }`;
  const outrider = await startOutrider(
    t,
    `profiles:
  mine: { extends: phonepe, ${environments} }
providers:
  fake: { profile: mine, environment: simulator }
routes:
  - { provider: fake, match: { path: /fake } }
  - { name: real, match: { path: /real }, upstream: "${upstream.origin}/apis/identity-manager" }
forward: { mode: plain }
`,
  );
  const post = { method: 'POST', body: 'x' };
  t.is((await outrider.call('/real/v1/oauth/token', post)).text, 'ok');
  t.is((await httpCall(outrider.origin, upstream.origin + TOKEN, post)).text, 'ok');
  t.is(upstream.requests.length, 2);
  const pay = await httpCall(outrider.origin, `${upstream.origin}/apis/pg/checkout/v2/order/none/status`);
  t.is(pay.status, 404);
  t.regex(pay.text, /No entry found/);
  t.is(upstream.requests.length, 2);
});

test('what leads nowhere is refused with what is routed: hosts, or the paths of this one', async (t) => {
  const outrider = await started(t, ['phonepe', 'payu-hash']);
  const at = async (url: string): Promise<string> =>
    assertProblem(t, await httpCall(outrider.origin, url), { status: 403, code: 'destination_denied' }).remedy;
  t.regex(
    await at('https://elsewhere.test/x'),
    /^Routed hosts: api-preprod\.phonepe\.com, api\.phonepe\.com, info\.payu\.in, test\.payu\.in\. /,
  );
  t.regex(await at('https://api.phonepe.com/apis/other'), /^Routed paths of this host: \/apis\/pg\. /);
  t.regex(await at('https://api.phonepe.com/apis/pgx'), /^Routed paths of this host: \/apis\/pg\. /);
});

test('with unmatched: tunnel the real hosts lead to the simulator all the same', async (t) => {
  const extra = `forward: { mode: intercept, unmatched: tunnel }\nstate_dir: ${stateDir(t)}`;
  const outrider = await started(t, ['phonepe'], extra);
  const status = 'https://api.phonepe.com/apis/pg/checkout/v2/order/none/status';
  const answer = await httpCall(outrider.origin, status);
  t.regex(answer.text, /No entry found/);
});
