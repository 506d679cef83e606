import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const MAX_LATENCY_US = 1_000_000;

export interface LoadOptions {
  readonly port: number;
  /** Prepared requests; connections take them in turn. */
  readonly requests: readonly Buffer[];
  readonly connections: number;
  /** Connections that are open already, in place of new ones. */
  readonly sockets?: readonly Socket[];
  /** Ends after so many answers, or so many milliseconds, whichever comes first. */
  readonly maxRequests?: number;
  readonly maxMs?: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Answers other than 200, and connections that broke. */
  readonly errors: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** A prepared request over a keep-alive connection. */
export function prepare(method: string, path: string, body = ''): Buffer {
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'User-Agent: bench/1',
    'Accept: application/json',
    'X-Tenant: acme',
    ...(body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`]),
  ];
  return Buffer.from(head.join('\r\n') + HEAD_END + body, 'latin1');
}

/** Length of the answer at the start of `text`, or 0 when it is not all there. */
function answerLength(text: string): number {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd === -1) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text);
  if (length && (length.index as number) < headEnd) {
    const end = headEnd + HEAD_END.length + Number(length[1]);
    return text.length >= end ? end : 0;
  }
  const end = text.indexOf('0\r\n\r\n', headEnd);
  return end === -1 ? 0 : end + 5;
}

function percentile(buckets: Uint32Array, count: number, share: number): number {
  let seen = 0;
  for (let us = 0; us < buckets.length; us++) {
    seen += buckets[us] as number;
    if (seen >= count * share && seen > 0) return us;
  }
  return buckets.length;
}

/**
 * A closed loop: each connection sends its next request as soon as the answer is whole. Raw sockets and a minimum of
 * parsing, so that one core can saturate a proxy on the other.
 */
export function load(options: LoadOptions): Promise<LoadResult> {
  const { port, requests, connections, sockets, maxRequests = Infinity, maxMs = Infinity } = options;
  return new Promise((resolve, reject) => {
    const buckets = new Uint32Array(MAX_LATENCY_US);
    const startedAt = performance.now();
    let sent = 0;
    let done = 0;
    let errors = 0;
    let open = connections;
    let deadline = startedAt + maxMs;

    const oneDown = (): void => {
      open -= 1;
      if (open > 0) return;
      const seconds = (performance.now() - startedAt) / 1000;
      resolve({
        requests: done,
        errors,
        seconds,
        p50Us: percentile(buckets, done, 0.5),
        p99Us: percentile(buckets, done, 0.99),
      });
    };

    for (let i = 0; i < connections; i++) {
      const socket = sockets?.[i] ?? connect({ port, host: '127.0.0.1', noDelay: true });
      let turn = i % requests.length;
      let rest = '';
      let sentAt = 0;
      let isWaiting = false;
      const next = (now: number): void => {
        if (sent >= maxRequests || now >= deadline) {
          socket.end();
          return;
        }
        sent += 1;
        sentAt = now;
        isWaiting = true;
        socket.write(requests[turn] as Buffer);
        turn = turn + 1 === requests.length ? 0 : turn + 1;
      };
      socket.setEncoding('latin1');
      if (!socket.connecting) next(performance.now());
      else socket.on('connect', () => next(performance.now()));
      socket.on('data', (chunk: string) => {
        const text = rest === '' ? chunk : rest + chunk;
        const length = answerLength(text);
        rest = length === 0 ? text : text.slice(length);
        if (length === 0) return;
        const now = performance.now();
        const us = Math.min(MAX_LATENCY_US - 1, Math.round((now - sentAt) * 1000));
        buckets[us] = (buckets[us] as number) + 1;
        done += 1;
        isWaiting = false;
        if (!text.startsWith('HTTP/1.1 200')) errors += 1;
        next(now);
      });
      socket.on('error', (error) => {
        if (done === 0) reject(error);
        deadline = 0;
      });
      socket.on('close', () => {
        if (isWaiting) errors += 1;
        oneDown();
      });
    }
  });
}
