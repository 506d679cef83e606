import { lookup } from 'node:dns/promises';
import net from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { configFile } from '../commands/run.ts';
import { startDeaf } from '../helpers/deaf.ts';
import { granted, startTokenEndpoint, type TokenAnswer } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { assertTold, diagnose, freshDir, testCa, type Told } from './given.ts';

interface Servers {
  /** Everything is well there. */
  readonly good: string;
  readonly expired: string;
  readonly endsSoon: string;
  readonly notYetValid: string;
  readonly wrongName: string;
  readonly selfSigned: string;
  readonly wantsCertificate12: string;
  readonly wantsCertificate13: string;
  readonly goodTls: string;
  readonly silent: string;
  readonly deaf: string;
  readonly breaks: string;
  readonly talksOtherwise: string;
  /** A token endpoint that answers so. */
  readonly answering: (answer: TokenAnswer) => Promise<string>;
}

interface Fault extends Told {
  readonly planted: string;
  /** Where the provider's API and token endpoint are; what is left out is well. */
  readonly plant: (servers: Servers) => Planted | Promise<Planted>;
}

interface Planted {
  readonly api?: string;
  readonly token?: string;
}

const https = (origin: string): string => origin.replace('http:', 'https:');
const MINUTES_10 = 600_000;
/** Where no DNS server is to be had, nobody can say that there is no such name. */
const hasDns = await lookup('nowhere.invalid').catch(({ code }: NodeJS.ErrnoException) => code === 'ENOTFOUND');

