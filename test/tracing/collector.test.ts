import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { plainYaml } from '../contract/given.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startCollector, type CollectorScript } from '../helpers/collector.ts';
import { until, within } from '../helpers/http1.ts';
import { startOutrider, type Outrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { SOON } from './given.ts';

interface Given {
  readonly endpoint?: string;
  readonly script?: CollectorScript;
  readonly tracing?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isReal?: boolean;
}

/** A route without credentials: a request makes two spans. */
async function given(t: ExecutionContext, { endpoint, script, tracing = '', env = {}, isReal = false }: Given = {}) {
  const collector = await startCollector(t);
  if (script) collector.script = script;
  const upstream = await startUpstream(t);
  const clock = fakeClock();
  const section = `tracing: { endpoint: "${endpoint ?? collector.origin}"${tracing} }`;
  const outrider = await startOutrider(t, plainYaml(upstream.origin, '', section), {
    env: { ...SOON, ...env },
    ...(!isReal && { clock }),
  });
  return { collector, upstream, outrider, clock };
}

interface Loss {
  readonly level: string;
  readonly message: string;
  readonly lost: number;
  readonly lost_since_start: number;
  readonly why: string;
}

const lossesIn = (outrider: Outrider): Loss[] =>
  outrider
    .logText()
    .split('\n')
    .filter((line) => line.includes('Spans of traces were lost'))
    .map((line) => JSON.parse(line) as Loss);

async function losses(outrider: Outrider, count: number): Promise<Loss[]> {
  await until(`${count} times of losses`, () => lossesIn(outrider).length >= count);
  return lossesIn(outrider);
}

test('the headers of the config and of the variables go to the collector, and are seen nowhere else', async (t) => {
  const { collector, outrider } = await given(t, {
    tracing: ', headers: { Authorization: Bearer key-of-the-collector, x-tenant: tenant-of-the-config }',
    env: { OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=another-one,x-more=a%20b%2Cc' },
  });
  await outrider.call('/api/x');
  await collector.arrived(2);
  t.like(collector.posts[0]?.headers, {
    authorization: 'Bearer key-of-the-collector',
    'x-tenant': 'tenant-of-the-config',
    'x-more': 'a b,c',
    'content-type': 'application/x-protobuf',
  });
  t.regex(collector.posts[0]?.headers['user-agent'] ?? '', /^outrider\//);
  t.true([...outrider.app.config.secretTexts()].includes('Bearer key-of-the-collector'));
});

test('exports are no requests: they are neither traced nor counted nor logged', async (t) => {
  const { collector, outrider } = await given(t);
  for (let n = 1; n <= 3; n++) {
    await outrider.call('/api/x');
    t.is((await collector.arrived(2 * n)).length, 2 * n);
  }
  t.is((await outrider.logged(3)).length, 3);
  t.true(collector.posts.every(({ headers }) => !('traceparent' in headers)));
});

test('a collector that is away costs no request anything, and is told once a minute', async (t) => {
  const { collector, outrider, clock } = await given(t);
  await collector.close();
  for (let n = 0; n < 5; n++) t.is((await outrider.call('/api/x')).status, 200);
  // It is tried again until the ten seconds of a batch are over.
  await until('all tries have failed', () => {
    void clock.advance(1_000);
    return lossesIn(outrider).length > 0;
  });
  const [first] = await losses(outrider, 1);
  t.like(first, { level: 'warn' });
  t.regex(first?.why ?? '', /^can't reach 127\.0\.0\.1:\d+: ECONNREFUSED$/);
});

test('a collector that is too busy gets the same spans again, when it says so', async (t) => {
  const { collector, outrider, clock } = await given(t, {
    script: (_post, res, n) => (n === 1 ? res.writeHead(503, { 'retry-after': '3' }).end() : res.end()),
  });
  await outrider.call('/api/x');
  await collector.arrived(1);
  await clock.advance(2_900);
  t.is(collector.posts.length, 1);
  await until('the second try', () => {
    void clock.advance(50);
    return collector.posts.length === 2;
  });
  t.deepEqual(collector.posts[1]?.spans, collector.posts[0]?.spans);
  t.deepEqual(lossesIn(outrider), []);
});

test('spans that the collector refuses are lost and not sent again', async (t) => {
  const { collector, outrider, clock } = await given(t, {
    script: (_post, res) => res.writeHead(400).end('my words'),
  });
  await outrider.call('/api/x');
  const [loss] = await losses(outrider, 1);
  t.regex(loss?.why ?? '', /^127\.0\.0\.1:\d+ answered with status 400$/);
  await clock.advance(30_000);
  const ids = collector.spans.map(({ spanId }) => spanId);
  t.is(new Set(ids).size, ids.length);
});

for (const protocol of ['http/protobuf', 'http/json']) {
  test(`${protocol}: a collector that takes only some of the spans says how many`, async (t) => {
    // ExportTraceServiceResponse { partial_success: { rejected_spans: 7 } }
    const body = protocol === 'http/json' ? '{"partialSuccess":{"rejectedSpans":"7"}}' : Buffer.from([10, 2, 8, 7]);
    const { outrider } = await given(t, {
      env: { OTEL_EXPORTER_OTLP_PROTOCOL: protocol },
      script: (_post, res) => res.end(body),
    });
    await outrider.call('/api/x');
    t.like((await losses(outrider, 1))[0], { lost: 7 });
  });
}

test('a collector that never answers holds no more spans than the queue has places', async (t) => {
  const { collector, outrider, clock } = await given(t, {
    env: { OTEL_BSP_MAX_QUEUE_SIZE: '10' },
    script: () => undefined,
  });
  const started = Array.from({ length: 40 }, () => outrider.call('/api/x'));
  for (const { status } of await Promise.all(started)) t.is(status, 200);
  t.like((await losses(outrider, 1))[0], {
    lost: 1,
    why: '10 spans wait already for a collector that is too slow or away',
  });
  t.true(collector.spans.length <= 10);
  // The first batch runs out of time. What was lost in the meantime is told a minute later, in one line.
  await clock.advance(61_000);
  await outrider.call('/api/x');
  const stopped = outrider.app.stop({ signal: 'SIGINT' });
  await until('the time to flush has begun', () => {
    void clock.advance(100);
    return lossesIn(outrider).length >= 2;
  });
  await stopped;
  const told = await losses(outrider, 2);
  t.true(told.length <= 4, JSON.stringify(told));
  const last = told.at(-1) as Loss;
  const total = told.reduce((sum, { lost }) => sum + lost, 0);
  t.is(total, last.lost_since_start);
  t.is(total, 2 * 41);
});

test('the last spans are sent when the proxy stops', async (t) => {
  const { collector, outrider } = await given(t, { isReal: true, env: { OTEL_BSP_SCHEDULE_DELAY: '3600000' } });
  await outrider.call('/api/x');
  t.is(collector.spans.length, 0);
  await outrider.app.stop({ signal: 'SIGINT' });
  t.is(collector.spans.length, 2);
  t.deepEqual(lossesIn(outrider), []);
});

test('a collector that takes nothing holds the end up for three seconds', async (t) => {
  const { outrider } = await given(t, { isReal: true, script: () => undefined });
  await outrider.call('/api/x');
  await within(8_000, 'the end', outrider.app.stop({ signal: 'SIGINT' }));
  const [loss] = lossesIn(outrider);
  t.like(loss, { lost: 2, why: 'the collector took no more within 3000 ms of the end' });
});

test('a collector that is away holds the end up not at all', async (t) => {
  const { collector, outrider } = await given(t, { isReal: true, env: { OTEL_BSP_SCHEDULE_DELAY: '3600000' } });
  await collector.close();
  await outrider.call('/api/x');
  const startedMs = performance.now();
  await outrider.app.stop({ signal: 'SIGINT' });
  t.true(performance.now() - startedMs < 2_500);
  t.like(lossesIn(outrider)[0], { lost: 2 });
});

test('a collector beyond this machine is reached through the egress proxy, one on this machine is not', async (t) => {
  const proxy = await startEgressProxy(t);
  const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
  const upstream = await startUpstream(t);
  for (const endpoint of ['http://collector.example:4318', undefined]) {
    const collector = await startCollector(t);
    const section = `tracing: { endpoint: "${endpoint ?? collector.origin}" }`;
    const options = { env: SOON, app: { env } };
    const outrider = await startOutrider(t, plainYaml(upstream.origin, '', section), options);
    await outrider.call('/api/x');
    if (endpoint === undefined) await collector.arrived(2);
    else await until('the egress proxy is asked', () => proxy.asked.length > 0);
  }
  t.deepEqual([...new Set(proxy.asked.map(({ line }) => line))], ['POST http://collector.example:4318/v1/traces']);
});
