import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { load, type LoadResult, prepare } from './load.ts';
import type { Peer, Place } from './peers.ts';
import { cpuNs, freePort, hasEnded, residentKiB, run, stop } from './processes.ts';

const PROXY_CORE = 0;
const CONNECTIONS = 64;
const START_LIMIT_MS = 60_000;

/** What one load on one proxy showed. */
export interface Sample {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Share of the time for which the proxy's core was busy with it: 1 is saturated. */
  readonly busy: number;
}

/** A proxy that runs and has answered once. */
export interface RunningProxy {
  readonly peer: Peer;
  readonly place: Place;
  readonly firstAnswerMs: number;
  /**
   * Sends the prepared requests in turn, over 64 connections if not told otherwise; throws when one is not answered with 200.
   * @param open Makes a connection; those are made before the measurement begins.
   */
  measure(
    requests: readonly Buffer[],
    until: { maxMs?: number; maxRequests?: number; connections?: number },
    open?: () => Promise<Socket>,
  ): Promise<Sample>;
  residentKiB(): number;
  /** CPU time that it has used so far, nanoseconds. */
  cpuNs(): number;
  stop(): Promise<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function firstAnswer(port: number, path: string, isDown: () => boolean): Promise<void> {
  const requests = [prepare('GET', path)];
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const result = await load({ port, requests, connections: 1, maxRequests: 1 }).catch(() => undefined);
    if (result?.errors === 0) return;
    if (isDown() || performance.now() > deadline) throw new Error('no answer with status 200');
    await sleep(1);
  }
}

const sampleOf = (result: LoadResult, cpuNsUsed: number): Sample => ({
  cpuUs: cpuNsUsed / 1000 / result.requests,
  perSecond: result.requests / result.seconds,
  p50Us: result.p50Us,
  p99Us: result.p99Us,
  busy: cpuNsUsed / 1e9 / result.seconds,
});

/** Starts a proxy on its core, with `dir` for its files, and waits until a GET of `path` has been answered. */
export async function startProxy(
  peer: Peer,
  options: Pick<Place, 'upstreamPort' | 'dir' | 'certificate'> & { path: string; nodeOptions?: readonly string[] },
): Promise<RunningProxy> {
  const { dir, path, nodeOptions, ...rest } = options;
  mkdirSync(dir, { recursive: true });
  const place: Place = { port: await freePort(), adminPort: await freePort(), dir, ...rest };
  const command = peer.command(place, nodeOptions);
  const logFile = join(dir, 'stderr.log');
  const log = openSync(logFile, 'w');
  const startedAt = performance.now();
  const child = run(command, PROXY_CORE, log);
  closeSync(log);
  try {
    await firstAnswer(place.port, path, () => hasEnded(child));
  } catch (error) {
    await stop(child);
    throw new Error(`${peer.name}: ${String(error)}\n${readFileSync(logFile, 'utf8').slice(0, 2000)}`, {
      cause: error,
    });
  }
  const firstAnswerMs = performance.now() - startedAt;
  const pid = child.pid as number;
  return {
    peer,
    place,
    firstAnswerMs,
    async measure(requests, until, open) {
      const { connections = CONNECTIONS } = until;
      const opened = open && { sockets: await Promise.all(Array.from({ length: connections }, open)) };
      const before = cpuNs(pid);
      const result = await load({ port: place.port, requests, ...opened, ...until, connections });
      if (result.errors > 0) throw new Error(`${peer.name}: ${result.errors} of ${result.requests} requests failed`);
      return sampleOf(result, cpuNs(pid) - before);
    },
    residentKiB: () => residentKiB(pid),
    cpuNs: () => cpuNs(pid),
    stop: () => stop(child),
  };
}
