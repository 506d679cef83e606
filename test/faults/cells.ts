import fs from 'node:fs';
import type { ExecutionContext } from 'ava';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { AccessLine, Outrider } from '../helpers/outrider.ts';
import { rawClient } from '../helpers/raw.ts';
import { startShim } from '../helpers/shim.ts';
import type { Fault, Shim, Strike } from '../helpers/shim.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';

export const METHODS = ['GET', 'POST', 'chunked POST'] as const;
export type Method = (typeof METHODS)[number];

/** Status, code and outcome by the names that the tables use; `cut`: the connection broke under the answer. */
export const OUTCOMES = {
  '200': ['200', '-', '-'],
  failed: ['502', 'upstream_failed', 'unknown'],
  late: ['504', 'upstream_timeout', 'unknown'],
  bad: ['502', 'upstream_bad_response', 'unknown'],
  'cut failed': ['cut', 'upstream_failed', 'unknown'],
  'cut late': ['cut', 'upstream_timeout', 'unknown'],
  'cut bad': ['cut', 'upstream_bad_response', 'unknown'],
  unreachable: ['502', 'upstream_unreachable', 'not_sent'],
  'no connection': ['504', 'upstream_timeout', 'not_sent'],
} as const;
export type OutcomeName = keyof typeof OUTCOMES;

