import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';
import { handshake } from '../helpers/websocket-client.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { stateDir } from '../tunnel/intercepted.ts';
import { exchange, openTunnel } from '../tunnel/client.ts';
import { caller, tokenOf } from './given.ts';

/** What each caller may do, as the config says it, and once more as a rule of this test. */
const CALLERS: Readonly<
  Record<
    string,
    { readonly yaml: string; readonly routes?: string; readonly methods?: string; readonly paths?: RegExp }
  >
> = {
  all: { yaml: 'routes: "*"' },
  none: { yaml: '', routes: '' },
  one: { yaml: 'routes: [a]', routes: 'a' },
  both: { yaml: 'routes: [a, b]', routes: 'a b' },
  reads: { yaml: 'routes: "*", methods: [GET]', methods: 'GET' },
  posts: { yaml: 'routes: [a, b, sockets], methods: [POST, PUT]', routes: 'a b sockets', methods: 'POST PUT' },
  below: { yaml: 'routes: "*", paths: ["/a/v2/*", "/sockets/*"]', paths: /^\/(?:a\/v2|sockets)\// },
  exact: { yaml: 'routes: [a, b], paths: ["/a/v2/pay", "/b"]', routes: 'a b', paths: /^(?:\/a\/v2\/pay|\/b)$/ },
  narrow: { yaml: 'routes: [b], methods: [GET], paths: ["/b/*"]', routes: 'b', methods: 'GET', paths: /^\/b\// },
};

const METHODS = ['GET', 'POST', 'PUT'];
const RESTS = ['', '/', '/v2', '/v2/pay', '/v2/pay/more', '/v2%2Fpay', '/V2/pay', '/v2x'];

const ruleOf = (name: string, route: string, method: string, path: string): boolean => {
  const { routes, methods, paths } = CALLERS[name] ?? {};
  const has = (list: string | undefined, word: string): boolean => list === undefined || list.split(' ').includes(word);
  return has(routes, route) && has(methods, method) && (paths?.test(path) ?? true);
};

async function given(t: ExecutionContext) {
  const upstream = await startUpstream(t);
  const sockets = await startWebSocketUpstream(t);
  const outrider = await startOutrider(
    t,
    `
callers:
${Object.entries(CALLERS)
  .map(([name, { yaml }]) => caller(name, yaml))
  .join('\n')}
state_dir: ${stateDir(t)}
forward: { mode: intercept }
routes:
  - { name: a, match: { path: /a }, upstream: "http://localhost:${upstream.port}/at-a" }
  - { name: b, match: { path: /b }, upstream: "http://localhost:${upstream.port}/at-b" }
  - { name: sockets, match: { path: /sockets }, upstream: "${sockets.origin}", websocket: true }`,
  );
  return { upstream, sockets, outrider };
}

const FIXED_ID = 'X-Request-Id: same-for-all\r\n';
const head = (name: string): string => `${FIXED_ID}X-Outrider-Token: ${tokenOf(name)}\r\n`;
/** An answer without what the clock puts there. */
const withoutDate = (bytes: string): string => bytes.replace(/^Date: .*\r\n/im, '');

/** Counts the requests that reach the upstream, so that a refusal can be told from all else. */
function counter(upstream: Upstream): () => { requests: number; connections: number } {
  let requests = upstream.requests.length;
  let { connections } = upstream;
  return () => {
    const more = { requests: upstream.requests.length - requests, connections: upstream.connections - connections };
    requests = upstream.requests.length;
    ({ connections } = upstream);
    return more;
  };
}

interface Cell {
  readonly name: string;
  readonly route: string;
  readonly method: string;
  readonly rest: string;
}

const CELLS: readonly Cell[] = Object.keys(CALLERS).flatMap((name) =>
  ['a', 'b'].flatMap((route) => METHODS.flatMap((method) => RESTS.map((rest) => ({ name, route, method, rest })))),
);

/** The request line's target at each plain door. */
const DOORS: Readonly<Record<string, (cell: Cell, port: number) => string>> = {
  'base URL': ({ route, rest }) => `/${route}${rest}`,
  'absolute form': ({ route, rest }, port) => `http://localhost:${port}/at-${route}${rest}`,
};

for (const [door, targetOf] of Object.entries(DOORS)) {
  test(`what is allowed passes, and all else gets the same bytes with nothing dialled: ${door}`, async (t) => {
    t.timeout(120_000);
    const { upstream, outrider } = await given(t);
    const since = counter(upstream);
    const refusals = new Set<string>();
    let passed = 0;
    for (const cell of CELLS) {
      const { name, route, method, rest } = cell;
      const target = targetOf(cell, upstream.port);
      const host = door === 'base URL' ? 'localhost' : `localhost:${upstream.port}`;
      const bytes = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n${head(name)}Connection: close\r\n\r\n`;
      const answer = await ask(t, outrider.port, bytes);
      const what = `${name} ${method} ${target}`;
      const { requests, connections } = since();
      if (ruleOf(name, route, method, `/${route}${rest}`)) {
        t.is(answer.status, 200, what);
        t.is(requests, 1, what);
        passed++;
      } else {
        t.is(answer.status, 403, what);
        t.deepEqual({ requests, connections }, { requests: 0, connections: 0 }, what);
        refusals.add(withoutDate(`${answer.head}${answer.text}`));
      }
    }
    // What no route leads to, for those who may not use every route.
    for (const name of ['none', 'one', 'both', 'posts', 'exact', 'narrow']) {
      const target = door === 'base URL' ? '/nowhere' : `http://localhost:${upstream.port}/nowhere`;
      const host = door === 'base URL' ? 'localhost' : `localhost:${upstream.port}`;
      const answer = await ask(
        t,
        outrider.port,
        `PUT ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n${head(name)}Connection: close\r\n\r\n`,
      );
      refusals.add(withoutDate(`${answer.head}${answer.text}`));
    }
    t.true(passed > 100 && passed < CELLS.length - 100, String(passed));
    t.is(refusals.size, 1, [...refusals].join('\n'));
    t.regex([...refusals][0] ?? '', /"code":"caller_denied"/);
    t.notRegex([...refusals][0] ?? '', /"route"/);
  });
}

test('what is allowed passes, and all else gets the same bytes with nothing dialled: CONNECT', async (t) => {
  t.timeout(120_000);
  const { upstream, outrider } = await given(t);
  const authority = `localhost:${upstream.port}`;
  const since = counter(upstream);
  const refusals = new Set<string>();
  for (const name of Object.keys(CALLERS)) {
    const tunnel = await openTunnel(t, outrider.port, authority, head(name));
    if (name === 'none') {
      t.is(tunnel.status, 403);
      continue;
    }
    t.is(tunnel.status, 200, name);
    // The caller of the tunnel holds inside, whatever token comes there.
    for (const { route, method, rest } of CELLS.filter((cell) => cell.name === name)) {
      const bytes = `${method} /at-${route}${rest} HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 0\r\n${FIXED_ID}X-Outrider-Token: ${tokenOf('all')}\r\n\r\n`;
      const answer = await exchange(tunnel.socket, bytes);
      const { requests } = since();
      const isAllowed = ruleOf(name, route, method, `/${route}${rest}`);
      t.is(answer.status, isAllowed ? 200 : 403, `${name} ${method} ${route}${rest}`);
      t.is(requests, isAllowed ? 1 : 0, name);
      if (!isAllowed) refusals.add(withoutDate(answer.text));
    }
    tunnel.socket.destroy();
  }
  t.is(refusals.size, 1, [...refusals].join('\n'));
});

test('at the CONNECT door a host without a route of the caller is refused, whether a route leads there or not', async (t) => {
  const { upstream, outrider } = await given(t);
  const refusals = new Set<string>();
  for (const authority of [`localhost:${upstream.port}`, 'nowhere.example:443', 'localhost:1']) {
    const { status, head: answer } = await openTunnel(t, outrider.port, authority, head('none'));
    t.is(status, 403, authority);
    refusals.add(withoutDate(answer).replace(/"request_id":"[^"]*"/, ''));
  }
  t.is(refusals.size, 1, [...refusals].join('\n'));
  t.regex([...refusals][0] ?? '', /caller_denied/);
  t.is(upstream.connections, 0);
});

test('what is allowed passes, and all else gets the same bytes with nothing dialled: WebSocket', async (t) => {
  const { sockets, outrider } = await given(t);
  const refusals = new Set<string>();
  for (const name of Object.keys(CALLERS)) {
    for (const path of ['/sockets', '/sockets/x']) {
      const before = sockets.connections;
      const answer = await ask(t, outrider.port, handshake(path, head(name)));
      const isAllowed = ruleOf(name, 'sockets', 'GET', path);
      t.is(answer.status, isAllowed ? 101 : 403, `${name} ${path}`);
      t.is(sockets.connections - before, isAllowed ? 1 : 0, `${name} ${path}`);
      if (!isAllowed) refusals.add(withoutDate(`${answer.head}${answer.text}`));
      answer.client.socket.destroy();
    }
  }
  t.is(refusals.size, 1, [...refusals].join('\n'));
});

test('unmatched: tunnel is for callers with all routes alone, in absolute form and blind', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
callers:
${['all', 'reads', 'one'].map((name) => caller(name, (CALLERS[name]?.yaml ?? '').replace('[a]', '[here]'))).join('\n')}
forward: { mode: plain, unmatched: tunnel }
routes: [{ name: here, match: { path: /a }, upstream: "${upstream.origin}" }]`,
  );
  const connect = async (name: string): Promise<string> => {
    const { head: answer } = await openTunnel(t, outrider.port, 'localhost:1', head(name));
    return /"code":"([a-z_]+)"/.exec(answer)?.[1] ?? answer;
  };
  t.is(await connect('one'), 'caller_denied');
  t.is(await connect('reads'), 'caller_denied', 'nobody sees the methods within');
  // Loopback is never reached without a route, which shows that this one was let in.
  t.is(await connect('all'), 'destination_denied');
  const relay = async (name: string): Promise<string> => {
    const bytes = `GET http://localhost:1/x HTTP/1.1\r\nHost: localhost:1\r\n${head(name)}\r\n`;
    return (JSON.parse((await ask(t, outrider.port, bytes)).text) as { code: string }).code;
  };
  t.is(await relay('one'), 'caller_denied');
  t.is(await relay('reads'), 'destination_denied');
  t.is(await relay('all'), 'destination_denied');
});
