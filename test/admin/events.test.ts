import fs from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { events as schemas, requests } from '../../src/admin/schemas.ts';
import { fakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { apiOf, givenApi, ORDER, SIMULATED } from './given.ts';

interface Event {
  readonly id: number | undefined;
  readonly name: keyof typeof schemas;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Stream {
  readonly response: http.IncomingMessage;
  /** What has been read so far; each event's data is of its schema. */
  readonly events: () => readonly Event[];
  /** Resolves once there is such an event. */
  readonly has: (name: Event['name'], count?: number) => Promise<readonly Event[]>;
}

function open(outrider: Outrider, lastEventId?: number): Promise<http.IncomingMessage> {
  const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
  const origin = outrider.adminOrigin ?? '';
  const where = origin.startsWith('unix:')
    ? { socketPath: origin.slice(5) }
    : { host: '127.0.0.1', port: new URL(origin).port };
  return new Promise((resolve, reject) => {
    http.get({ ...where, path: '/api/events', headers, agent: false }, resolve).on('error', reject);
  });
}

async function stream(t: ExecutionContext, outrider: Outrider, lastEventId?: number): Promise<Stream> {
  const response = await open(outrider, lastEventId);
  t.is(response.headers['content-type'], 'text/event-stream');
  t.teardown(() => response.destroy());
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const events = (): readonly Event[] =>
    text
      .split('\n\n')
      .slice(0, -1)
      .flatMap((block) => {
        const [, name] = /^event: (.*)$/m.exec(block) ?? [];
        if (name === undefined) return [];
        const [, data = ''] = /^data: (.*)$/m.exec(block) ?? [];
        const [, id] = /^id: (.*)$/m.exec(block) ?? [];
        const event = { id: id === undefined ? undefined : Number(id), name: name as Event['name'] };
        const parsed = schemas[event.name].safeParse(JSON.parse(data));
        t.is(parsed.error?.message, undefined, block);
        return [{ ...event, data: parsed.data as Event['data'] }];
      });
  return {
    response,
    events,
    async has(name, count = 1) {
      const those = (): Event[] => events().filter((event) => event.name === name);
      await until(`${count} ${name}`, () => those().length >= count);
      return those();
    },
  };
}

test('what happens is told as it happens, in one row of ids', async (t) => {
  const { outrider, api } = await givenApi(t);
  await outrider.call('/nowhere');
  const { events, has } = await stream(t, outrider);
  await outrider.call(ORDER);
  await api.call('/api/reload', { method: 'POST' });
  const [request] = await has('request');
  t.like(request?.data, { path: ORDER, route: 'phonepe', id: request?.id });
  t.like((await has('renewal'))[0]?.data, { provider: 'phonepe', reason: 'cold', outcome: 'ok' });
  t.like((await has('reload'))[0]?.data, { outcome: 'ok' });
  t.like((await has('notice'))[0]?.data, { message: 'the config was reloaded' });
  const ids = events().map(({ id }) => id as number);
  t.deepEqual(
    ids,
    ids.map((_, i) => (ids[0] as number) + i),
  );
  t.is((await api.get('/api/requests', requests)).requests[0]?.id, request?.id);
});

test('who comes back gets what was missed, once, and what follows', async (t) => {
  const { outrider } = await givenApi(t);
  const first = await stream(t, outrider);
  await outrider.call('/dead/1');
  const [seen] = await first.has('request');
  first.response.destroy();
  for (const path of ['/dead/2', '/nowhere']) await outrider.call(path);
  await outrider.logged(3);
  const second = await stream(t, outrider, seen?.id);
  await outrider.call('/dead/3');
  const told = await second.has('request', 3);
  t.deepEqual(
    told.map(({ data }) => data['path']),
    ['/dead/2', '/nowhere', '/dead/3'],
  );
  t.false(second.events().some(({ name }) => name === 'lost'));
});

test('who comes while others are about to be told gets it once, and so do they', async (t) => {
  const clock = fakeClock();
  const { outrider } = await givenApi(t, SIMULATED, { clock });
  const first = await stream(t, outrider);
  await outrider.call('/nowhere');
  // Events gather for a while, and time stands still.
  t.deepEqual(first.events(), []);
  const second = await stream(t, outrider, 0);
  await second.has('request');
  await clock.advance(1_000);
  await outrider.call('/dead/x');
  await clock.advance(1_000);
  for (const { has } of [first, second]) {
    t.deepEqual(
      (await has('request', 2)).map(({ data }) => data['path']),
      ['/nowhere', '/dead/x'],
    );
  }
});

test('an id of another process, or none at all, counts as older than all', async (t) => {
  const { outrider } = await givenApi(t);
  await outrider.call('/nowhere');
  await outrider.logged(1);
  for (const id of [0, 4711, Number.MAX_SAFE_INTEGER]) {
    t.is((await (await stream(t, outrider, id)).has('request')).length, 1, String(id));
  }
});

test('who comes back too late is told how many are gone', async (t) => {
  const { outrider, api } = await givenApi(t);
  await outrider.call('/nowhere');
  await outrider.logged(1);
  const [first] = (await api.get('/api/requests', requests)).requests;
  for (let i = 0; i < 11; i++) {
    await Promise.all(Array.from({ length: 100 }, () => outrider.call('/nowhere')));
  }
  await outrider.logged(1_101);
  const { events, has } = await stream(t, outrider, first?.id);
  await has('request', 1_000);
  const [lost] = await has('lost');
  t.is(lost?.data['count'], 100);
  t.is(events().length, 1_001);
});

test('of requests that come too fast a reader is told some, and how many are missing', async (t) => {
  const clock = fakeClock();
  const { outrider } = await givenApi(t, SIMULATED, { clock });
  const { has } = await stream(t, outrider);
  for (let i = 0; i < 11; i++) await Promise.all(Array.from({ length: 100 }, () => outrider.call('/nowhere')));
  await clock.advance(1_000);
  const [lost] = await has('lost');
  t.is(lost?.data['count'], 100);
  t.is((await has('request', 1_000)).length, 1_000);
});

test('a reader too many is turned away', async (t) => {
  const { outrider, api } = await givenApi(t);
  const readers = await Promise.all(Array.from({ length: 32 }, () => open(outrider)));
  t.teardown(() => readers.forEach((reader) => reader.destroy()));
  await api.refused('/api/events', 503, 'overloaded');
  readers[0]?.destroy();
  let status: number | undefined = 503;
  while (status === 503) {
    const response = await open(outrider);
    status = response.statusCode;
    response.destroy();
  }
  t.is(status, 200);
  t.is((await apiOf(t, outrider).call('/livez')).status, 200);
});

const READERS = 20;
const REQUESTS = 2_000;
/** Each is told with its path, so that they are more than what is kept for a reader. */
const LONG = 'x'.repeat(1_500);

/** Sends requests, some at once; the 99th percentile of how long they took. */
async function load(outrider: Outrider): Promise<number> {
  const took: number[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const one = async (): Promise<void> => {
    const startedMs = performance.now();
    await outrider.call(`/api/${LONG}`, { agent });
    took.push(performance.now() - startedMs);
  };
  for (let sent = 0; sent < REQUESTS; sent += 8) await Promise.all(Array.from({ length: 8 }, one));
  agent.destroy();
  return took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] as number;
}

test('twenty readers who do not read cost the requests nothing, and memory only so much', async (t) => {
  t.timeout(120_000);
  const upstream = await startUpstream(t, (arrival) => arrival.reply(200, { body: 'ok' }));
  // Of a Unix socket the kernel keeps little, and always as much.
  const dir = fs.mkdtempSync(join(tmpdir(), 'outrider-events-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true }));
  const yaml = `admin: { address: "unix:${join(dir, 'admin.sock')}" }\nlog: { access: false }\nroutes: [{ name: api, match: { path: /api }, upstream: "${upstream.origin}" }]\n`;
  const { outrider } = await givenApi(t, yaml);
  await load(outrider);
  const without = await load(outrider);
  const readers = await Promise.all(Array.from({ length: READERS }, () => open(outrider)));
  t.teardown(() => readers.forEach((reader) => reader.destroy()));
  const before = process.memoryUsage();
  const limitMs = 3 * without + 20;
  let with20 = Infinity;
  let runs = 0;
  // The machine has others to serve: once as quick as without is enough.
  for (; with20 > limitMs && runs < 4; runs++) with20 = Math.min(with20, await load(outrider));
  const after = process.memoryUsage();
  const grownMiB = (after.external + after.heapUsed - before.external - before.heapUsed) / 1024 / 1024;
  t.log(`p99 ${without.toFixed(1)} ms without, ${with20.toFixed(1)} ms with them; ${grownMiB.toFixed(1)} MiB more`);
  // What each may be behind, on both sides, and the noise of a collector that has not run.
  t.true(grownMiB < 64, `${grownMiB} MiB`);
  t.true(with20 <= limitMs, `${with20} ms in place of ${without}`);
  // One that begins to read hears of what it has lost.
  const [reader] = readers;
  let text = '';
  reader?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const lost = (): number =>
    [...text.matchAll(/^event: lost\ndata: \{"count":(\d+)\}$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  const told = (): number => [...text.matchAll(/^id: \d+$/gm)].length;
  // The last events may come after it has begun to read.
  await until('every event, or that it was lost', () => told() + lost() >= runs * REQUESTS, 20_000);
  t.true(lost() > 0);
  t.is(told() + lost(), runs * REQUESTS);
});