/** The plan of what can be wrong on the way to a provider: each row is planted, and has to be found, alone and with its remedy. */
const FAULTS: readonly Fault[] = [
  {
    planted: 'a name that does not resolve',
    plant: () => ({ api: 'https://nowhere.invalid' }),
    result: 'failure',
    code: hasDns ? 'name_not_found' : 'name_not_resolved',
    message: hasDns ? /can't reach nowhere\.invalid: ENOTFOUND/ : /nowhere\.invalid/,
    remedy: hasDns ? /name in `upstream` of the route p0.*DNS/ : /resolv\.conf/,
  },
  {
    planted: 'a closed port',
    plant: () => ({ api: 'http://127.0.0.1:9' }),
    result: 'failure',
    code: 'connection_refused',
    message: /can't reach 127\.0\.0\.1:9: ECONNREFUSED/,
    remedy: /nothing listens there: .*`upstream`/,
  },
  {
    planted: 'a token endpoint at a closed port',
    plant: () => ({ token: 'http://127.0.0.1:9/token' }),
    result: 'failure',
    code: 'connection_refused',
    message: /127\.0\.0\.1:9: ECONNREFUSED/,
    remedy: /nothing listens there: .*`endpoints\.token`/,
  },
  {
    planted: 'a server that takes no connection',
    plant: ({ deaf }) => ({ api: deaf }),
    result: 'failure',
    code: 'connection_timeout',
    message: /no connection to 127\.0\.0\.1:\d+ within 4 s/,
    remedy: /firewall/,
  },
  {
    planted: 'a server that never answers in TLS',
    plant: ({ silent }) => ({ api: https(silent) }),
    result: 'failure',
    code: 'no_answer',
    message: /takes connections, and does not answer in TLS/,
    remedy: /firewall/,
  },
  {
    planted: 'an API that never answers',
    plant: ({ silent }) => ({ api: silent }),
    result: 'failure',
    code: 'no_answer',
    message: /no answer from 127\.0\.0\.1:\d+ within \ds/,
    remedy: /host and port in `upstream`.*provider has to recover/,
  },
  {
    planted: 'a token endpoint that never answers',
    plant: ({ silent }) => ({ token: `${silent}/token` }),
    result: 'failure',
    code: 'no_answer',
    message: /no answer from 127\.0\.0\.1:\d+ within \ds/,
    remedy: /`endpoints\.token`/,
  },
  {
    planted: 'a server that breaks every connection off',
    plant: ({ breaks }) => ({ api: breaks }),
    result: 'failure',
    code: 'connection_broke',
    message: /connection to 127\.0\.0\.1:\d+ broke/,
    remedy: /scheme and port/,
  },
  {
    planted: 'a server that speaks something else',
    plant: ({ talksOtherwise }) => ({ api: talksOtherwise }),
    result: 'failure',
    code: 'not_http',
    message: /something that is not HTTP/,
    remedy: /scheme and port/,
  },
  {
    planted: 'an expired certificate',
    plant: ({ expired }) => ({ api: expired }),
    result: 'failure',
    code: 'certificate_expired',
    message: /certificate of localhost:\d+ expired on \d{4}-\d\d-\d\d, [34] days ago/,
    remedy: /operator has to renew it/,
  },
  {
    planted: 'a certificate that is not valid yet',
    plant: ({ notYetValid }) => ({ api: notYetValid }),
    result: 'failure',
    code: 'certificate_not_yet_valid',
    message: /valid from \d{4}-\d\d-\d\d on/,
    remedy: /clock of this machine/,
  },
  {
    planted: 'a certificate that ends within two weeks',
    plant: ({ endsSoon }) => ({ api: endsSoon }),
    result: 'warning',
    code: 'certificate_expires_soon',
    message: /ends soon: valid until \d{4}-\d\d-\d\d, for [45] days/,
    remedy: /renew it before/,
  },
  {
    planted: 'a certificate for another name',
    plant: ({ wrongName }) => ({ api: wrongName }),
    result: 'failure',
    code: 'certificate_for_another_name',
    message: /is for another name: other\.test/,
    remedy: /write a name that the certificate is for/,
  },
  {
    planted: 'a certificate that signs itself',
    plant: ({ selfSigned }) => ({ api: selfSigned }),
    result: 'failure',
    code: 'certificate_untrusted',
    message: /is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    remedy: /whole chain.*NODE_EXTRA_CA_CERTS/,
  },
  {
    planted: 'a client certificate wanted, TLS 1.2',
    plant: ({ wantsCertificate12 }) => ({ api: wantsCertificate12 }),
    result: 'failure',
    code: 'client_certificate_wanted',
    message: /asks for a client certificate/,
    remedy: /that wants none/,
  },
  {
    planted: 'a client certificate wanted, TLS 1.3',
    plant: ({ wantsCertificate13 }) => ({ api: wantsCertificate13 }),
    result: 'failure',
    code: 'client_certificate_wanted',
    message: /asks for a client certificate/,
    remedy: /that wants none/,
  },
  {
    planted: 'a token endpoint that wants a client certificate',
    plant: ({ wantsCertificate13 }) => ({ token: `${wantsCertificate13}/token` }),
    result: 'failure',
    code: 'client_certificate_wanted',
    message: /asks for a client certificate/,
    remedy: /`endpoints\.token`/,
  },
  {
    planted: 'https where no TLS is spoken',
    plant: async ({ answering }) => ({ token: https(await answering(granted('the-token-of-this-test'))) }),
    result: 'failure',
    code: 'no_tls',
    message: /no TLS is spoken there/,
    remedy: /http:\/\/ in `endpoints\.token`/,
  },
  {
    planted: 'http where TLS is spoken',
    plant: ({ goodTls }) => ({ token: `${goodTls.replace('https:', 'http:')}/token` }),
    result: 'failure',
    code: 'tls_spoken',
    message: /speaks TLS, and the address says http/,
    remedy: /write https:\/\/ in `endpoints\.token`/,
  },
  {
    planted: 'a clock that is ten minutes behind',
    plant: async ({ answering }) => ({
      token: await answering({
        ...granted('the-token-of-this-test'),
        headers: { date: new Date(Date.now() + MINUTES_10).toUTCString() },
      }),
    }),
    result: 'warning',
    code: 'clock_skew',
    message: /clock of this machine is (?:10m|9m \d\ds).* behind that of 127\.0\.0\.1:\d+/,
    remedy: /NTP/,
  },
  {
    planted: 'wrong credentials (401)',
    plant: async ({ answering }) => ({ token: await answering({ status: 401, body: '' }) }),
    result: 'failure',
    code: 'credentials_refused',
    message: /refused the credentials \(status 401\)/,
    remedy: /provider's credentials/,
  },
  {
    planted: 'a page of a firewall (403, text/html)',
    plant: async ({ answering }) => ({
      token: await answering({ status: 403, headers: { 'content-type': 'text/html' }, body: '<p>no</p>' }),
    }),
    result: 'failure',
    code: 'token_call_refused',
    message: /refused the call \(status 403, text\/html\)/,
    remedy: /outrider explain/,
  },
  {
    planted: 'a wrong path of the token endpoint (404)',
    plant: async ({ answering }) => ({ token: await answering({ status: 404, body: '' }) }),
    result: 'failure',
    code: 'no_token_endpoint',
    message: /no token endpoint at that address \(status 404\)/,
    remedy: /`endpoints\.token`/,
  },
  {
    planted: 'a token endpoint that redirects',
    plant: async ({ answering }) => ({
      token: await answering({ status: 302, headers: { location: 'https://elsewhere.test/' }, body: '' }),
    }),
    result: 'failure',
    code: 'no_token_endpoint',
    message: /redirects \(status 302\)/,
    remedy: /`endpoints\.token`/,
  },
  {
    planted: 'a scope that the provider does not grant',
    plant: async ({ answering }) => ({
      token: await answering({ status: 400, body: { error: 'invalid_scope', error_description: 'hunter-two-hunter' } }),
    }),
    result: 'failure',
    code: 'token_call_refused',
    message: /refused the call: invalid_scope \(status 400\)/,
    remedy: /scope, fields, headers/,
  },
  {
    planted: 'a token endpoint that is down',
    plant: async ({ answering }) => ({ token: await answering({ status: 503, body: '' }) }),
    result: 'failure',
    code: 'token_endpoint_failed',
    message: /failed \(status 503\)/,
    remedy: /try again later/,
  },
  {
    planted: 'an answer without a token',
    plant: async ({ answering }) => ({ token: await answering({ body: { data: { token: 'hunter-two-hunter' } } }) }),
    result: 'failure',
    code: 'no_token',
    message: /answered without a token/,
    remedy: /`token\.read`/,
  },
  {
    planted: 'an expiry that can not be read',
    plant: async ({ answering }) => ({
      token: await answering(granted('the-token-of-this-test', 'an hour')),
    }),
    result: 'warning',
    code: 'unreadable_expiry',
    message: /\/expires_in of the token answer can't be read/,
    remedy: /`token\.read\.expiry`/,
  },
  {
    planted: 'an expiry that is not to be believed',
    plant: async ({ answering }) => ({ token: await answering(granted('the-token-of-this-test', 3_600_000)) }),
    result: 'warning',
    code: 'implausible_expiry',
    message: /lives for 41 days/,
    remedy: /`unit: ms`/,
  },
  {
    planted: 'a token that has expired when it comes',
    plant: async ({ answering }) => ({ token: await answering(granted('the-token-of-this-test', 0)) }),
    result: 'warning',
    code: 'token_expired_already',
    message: /expired already/,
    remedy: /`token\.read\.expiry`/,
  },
];

