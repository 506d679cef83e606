import net from 'node:net';
import { Worker } from 'node:worker_threads';
import type { ExecutionContext } from 'ava';

export interface Deaf {
  readonly port: number;
  /** Accepts from now on. */
  hear(): void;
}

/** A server whose system takes no more connections, so that connecting to it takes for ever: its thread sleeps. */
export async function startDeaf(t: ExecutionContext): Promise<Deaf> {
  const ear = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    const server = require('node:net').createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nheard'));
    });
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(workerData, 0, 0));
    });`,
    { eval: true, workerData: ear },
  );
  t.teardown(() => worker.terminate());
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  const waiting: net.Socket[] = [];
  t.teardown(() => {
    for (const socket of waiting) socket.destroy();
  });
  // Its queue is full when a connection is not made at once.
  for (let isMade = true; isMade && waiting.length < 16;) {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    waiting.push(socket);
    isMade = await Promise.race([
      new Promise<true>((resolve) => socket.once('connect', () => resolve(true))),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), 300)),
    ]);
  }
  return {
    port,
    hear() {
      for (const socket of waiting) socket.destroy();
      Atomics.store(ear, 0, 1);
      Atomics.notify(ear, 0);
    },
  };
}
