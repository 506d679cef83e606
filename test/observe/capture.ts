import { Writable } from 'node:stream';
import type { ExchangeRecord } from '../../src/core/events.ts';

export interface Capture extends Writable {
  readonly writes: readonly string[];
  text(): string;
  lines(): string[];
  json(): Record<string, unknown>[];
}

/** A stream that remembers what was written. */
export function capture(options: { isTTY?: boolean } = {}): Capture {
  const writes: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) writes.push(chunk.toString());
      done();
    },
  });
  const text = (): string => writes.join('');
  const lines = (): string[] => text().split('\n').slice(0, -1);
  const json = (): Record<string, unknown>[] => lines().map((line) => JSON.parse(line) as Record<string, unknown>);
  return Object.assign(stream, { ...options, writes, text, lines, json });
}

export const exchange = (changes: Partial<ExchangeRecord> = {}): ExchangeRecord => ({
  requestId: 'req-1',
  door: 'base_url',
  destination: undefined,
  route: 'phonepe',
  provider: 'phonepe',
  caller: undefined,
  method: 'POST',
  path: '/phonepe/checkout/v2/pay',
  status: 200,
  code: undefined,
  outcome: undefined,
  auth: 'injected',
  upstream: 'https://api.phonepe.com',
  attempts: 1,
  durationMs: 12.3456,
  upstreamMs: 11,
  tokenWaitMs: 0,
  scrubbed: 0,
  tokenWaits: [],
  bytesIn: 500,
  bytesOut: 200,
  attemptDetails: [],
  replaySkipped: undefined,
  addedHeaders: [],
  ...changes,
});