async function startRaw(t: ExecutionContext, serve: (socket: net.Socket) => void): Promise<string> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

async function startServers(t: ExecutionContext, ca: Awaited<ReturnType<typeof testCa>>): Promise<Servers> {
  const overTls = async (tls: object): Promise<string> =>
    `https://localhost:${(await startUpstream(t, undefined, { tls })).port}`;
  const leaf = await ca.issue('localhost', 0, 200);
  const wanting = (version: string): object => ({
    ...leaf,
    requestCert: true,
    ca: ca.certificate,
    minVersion: version,
    maxVersion: version,
  });
  return {
    good: (await startUpstream(t)).origin,
    expired: await overTls(await ca.issue('localhost', -5, -4)),
    endsSoon: await overTls(await ca.issue('localhost', 0, 5)),
    notYetValid: await overTls(await ca.issue('localhost', 3, 200)),
    wrongName: await overTls(await ca.issue('other.test', 0, 200)),
    selfSigned: await overTls({ key: CERTIFICATE_KEY, cert: CERTIFICATE }),
    wantsCertificate12: await overTls(wanting('TLSv1.2')),
    wantsCertificate13: await overTls(wanting('TLSv1.3')),
    goodTls: await overTls(leaf),
    silent: await startRaw(t, (socket) => socket.resume()),
    deaf: `http://127.0.0.1:${(await startDeaf(t)).port}`,
    breaks: await startRaw(t, (socket) => socket.destroy()),
    talksOtherwise: await startRaw(t, (socket) => socket.end('220 mail.test ESMTP\r\n')),
    answering: async (answer) => (await startTokenEndpoint(t, () => answer)).url,
  };
}

test.serial(
  'each fault on the way to a provider is found by name, alone, with its remedy, within ten seconds',
  async (t) => {
    const ca = await testCa(freshDir(t));
    const servers = await startServers(t, ca);
    const fine = (await startTokenEndpoint(t)).url;
    const planted = await Promise.all(FAULTS.map(async ({ plant }) => plant(servers)));
    const names = FAULTS.map((_, i) => `p${i}`);
    const { file } = configFile(
      t,
      `version: 1
listen: { address: "127.0.0.1:0" }
admin: false
limits: { connections: 10 }
providers:
  well: { profile: oauth2, endpoints: { token: "${fine}" }, credentials: { client_id: a, client_secret: hunter-two-hunter } }
${planted.map(({ token = fine }, i) => `  ${names[i]}: { profile: oauth2, endpoints: { token: "${token}" }, credentials: { client_id: a, client_secret: hunter-two-hunter } }`).join('\n')}
routes:
  - { provider: well, match: { path: /well }, upstream: "${servers.goodTls}" }
${planted.map(({ api = servers.good }, i) => `  - { provider: ${names[i]}, match: { path: /${names[i]} }, upstream: "${api}/v1" }`).join('\n')}
`,
    );
    const { findings, duration_ms: durationMs } = await diagnose(t, file, [], { env: ca.env });
    for (const [i, fault] of FAULTS.entries()) {
      const own = findings.filter(({ provider }) => provider === names[i]);
      assertTold(t, own, fault, fault.planted);
    }
    const well = findings.filter(({ provider }) => provider === 'well').map(({ code }) => code);
    t.deepEqual(well, [
      'connected',
      'token_ok',
      'expiry_ok',
      'clock_ok',
      'name_ok',
      'connected',
      'tls_ok',
      'answer_ok',
    ]);
    t.deepEqual(
      findings.filter(({ provider, result }) => provider === null && result === 'failure'),
      [],
    );
    t.true(durationMs < 10_500, `${durationMs} ms`);
  },
);
