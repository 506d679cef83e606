import { once } from 'node:events';
import { renameSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import type { ExecutionContext } from 'ava';
import { makeAuthority, LOCAL } from '../helpers/authority.ts';
import { fakeClock } from '../helpers/clock.ts';
import { temporaryDirectory } from '../helpers/directory.ts';
import { runProgram, testWith } from '../helpers/programs.ts';
import { handshake, shake } from '../helpers/websocket-client.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { tokenOf } from './given.ts';
import { givenTls, taken, type Secured } from './tls-given.ts';

const test = testWith('openssl');

/** Sends requests until `isOver`, on kept connections and on new ones; yields each answer's status, 0 for none. */
async function load(
  t: ExecutionContext,
  { outrider, authority }: Secured,
  client: https.AgentOptions,
  isOver: () => boolean,
): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  const agents = [true, true, false].map((keepAlive) => new https.Agent({ keepAlive, ...client }));
  t.teardown(() => agents.forEach((agent) => agent.destroy()));
  const one = (agent: https.Agent): Promise<number> =>
    new Promise((resolve) => {
      https
        .get(
          { agent, host: '127.0.0.1', servername: 'localhost', port: outrider.port, path: '/a/x', ca: authority.cert },
          (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)),
        )
        .on('error', () => resolve(0));
    });
  await Promise.all(
    agents.map(async (agent) => {
      while (!isOver()) {
        const status = await one(agent);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  return statuses;
}

test('the pair and client_ca are rotated under load, and no request fails', async (t) => {
  t.timeout(120_000);
  const secured = await givenTls(t);
  const { outrider, authority, callersAuthority, client, write, trust } = secured;
  const pair = client('uri', { names: 'URI:spiffe://acme/shop' });
  let isOver = false;
  const loading = load(t, secured, pair, () => isOver);
  const serials = new Set<string>();
  const next = makeAuthority(t, 'The next CA of callers');
  for (let version = 2; version < 6; version++) {
    if (version === 4) trust(next.cert, callersAuthority.cert);
    else write('server', authority.issue(`server-${version}`, { names: LOCAL }));
    await taken(secured, version);
    const socket = tls.connect({ port: outrider.port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert });
    await once(socket, 'secureConnect');
    serials.add(socket.getPeerX509Certificate()?.serialNumber ?? '');
    socket.destroy();
  }
  isOver = true;
  const statuses = await loading;
  t.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]));
  t.true((statuses.get(200) ?? 0) > 100);
  t.is(serials.size, 3, 'the new pairs were shown');
});

test('a pair of which one file is new stays out, and the old one serves on', async (t) => {
  const clock = fakeClock();
  const secured = await givenTls(t, { clock });
  const { outrider, authority, at, write } = secured;
  const version = (): number | undefined => outrider.app.config.listen.tls?.current.version;
  write('half', authority.issue('server', { names: LOCAL }));
  renameSync(at('half.crt'), at('server.crt'));
  await clock.advance(5_000);
  t.is(version(), 1);
  let asked = 0;
  t.deepEqual([...(await load(t, secured, {}, () => ++asked > 4)).keys()], [401]);
  renameSync(at('half.key'), at('server.key'));
  await clock.advance(5_000);
  t.is(version(), 2);
});

test('WebSocket and CONNECT work over TLS', async (t) => {
  const sockets = await startWebSocketUpstream(t);
  const secured = await givenTls(t, {
    extra: `  - { name: ws, match: { path: /ws }, upstream: "${sockets.origin}", websocket: true }
forward: { mode: plain, unmatched: tunnel }`,
  });
  const { outrider, authority } = secured;
  const more = `X-Outrider-Token: ${tokenOf('by-token')}\r\n`;
  const options = { port: outrider.port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert };
  const socket = tls.connect(options);
  await once(socket, 'secureConnect');
  const shaken = await shake(t, outrider.port, handshake('/ws', more), socket);
  t.is(shaken.status, 101);
  const tunnel = tls.connect(options);
  await once(tunnel, 'secureConnect');
  const refused = await shake(
    t,
    outrider.port,
    `CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n${more}\r\n`,
    tunnel,
  );
  t.is(refused.status, 403, 'let in, and kept from loopback');
});

testWith('go', 'openssl')('Go speaks to it, with its own certificate', async (t) => {
  t.timeout(180_000);
  const secured = await givenTls(t);
  const { outrider, client, at } = secured;
  client('uri', { names: 'URI:spiffe://acme/shop' });
  const dir = temporaryDirectory(t);
  const source = path.join(import.meta.dirname, 'programs/client.go');
  const url = `https://localhost:${outrider.port}/a/x`;
  const env = { HOME: dir, GOCACHE: path.join(dir, 'cache'), GOFLAGS: '-mod=mod' };
  const said = await runProgram('go', ['run', source, url, at('ca.pem'), at('uri.crt'), at('uri.key')], env);
  t.is(said.trim(), '200 HTTP/1.1 TLS 772 http/1.1 resumed false\n200 HTTP/1.1 TLS 772 http/1.1 resumed true');
  t.deepEqual(
    (await outrider.logged(2)).map(({ caller }) => caller),
    ['by-uri', 'by-uri'],
  );
});
