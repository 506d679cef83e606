/** The upstream that a flood goes to, in a process of its own: it says `{ origin }`. */
import os from 'node:os';
import { startProvider } from './provider.ts';

// What it does with all that comes is not what those who ask for something else are to wait for.
os.setPriority(os.constants.priority.PRIORITY_LOW);
const { origin } = await startProvider({ teardown: () => undefined }, { bytesPerSecond: 100_000_000 });
process.send?.({ origin });
process.on('disconnect', () => process.exit());
