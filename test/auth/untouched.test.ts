import test from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { createProviderAuth } from '../../src/auth/provider.ts';
import { createEvents } from '../../src/core/events.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Outbound } from '../../src/auth/authorizer.ts';
import type { ProviderConfig } from '../../src/config/config.ts';
import { fakeClock } from '../helpers/clock.ts';

const YAML = `
version: 1
profiles:
  field:
    token:
      fetch: { url: "https://id.test/token" }
      read: { access_token: /access_token }
    inject: { form: { tok: "{{token.access_token}}" } }
providers: { p: { profile: field } }
routes: [{ match: { path: /p }, provider: p, upstream: "https://api.test" }]
`;

test('a request that has no place for the token carries no generation, so its rejection is not about the token', async (t) => {
  const { config, diagnostics } = parseConfig(YAML, 'proxy.config.yaml');
  t.deepEqual(diagnostics, []);
  const clock = fakeClock();
  const auth = createProviderAuth(config?.providers.get('p') as ProviderConfig, {
    endpoints: {},
    store: createMemoryStore(clock),
    clock,
    events: createEvents(),
    http: async () => ({ status: 200, headers: [], body: Buffer.from('{"access_token":"secret-1","expires_in":60}') }),
    tokenTimeoutMs: 1_000,
    maxWaiting: 10,
  });
  const authorizer = auth.forUpstream('https://api.test');
  const request: Outbound = { method: 'GET', target: '/x', headers: [], body: null };
  const bodiless = await authorizer.authorize(request);
  t.is(bodiless.generation, 0);
  t.is(bodiless.auth, 'skipped');
  const form = await authorizer.authorize({ ...request, method: 'POST', body: Buffer.from('a=1') });
  t.is(form.generation, 1);
  auth.close();
});
