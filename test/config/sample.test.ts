import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { builtInProfiles } from '../../src/config/profile/profiles.ts';

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
  const talking = builtInProfiles().filter(
    (name) => !['basic', 'bearer', 'header', 'oauth2', 'query-key'].includes(name),
  );
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

test('what the sample file proposes for access tokens works once its marks are taken away', (t) => {
  const proposed = fs.readFileSync(FILE, 'utf8').replace(/^  # (access_tokens:)\n  # (  - .*)$/m, '  $1\n  $2');
  const tokens = (env: Record<string, string>): string[] | undefined => {
    const { config, diagnostics } = parseConfig(proposed, FILE, { env });
    t.deepEqual(
      diagnostics.map(({ code }) => code),
      'OUTRIDER_LISTEN' in env && env['OUTRIDER_ACCESS_TOKEN'] === '' ? ['unsafe_bind'] : [],
    );
    return config?.listen.accessTokens.map((token) => token.reveal());
  };
  const admin = { OUTRIDER_ADMIN_TOKEN: 'shown-to-the-admin-api' };
  t.deepEqual(tokens(admin), []);
  t.deepEqual(tokens({ ...admin, OUTRIDER_ACCESS_TOKEN: 'shown\n' }), ['shown']);
  t.deepEqual(tokens({ ...admin, OUTRIDER_ACCESS_TOKEN: 'shown', OUTRIDER_LISTEN: '0.0.0.0:8080' }), ['shown']);
  t.is(tokens({ OUTRIDER_ACCESS_TOKEN: '', OUTRIDER_LISTEN: '0.0.0.0:8080' }), undefined);
});
