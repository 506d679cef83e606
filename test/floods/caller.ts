import net from 'node:net';
import { pace } from '../helpers/pace.ts';

const REQUEST = 'GET /api/good HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** What a caller who does nothing wrong met with: milliseconds from a request to its whole answer. */
export interface Service {
  readonly count: number;
  readonly failures: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** A caller with kept connections, who sends at a steady rate whether answers come or not. */
export class GoodCaller {
  readonly #port: number;
  readonly #perSecond: number;
  readonly #idle: net.Socket[] = [];
  readonly #all = new Set<net.Socket>();

  constructor(port: number, perSecond = 400) {
    this.#port = port;
    this.#perSecond = perSecond;
  }

  async ask(forMs: number): Promise<Service> {
    const times: number[] = [];
    const failures: string[] = [];
    const sending = pace(this.#perSecond, async () => {
      const began = performance.now();
      const failure = await this.#once();
      if (failure !== undefined) failures.push(failure);
      times.push(performance.now() - began);
    });
    await new Promise((resolve) => setTimeout(resolve, forMs));
    await sending.end();
    times.sort((a, b) => a - b);
    return { count: times.length, failures, p50Ms: at(times, 0.5), p99Ms: at(times, 0.99) };
  }

  #once(): Promise<string | undefined> {
    const socket = this.#idle.pop() ?? this.#open();
    return new Promise((resolve) => {
      let text = '';
      const done = (failure?: string): void => {
        socket.off('data', onData).off('error', onError).off('close', onClose);
        if (failure === undefined) this.#idle.push(socket);
        resolve(failure);
      };
      const onData = (chunk: string): void => {
        text += chunk;
        if (!text.endsWith('ok') && !text.endsWith('0\r\n\r\n') && !text.endsWith('}')) return;
        done(text.startsWith('HTTP/1.1 200') ? undefined : text.slice(0, 300));
      };
      const onError = (error: Error): void => done(String(error));
      const onClose = (): void => done(`closed after ${JSON.stringify(text)}`);
      socket.on('data', onData).on('error', onError).on('close', onClose);
      socket.write(REQUEST);
    });
  }

  #open(): net.Socket {
    const socket = net.connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    this.#all.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#all.delete(socket));
    return socket;
  }

  close(): void {
    for (const socket of this.#all) socket.destroy();
  }
}
