import { KeepAliveCaller } from '../helpers/keep-alive.ts';
import type { Reply } from '../helpers/keep-alive.ts';
import { pace } from '../helpers/pace.ts';

/** A POST with an id that comes back; every third one is chunked. */
export function post(path: string, id: number): string[] {
  const body = JSON.stringify({ id, note: 'x'.repeat(id % 200) });
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Id: ${id}\r\n`;
  if (id % 3 !== 0) return [`${head}Content-Length: ${body.length}\r\n\r\n${body}`];
  const chunk = (part: string): string => `${part.length.toString(16)}\r\n${part}\r\n`;
  return [`${head}Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, 5))}`, `${chunk(body.slice(5))}0\r\n\r\n`];
}

export interface Sent {
  readonly id: number;
  readonly port: number;
  readonly reply: Reply;
}

/** Requests at a steady rate, whatever becomes of them. */
export interface Steady {
  readonly sent: readonly Sent[];
  /** Callers so far; each has one connection at a time. */
  readonly callers: readonly KeepAliveCaller[];
  /** Stops sending, and waits for what is under way. */
  end(): Promise<void>;
}

export interface SteadyOptions {
  readonly perSecond: number;
  /** Where a caller opens a connection, when it needs one. */
  readonly port: () => number;
  readonly path?: string;
  /** Connections at once; 128 by default. */
  readonly most?: number;
}

interface Slot {
  readonly port: number;
  readonly caller: KeepAliveCaller;
}

/** Sends POSTs over as many kept connections as that takes; whoever is told `Connection: close` goes where `port` says. */
export function steady({ perSecond, port, path = '/api/pay', most = 128 }: SteadyOptions): Steady {
  const sent: Sent[] = [];
  const callers: KeepAliveCaller[] = [];
  // First in, first out: every connection has its turn. Some to begin with, or one would do.
  const idle = Array.from<Slot | undefined>({ length: 32 });

  const open = (): Slot => {
    const slot = { port: port(), caller: new KeepAliveCaller(port()) };
    callers.push(slot.caller);
    return slot;
  };
  const send = async (last: Slot | undefined, id: number): Promise<void> => {
    // Whoever needs a new connection asks where to, now.
    const slot = last?.caller.isOpen ? last : open();
    const reply = await slot.caller.ask(post(path, id), {
      pause: () => new Promise((resolve) => setImmediate(resolve)),
    });
    sent.push({ id, port: slot.port, reply });
    idle.push(slot);
  };
  const sending = pace(perSecond, (id) => send(idle.shift(), id), most);
  return {
    sent,
    callers,
    async end() {
      await sending.end();
      for (const caller of callers) caller.close();
    },
  };
}

/** What is wrong with replies that should all be 200 with the id that was sent. */
export const failures = ({ sent }: Steady): string[] =>
  sent
    .filter(({ id, reply }) => reply.status !== 200 || !reply.isWhole || !reply.text.endsWith(`id ${id}`))
    .map(({ id, reply: { status, text, error, isReused } }) => {
      const connection = isReused ? 'reused' : 'new';
      return `${id}: ${status} ${error ?? ''} on a ${connection} connection, ${text.slice(0, 200)}`;
    });
