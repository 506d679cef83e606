import test, { type ExecutionContext } from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { configFile } from '../commands/run.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { assertTold, diagnose, freshDir, testCa, troubles } from './given.ts';

const PASSWORD = 'hunter-two-hunter';

/** Providers whose names lead nowhere but through a proxy: one over TLS, one in the clear. */
function config(t: ExecutionContext, clearPort = 80): string {
  return configFile(
    t,
    `version: 1
listen: { address: "127.0.0.1:0" }
admin: false
limits: { connections: 10 }
providers:
  tls: { profile: bearer, credentials: { token: the-token-of-this-test } }
  clear: { profile: oauth2, endpoints: { token: "http://clear.provider.test:${clearPort}/token" }, credentials: { client_id: a, client_secret: the-secret-of-this-test } }
routes:
  - { provider: tls, match: { path: /tls }, upstream: "https://api.provider.test" }
  - { provider: clear, match: { path: /clear }, upstream: "http://clear.provider.test:${clearPort}" }
`,
  ).file;
}

const proxyAt = (port: number): string => `http://user:${PASSWORD}@127.0.0.1:${port}`;

test.serial('an egress proxy that wants other credentials is told with each provider behind it', async (t) => {
  const { port } = await startEgressProxy(t, { refuse: 407 });
  const env = { HTTPS_PROXY: proxyAt(port), HTTP_PROXY: proxyAt(port) };
  const { findings } = await diagnose(t, config(t), [], { env });
  for (const name of ['tls', 'clear']) {
    const told = {
      result: 'failure',
      code: 'egress_credentials',
      message: /the egress proxy wants other credentials \(407\)/,
      remedy: /HTTPS_PROXY=http:\/\/USER:PASSWORD@HOST:PORT/,
    } as const;
    assertTold(
      t,
      findings.filter(({ provider }) => provider === name),
      told,
      `407 for ${name}`,
    );
  }
});

test.serial('an egress proxy that lets a host not through, and one that is not there', async (t) => {
  const { port } = await startEgressProxy(t, { refuse: 403 });
  const env = { HTTPS_PROXY: proxyAt(port), HTTP_PROXY: proxyAt(9) };
  const { findings } = await diagnose(t, config(t), [], { env });
  const of = (name: string | null) => findings.filter(({ provider }) => provider === name);
  const refused = { result: 'failure', code: 'egress_refused', message: /\(403\)/, remedy: /NO_PROXY/ } as const;
  assertTold(t, of('tls'), refused, 'a proxy that refuses');
  const away = {
    result: 'failure',
    code: 'egress_unreachable',
    message: /can't reach clear\.provider\.test: the egress proxy can't be reached \(ECONNREFUSED\)/,
    remedy: /HTTPS_PROXY and HTTP_PROXY/,
  } as const;
  assertTold(t, of('clear'), away, 'a proxy that is not there');
  const told = {
    result: 'failure',
    code: 'connection_refused',
    message: /can't reach the egress proxy 127\.0\.0\.1:9: ECONNREFUSED/,
    remedy: /HTTPS_PROXY and HTTP_PROXY/,
  } as const;
  assertTold(t, of(null), told, 'a proxy that is not there, once');
});

test.serial(
  'the way through an egress proxy is the one that is tried, and a whole name is all it is asked for',
  async (t) => {
    const ca = await testCa(freshDir(t));
    const api = await startUpstream(t, undefined, { tls: await ca.issue('api.provider.test', 0, 200) });
    const tokens = await startTokenEndpoint(t);
    const tunnels = await startEgressProxy(t, { tunnelTo: api.port });
    const relay = await startEgressProxy(t);
    const env = { ...ca.env, HTTPS_PROXY: proxyAt(tunnels.port), HTTP_PROXY: proxyAt(relay.port) };
    const file = config(t, Number(new URL(tokens.url).port));
    const { findings } = await diagnose(t, file, [], { env });
    t.deepEqual(troubles(findings), []);
    const codes = (name: string | null) => findings.filter(({ provider }) => provider === name).map(({ code }) => code);
    t.deepEqual(codes('tls'), ['egress_ok', 'tls_ok', 'answer_ok']);
    t.deepEqual(codes('clear'), ['egress_ok', 'token_ok', 'expiry_ok', 'clock_ok']);
    t.is(codes(null).filter((code) => code === 'egress_ok').length, 2);
    t.deepEqual([...new Set(tunnels.asked.map(({ line }) => line))], ['CONNECT api.provider.test:443']);
    t.is(relay.asked.length, 1);
  },
);

test.serial('a variable that names no proxy is told without its value, and then no provider is asked', async (t) => {
  const { findings } = await diagnose(t, config(t), [], { env: { HTTPS_PROXY: `socks5://u:${PASSWORD}@127.0.0.1` } });
  const told = {
    result: 'failure',
    code: 'bad_egress_variable',
    message: /HTTPS_PROXY is not the http:\/\/ or https:\/\/ URL of a proxy/,
    remedy: /http:\/\/HOST:PORT/,
  } as const;
  assertTold(t, findings, told, 'a variable that names no proxy');
});
