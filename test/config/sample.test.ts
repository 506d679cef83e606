import path from 'node:path';
import test from 'ava';
import { loadConfig } from '../../src/config/load.ts';
import { builtInProfile } from '../../src/config/profile/profiles.ts';
import { builtInProfiles } from '../../src/config/shipped.ts';

const FILE = path.resolve('proxy.config.yaml');

test('the sample file needs no environment and no credentials', (t) => {
  const { config, diagnostics } = loadConfig(FILE, { env: {} });
  t.deepEqual(diagnostics, []);
  t.is(config?.file, FILE);
  t.deepEqual(
    [...new Set([...(config?.providers.values() ?? [])].map(({ environment }) => environment))],
    ['simulator'],
  );
  t.deepEqual(config?.listen.address, { host: '127.0.0.1', port: 8080 });
});

test('the sample file has one route for each provider that can be talked to', (t) => {
  const { config } = loadConfig(FILE, { env: {} });
  const withSimulator = [...(config?.providers.values() ?? [])].map(({ profileName }) => profileName).toSorted();
  const talking = builtInProfiles().filter((name) => 'simulator' in builtInProfile(name).declared.environments);
  t.is(talking.length, 10);
  t.deepEqual(withSimulator, talking);
  t.deepEqual(
    config?.routes.map(({ name, match }) => [name, match.path]),
    config?.routes.map(({ provider }) => [provider, `/${provider}`]),
  );
});

test('one variable and the credentials turn the sample file to the real provider', (t) => {
  const env = {
    PHONEPE_ENV: 'sandbox',
    PHONEPE_CLIENT_ID: 'id',
    PHONEPE_CLIENT_SECRET: 'a secret text',
    OUTRIDER_LISTEN: '127.0.0.1:0',
  };
  const { config, diagnostics } = loadConfig(FILE, { env });
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.listen.address, { host: '127.0.0.1', port: 0 });
  t.is(
    config?.providers.get('phonepe')?.endpoints['token'],
    'https://api-preprod.phonepe.com/apis/pg-sandbox/v1/oauth/token',
  );
  t.is(config?.routes[0]?.upstream, 'https://api-preprod.phonepe.com/apis/pg-sandbox');
  t.deepEqual(Object.fromEntries(config?.providers.get('phonepe')?.credentials.current.values ?? []), {
    client_id: 'id',
    client_secret: 'a secret text',
  });
  const production = loadConfig(FILE, { env: { ...env, PHONEPE_ENV: 'production' } });
  t.deepEqual(
    production.diagnostics.map(({ code, path: at }) => [code, at]),
    [['empty_secret', 'providers.phonepe.credentials.client_version']],
  );
});

test('the sample file asks callers for the token of its variable, and needs one beyond loopback', (t) => {
  const read = (env: Record<string, string>) => {
    const { config, diagnostics } = loadConfig(FILE, { env });
    const problems = diagnostics.map(({ code, help }) => `${code}: ${help}`);
    return { problems, tokens: config?.listen.accessTokens.map((token) => token.reveal()) };
  };
  const admin = { OUTRIDER_ADMIN_TOKEN: 'shown-to-the-admin-api' };
  const { problems: closed } = read({ OUTRIDER_ACCESS_TOKEN: 'shown' });
  t.deepEqual(closed, ['closed_admin_api: set OUTRIDER_ADMIN_TOKEN (for `admin.token`); health and metrics need none']);
  t.deepEqual(read(admin), { problems: [], tokens: [] });
  t.deepEqual(read({ ...admin, OUTRIDER_ACCESS_TOKEN: 'shown\n' }), { problems: [], tokens: ['shown'] });
  const everywhere = { ...admin, OUTRIDER_LISTEN: '0.0.0.0:8080' };
  t.deepEqual(read({ ...everywhere, OUTRIDER_ACCESS_TOKEN: 'shown' }), { problems: [], tokens: ['shown'] });
  for (const env of [everywhere, { ...everywhere, OUTRIDER_ACCESS_TOKEN: '' }]) {
    const { problems, tokens } = read(env);
    t.is(tokens, undefined);
    t.is(problems.length, 1);
    t.regex(problems[0] ?? '', /^unsafe_bind: set OUTRIDER_ACCESS_TOKEN \(for `listen\.access_tokens`\), /);
  }
});

test('the sample file takes the names by which callers may call from a variable', (t) => {
  const hosts = (env: Record<string, string>) => loadConfig(FILE, { env }).config?.listen.allowedHosts;
  t.deepEqual(hosts({}), []);
  t.deepEqual(hosts({ OUTRIDER_ALLOWED_HOSTS: 'outrider,outrider.shop.svc' }), ['outrider', 'outrider.shop.svc']);
});
