import type { CliProcess } from '../contract/cli.ts';
import { yamlOf } from './world.ts';
import type { Variant } from './world.ts';
import type { Provider } from './process.ts';

/** In turn; each is in use until the next. With one that can't get a token nothing much happens, so it soon ends. */
const VARIANTS: readonly (Variant | 'bad')[] = [
  { route: 'headers: { set: { x-shop: one } }' },
  { connectMs: 4_000 },
  { client: 'till' },
  'bad',
  { client: 'till', connectMs: 7_000 },
  { client: 'unlucky' },
  { client: 'till' },
  { client: 'till', route: 'replay: { spool: 64KiB }' },
  { client: 'till', route: 'replay: false' },
  {},
];
const EVERY_MS = 300;
const UNLUCKY_MS = 60;

/** Reloads a proxy again and again; `end` resolves with how often. */
export function reloadAllTheTime(
  { child, write }: CliProcess,
  provider: Provider,
): { readonly end: () => Promise<number> } {
  let count = 0;
  let isOver = false;
  const run = async (): Promise<number> => {
    while (!isOver) {
      const variant = VARIANTS[count++ % VARIANTS.length] as Variant | 'bad';
      write(variant === 'bad' ? 'routes: [{ nonsense: 1 }]' : yamlOf(provider, variant));
      child.kill('SIGHUP');
      const isUnlucky = variant !== 'bad' && variant.client === 'unlucky';
      await new Promise((resolve) => setTimeout(resolve, isUnlucky ? UNLUCKY_MS : EVERY_MS));
    }
    return count;
  };
  const running = run();
  return {
    end() {
      isOver = true;
      return running;
    },
  };
}