/** Reads a table: a line of column names, then a line for each row; columns are at least two blanks apart. */
export function readTable<Row extends string, Column extends string>(
  text: string,
): [row: Row, column: Column, expected: OutcomeName][] {
  const [columns = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
  return rows.flatMap(([row, ...cells]) =>
    cells.map((cell, i): [Row, Column, OutcomeName] => {
      if (!(cell in OUTCOMES)) throw new Error(`no such outcome: ${cell}`);
      return [row as Row, columns[i] as Column, cell as OutcomeName];
    }),
  );
}

export interface Cell {
  readonly what: string;
  readonly method: Method;
  readonly strike: Strike | undefined;
  /** Hits the idle connection of an earlier request. */
  readonly idle?: Fault;
  readonly expected: OutcomeName;
  /** How many connections the one request makes; default: not looked at. */
  readonly connections?: number;
}

/** Only a fault that never ends is not waited for. */
const HASTY: Readonly<Partial<Record<OutcomeName, string>>> = {
  late: 'response',
  'cut late': 'idle',
  'no connection': 'connect',
};
const HASTY_MS = 300;
const SLACK_MS = 15_000;
/** For a busy machine. */
const PATIENCE_MS = 20_000;
const BODY = `{"amount":"${'9'.repeat(180)}"}`;

/** The request in pieces, so that its body does not come together with its head. */
function piecesOf(method: Method, target: string, id: string): string[] {
  const head = `${method === 'GET' ? 'GET' : 'POST'} ${target} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\n`;
  const [first, second] = [BODY.slice(0, 120), BODY.slice(120)];
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  if (method === 'GET') return [`${head}\r\n`];
  if (method === 'POST') return [`${head}Content-Length: ${BODY.length}\r\n\r\n`, first, second];
  return [`${head}Transfer-Encoding: chunked\r\n\r\n`, chunk(first), `${chunk(second)}0\r\n\r\n`];
}

export interface Bench {
  readonly upstream: Upstream;
  readonly outrider: Outrider;
  readonly shims: readonly Shim[];
  run(): Promise<void>;
}

/**
 * A route and a link of its own for each cell. Each is asked once through its fault, and once more without.
 * @param tls Where TLS with the proxy ends: at the link, behind it, or nowhere.
 */
export async function givenCells(
  t: ExecutionContext,
  cells: readonly Cell[],
  tls: 'none' | 'at the link' | 'behind it' = 'none',
): Promise<Bench> {
  const certificate = { key: CERTIFICATE_KEY, cert: CERTIFICATE };
  const handler: Parameters<typeof startUpstream>[1] = async (arrival) => {
    const { length } = await arrival.body();
    const rest = `${arrival.target} took ${length}`;
    await arrival.write(
      `HTTP/1.1 200 OK\r\nX-For: ${arrival.target}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n`,
    );
  };
  const upstream = await startUpstream(t, handler, tls === 'behind it' ? { tls: certificate } : {});
  const shims = await Promise.all(
    cells.map(() => startShim(t, upstream.port, tls === 'at the link' ? { tls: certificate } : {})),
  );
  const routes = cells.flatMap(({ expected }, i) => {
    const origin = `${tls === 'none' ? 'http' : 'https'}://127.0.0.1:${shims[i]?.port}`;
    const route = (name: string, hasty?: string): string => {
      const timeouts = ['connect', 'response', 'idle'].map((one) => `${one}: ${one === hasty ? HASTY_MS : 30_000}ms`);
      return `  - { name: ${name}${i}, match: { path: /${name}${i} }, upstream: "${origin}", timeouts: { ${timeouts.join()} } }`;
    };
    return [route('calm'), route('hit', HASTY[expected])];
  });
  const outrider = await startOutrider(t, `replay: { memory: 64B }\nroutes:\n${routes.join('\n')}`);

  const ask = async (cell: Cell, route: string, id: string): Promise<string> => {
    const client = await rawClient(t, outrider.port);
    const answer = client.answer({ ms: 30_000 });
    try {
      for (const piece of piecesOf(cell.method, `/${route}/${id}`, id)) {
        await client.send(piece);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const { status, text } = await answer;
      if (status === 200)
        return text === `hello/${id} took ${cell.method === 'GET' ? 0 : BODY.length}` ? '200 - -' : text;
      const { code, outcome } = JSON.parse(text) as { code: string; outcome: string };
      return `${status} ${code} ${outcome}`;
    } catch (error) {
      if (!/connection closed/.test(String(error))) throw error;
      return 'cut';
    } finally {
      client.socket.destroy();
    }
  };
  const asked = (id: string): number => upstream.requests.filter(({ target }) => target === `/${id}`).length;

  const runCell = async (cell: Cell, i: number): Promise<void> => {
    const { what, strike, idle, expected, connections } = cell;
    const shim = shims[i] as Shim;
    const ok = OUTCOMES['200'].join(' ');
    if (idle) {
      t.is(await ask(cell, `calm${i}`, `c${i}-before`), ok, `${what}: before`);
      shim.hitAll(idle);
      if (expected === '200')
        await until(`${what}: the proxy lets go of the connection`, () => shim.openBroken === 0, PATIENCE_MS);
    }
    // An idle connection may have been given up by now; then a new one stalls.
    shim.strike = idle === 'stall' ? { fault: idle } : strike;
    const began = Date.now();
    const [status, code, outcome] = OUTCOMES[expected];
    const id = `c${i}-hit`;
    t.is(await ask(cell, `hit${i}`, id), status === 'cut' ? 'cut' : `${status} ${code} ${outcome}`, what);
    const tookMs = Date.now() - began;
    if (HASTY[expected]) t.true(tookMs > HASTY_MS * 0.8 && tookMs < HASTY_MS + SLACK_MS, `${what}: ${tookMs} ms`);
    if (connections !== undefined) t.is(shim.connections, connections, `${what}: connections`);
    t.true(asked(id) <= (outcome === 'not_sent' ? 0 : 1), `${what}: asked ${asked(id)} times`);
    const isItsLine = (text: string): boolean =>
      text.includes(`"request_id":"${id}"`) && text.includes('"duration_ms"');
    const itsLine = (): string | undefined => outrider.logText().split('\n').find(isItsLine);
    await until(`${what}: its line in the log`, () => itsLine() !== undefined, PATIENCE_MS);
    const line = JSON.parse(itsLine() as string) as Partial<AccessLine>;
    t.deepEqual([line.code ?? '-', line.outcome ?? '-'], [code, outcome], `${what}: the log`);

    shim.strike = undefined;
    t.is(await ask(cell, `calm${i}`, `c${i}-next`), ok, `${what}: the next request`);
    t.is(asked(`c${i}-next`), 1);
    await until(`${what}: no broken connection stays open`, () => shim.openBroken === 0, PATIENCE_MS);
    t.true(shim.openConnections <= 1, `${what}: ${shim.openConnections} connections stay open`);
  };
  return {
    upstream,
    outrider,
    shims,
    async run() {
      await Promise.all(cells.map(runCell));
    },
  };
}

/** Temporary files that this process holds; they have no name any more. */
const spoolFiles = (): string[] =>
  fs.existsSync('/proc/self/fd')
    ? fs.readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return /\/outrider-\d+-[0-9a-f]+ \(deleted\)$/.test(fs.readlinkSync(`/proc/self/fd/${fd}`));
        } catch {
          return false;
        }
      })
    : [];

/** Rejects when sockets or temporary files stay open in this process though all that used them has stopped. */
export async function nothingLeft(): Promise<void> {
  await until('no temporary file stays open', () => spoolFiles().length === 0);
  const sockets = (): string[] => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'));
  await until('no socket stays open', () => sockets().length === 0);
}
