import { once } from 'node:events';
import tls from 'node:tls';
import type { ExecutionContext } from 'ava';
import { makeAuthority } from '../helpers/authority.ts';
import { until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { runProgram, testWith } from '../helpers/programs.ts';
import { ask } from '../helpers/raw.ts';
import { tokenOf } from './given.ts';
import { givenTls, taken, type Secured } from './tls-given.ts';

const test = testWith('openssl', 'curl');

/** What curl gets: status and body. */
async function curl(
  { at, outrider }: Secured,
  args: readonly string[] = [],
  path = '/a/x',
): Promise<{ status: number; text: string }> {
  const said = await runProgram('curl', [
    '-sS',
    '--cacert',
    at('ca.pem'),
    '--noproxy',
    '*',
    '-w',
    '\n%{http_code}',
    ...args,
    `https://localhost:${outrider.port}${path}`,
  ]);
  const [, text = '', status] = /^([^]*)\n(\d+)$/.exec(said) ?? [];
  return { status: Number(status), text };
}

const withToken = ['-H', `X-Outrider-Token: ${tokenOf('by-token')}`];
const certificate = ({ at }: Secured, name: string): readonly string[] => [
  '--cert',
  at(`${name}.crt`),
  '--key',
  at(`${name}.key`),
];

/** A handshake of OpenSSL's own client. */
const handshake = ({ at, outrider }: Secured, ...args: readonly string[]): Promise<string> =>
  runProgram('sh', [
    '-c',
    `openssl s_client -connect localhost:${outrider.port} -servername localhost "$@" 2>&1 </dev/null || true`,
    'sh',
    '-CAfile',
    at('ca.pem'),
    ...args,
  ]);

test('TLS 1.2 and 1.3 are spoken and nothing older, with HTTP/1.1 by ALPN', async (t) => {
  const secured = await givenTls(t);
  t.is(new URL(secured.outrider.origin).protocol, 'https:');
  for (const version of ['1.2', '1.3']) {
    const said = await handshake(secured, `-tls${version.replace('.', '_')}`, '-alpn', 'h2,http/1.1');
    t.regex(said, new RegExp(`New, TLSv${version}`), said);
    t.regex(said, /ALPN protocol: http\/1\.1/);
    t.regex(said, /Verify return code: 0 \(ok\)/);
    t.is((await curl(secured, [...withToken, `--tlsv${version}`, '--tls-max', version])).status, 200);
  }
  for (const old of ['-tls1_1', '-tls1']) {
    const said = await handshake(secured, old, '-cipher', 'DEFAULT@SECLEVEL=0');
    t.regex(said, /Cipher is \(NONE\)/, said);
  }
});

test('a plain request to the TLS port gets a 400 that says so, and the connection closes', async (t) => {
  const { outrider, upstream } = await givenTls(t);
  for (const head of ['GET /a/x HTTP/1.1', 'CONNECT a.example:443 HTTP/1.1']) {
    const answer = await ask(t, outrider.port, `${head}\r\nHost: localhost\r\nX-Request-Id: plain-1\r\n\r\n`);
    assertProblem(t, answer, { status: 400, code: 'bad_request', detail: /TLS.*https:/ });
    t.is(await answer.client.closed(), 'end');
  }
  t.like((await outrider.logged(2))[0], { status: 400, path: '/a/x', request_id: 'plain-1' });
  t.is(upstream.connections, 0);
});

test('a client certificate is asked for and not required; its URI, DNS name or common name is the caller', async (t) => {
  const secured = await givenTls(t);
  const { outrider, client } = secured;
  client('uri', { names: 'DNS:other.example,URI:spiffe://acme/shop' });
  client('dns', { names: 'DNS:reports.example' });
  client('batch', {});
  client('stranger', { names: 'URI:spiffe://acme/shop/more,DNS:sub.reports.example' });
  t.is((await curl(secured, withToken)).status, 200);
  for (const name of ['uri', 'dns', 'batch']) {
    for (const max of ['1.2', '1.3'])
      t.is((await curl(secured, [...certificate(secured, name), '--tls-max', max])).status, 200, `${name} ${max}`);
  }
  const callers = (await outrider.logged(7)).map(({ caller }) => caller);
  t.deepEqual(callers, ['by-token', 'by-uri', 'by-uri', 'by-dns', 'by-dns', 'by-cn', 'by-cn']);
  for (const args of [
    [],
    certificate(secured, 'stranger'),
    [...certificate(secured, 'stranger'), ...withToken],
    [...certificate(secured, 'uri'), ...withToken],
  ])
    t.like(await curl(secured, args), { status: 401 });
});

test('a certificate that does not verify ends the handshake', async (t) => {
  const secured = await givenTls(t);
  const { client, upstream } = secured;
  client('foreign', { names: 'URI:spiffe://acme/shop' }, makeAuthority(t, 'Another CA'));
  client('expired', { names: 'URI:spiffe://acme/shop', days: -1 });
  for (const name of ['foreign', 'expired']) {
    for (const max of ['1.2', '1.3']) {
      const args = [...certificate(secured, name), ...withToken, '--tls-max', max];
      await t.throwsAsync(curl(secured, args), { message: /exit (?:35|52|56)\b/ }, `${name} ${max}`);
    }
  }
  t.is(upstream.connections, 0);
  t.regex(secured.outrider.logText(), /does not verify \(CERT_HAS_EXPIRED\)/);
});

/** A client of Node that keeps its session. */
async function connect(
  t: ExecutionContext,
  { outrider, authority }: Secured,
  options: tls.ConnectionOptions = {},
): Promise<{ socket: tls.TLSSocket; session: () => Buffer | undefined; get: () => Promise<number> }> {
  const socket = tls.connect({
    port: outrider.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.cert,
    ...options,
  });
  t.teardown(() => socket.destroy());
  let session: Buffer | undefined;
  socket.on('session', (ticket) => (session = ticket)).on('error', () => undefined);
  await once(socket, 'secureConnect');
  return {
    socket,
    session: () => session,
    async get() {
      socket.write('GET /a/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return Number(answer.toString('latin1').split(' ')[1]);
    },
  };
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session is resumed with its certificate, but not beyond a change of the pair or of client_ca: ${maxVersion}`, async (t) => {
    const secured = await givenTls(t);
    const { write, authority, client } = secured;
    const pair = client('uri', { names: 'URI:spiffe://acme/shop' });
    const options = { ...pair, maxVersion };
    const first = await connect(t, secured, options);
    t.is(await first.get(), 200);
    await until('a session', () => first.session() !== undefined);
    const session = first.session();
    const second = await connect(t, secured, { maxVersion, session });
    t.true(second.socket.isSessionReused());
    t.is(await second.get(), 200, 'the certificate of the session counts');

    write('server', authority.issue('server', { names: 'DNS:localhost,IP:127.0.0.1' }));
    await taken(secured, 2);
    const third = await connect(t, secured, { ...options, session });
    t.false(third.socket.isSessionReused(), 'after a change of the pair');
    t.is(await third.get(), 200);
    await until('a session', () => third.session() !== undefined);

    const other = makeAuthority(t, 'The next CA');
    secured.trust(other.cert);
    await taken(secured, 3);
    const fourth = await connect(t, secured, { maxVersion, session: third.session() });
    t.false(fourth.socket.isSessionReused(), 'after a change of client_ca');
    t.is(await fourth.get(), 401);
    t.is(await third.get(), 401, 'a connection that is still open has lost its root');
    await until('its end', () => third.socket.destroyed || third.socket.readableEnded);
  });
}

test('a request whose caller shows a certificate came in by its own door, and through no tunnel', async (t) => {
  const secured = await givenTls(t);
  secured.client('door', { names: 'URI:spiffe://acme/shop' });
  const doors: unknown[] = [];
  secured.outrider.app.events.on('exchange', ({ caller, door }) => doors.push([caller, door]));
  t.is((await curl(secured, certificate(secured, 'door'))).status, 200);
  t.deepEqual(doors, [['by-uri', 'base_url']]);
});
