/**
 * A flood, in a process of its own: `node flood.ts KIND PORT COUNT SEED`. Says `{ ready: true }` when it is under way, its tally
 * when it is asked for it, and `{ done: true }` when it has come to an end.
 */
import net from 'node:net';
import os from 'node:os';
import { randomFrom } from '../helpers/random.ts';
import { KINDS } from './kinds.ts';

// It may take what processors have to spare, and not the good caller's.
os.setPriority(os.constants.priority.PRIORITY_LOW);
const [kind = '', port, count, seed] = process.argv.slice(2);
const tally = {
  opened: 0,
  closed: 0,
  bytesIn: 0,
  bytesOut: 0,
  answers: {} as Record<string, number>,
  errors: {} as Record<string, number>,
};
const add = (counts: Record<string, number>, key: string): void => void (counts[key] = (counts[key] ?? 0) + 1);

const say = (message: object): void => void (process.connected && process.send?.(message));
process.on('message', () => say({ tally }));
process.on('disconnect', () => process.exit());

await KINDS[kind]?.({
  count: Number(count),
  random: randomFrom(Number(seed)),
  ready: () => say({ ready: true }),
  open(onOpen) {
    const socket = net.connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    tally.opened += 1;
    socket.on('connect', () => onOpen?.(socket));
    socket.on('data', (chunk) => {
      tally.bytesIn += chunk.length;
      for (const [, status] of chunk.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g))
        add(tally.answers, status as string);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => add(tally.errors, error.code ?? String(error)));
    socket.on('close', () => {
      tally.closed += 1;
      tally.bytesOut += socket.bytesWritten;
    });
    return socket;
  },
});
say({ done: true, tally });
