import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { until } from './http1.ts';
import { readJson, readProtobuf, type ExportedSpan, type Exported } from './otlp.ts';
import { watchFor } from './watch.ts';

export type { ExportedSpan };

/** One export, read whole. */
export interface Post extends Exported {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** What an export gets. By default an empty 200. */
export type CollectorScript = (post: Post, res: http.ServerResponse, n: number) => void;

export interface Collector {
  readonly origin: string;
  readonly posts: readonly Post[];
  /** All spans, in the order in which they came. */
  readonly spans: readonly ExportedSpan[];
  script: CollectorScript;
  /** Resolves with all spans once there are so many. */
  arrived(count: number): Promise<readonly ExportedSpan[]>;
  close(): Promise<void>;
}

/** A collector of OTLP over HTTP. Every byte that it gets is looked through for secrets. Start it before what it watches. */
export async function startCollector(t: ExecutionContext): Promise<Collector> {
  const watch = watchFor(t);
  const posts: Post[] = [];
  const bodies: Buffer[] = [];
  const server = http.createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (chunk: Buffer) => parts.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(parts);
      bodies.push(body);
      const isJson = req.headers['content-type'] === 'application/json';
      const post = { path: req.url ?? '', headers: req.headers, ...(isJson ? readJson(body) : readProtobuf(body)) };
      posts.push(post);
      collector.script(post, res, posts.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  watch.sees('the traces', () => bodies.map((body) => body.toString('latin1')).join('\n'));
  const collector: Collector = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    get spans() {
      return posts.flatMap(({ spans }) => spans);
    },
    script: (_post, res) => res.end(),
    async arrived(count) {
      await until(`${count} spans at the collector`, () => collector.spans.length >= count);
      return collector.spans;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  t.teardown(() => collector.close());
  return collector;
}
