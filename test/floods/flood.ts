/**
 * A flood, in a process of its own: `node flood.ts KIND PORT COUNT SEED`. Says `{ ready: true }` when it is under way,
 * and `{ done: true }` when it has come to an end.
 */
import net from 'node:net';
import os from 'node:os';
import { randomFrom } from '../helpers/random.ts';
import { KINDS } from './kinds.ts';

// It may take what processors have to spare, and not the good caller's.
os.setPriority(os.constants.priority.PRIORITY_LOW);
const [kind = '', port, count, seed] = process.argv.slice(2);
const say = (message: object): void => void (process.connected && process.send?.(message));
process.on('disconnect', () => process.exit());

await KINDS[kind]?.({
  count: Number(count),
  random: randomFrom(Number(seed)),
  ready: () => say({ ready: true }),
  open(onOpen) {
    const socket = net.connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    return socket
      .on('connect', () => onOpen?.(socket))
      .on('error', () => {})
      .resume();
  },
});
say({ done: true });
