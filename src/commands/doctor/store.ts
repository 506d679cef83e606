import { stat } from 'node:fs/promises';
import type { StoreConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { openDirectory } from '../../store/directory.ts';
import { reachRedis } from '../../store/reach.ts';
import { StoreRefusal } from '../../store/refusal.ts';
import { canBeMade } from './files.ts';
import { failure, ok, type Finding } from './finding.ts';

const REDIS_MS = 5_000;

const ADDRESS = 'start Redis, or correct host and port in `store.url`';
const PASSWORD = 'correct `store.username` and `store.password`, or what `store.url` has in their place';

/** What a word of the system or of Redis means: its code here, and its remedy. */
const CAUSES: Readonly<Record<string, readonly [code: string, remedy: string]>> = {
  WRONGPASS: ['store_password_refused', PASSWORD],
  NOAUTH: ['store_password_refused', 'set `store.password`: this Redis wants one'],
  NOPERM: ['store_denied', 'allow that user of Redis the keys and the channel that begin with `store.prefix`'],
  READONLY: ['store_read_only', 'name the primary in `store.url`: a replica only reads'],
  ETIMEDOUT: ['store_unreachable', 'check host and port in `store.url`, whether it is TLS (rediss:), and the firewall'],
};
const OTHERWISE = ['store_unreachable', ADDRESS] as const;

/** Whether tokens can be kept as the config says. The tokens in the store are neither read nor changed. */
export async function checkStore(store: StoreConfig, clock: Clock): Promise<Finding> {
  if (store.kind === 'memory') return ok('store', 'store_ok', 'in memory: tokens end with the process');
  if (store.kind === 'file') return checkDirectory(store.path);
  const startedAt = clock.monotonic();
  const { address, cause } = await reachRedis(store, clock, REDIS_MS);
  if (cause === undefined) {
    return ok(
      'store',
      'store_ok',
      `Redis at ${address} lets us in and can be written to`,
      clock.monotonic() - startedAt,
    );
  }
  const [code, remedy] = CAUSES[cause] ?? OTHERWISE;
  return failure('store', { code, message: `Redis at ${address} can't be used: ${cause}`, remedy });
}

async function checkDirectory(directory: string): Promise<Finding> {
  const isThere = await stat(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  if (!isThere && (await canBeMade(directory))) {
    return ok('store', 'store_ok', `${directory} is not there yet: it is made at the start`);
  }
  try {
    if (isThere) await openDirectory(directory);
    else {
      const help = 'set `store.path` to a directory that this user may make or write to';
      throw new StoreRefusal(
        'unusable_store',
        `the store's directory ${directory} is not there and can't be made`,
        help,
      );
    }
    return ok('store', 'store_ok', `${directory} is this user's alone and can be written to`);
  } catch (error) {
    if (!(error instanceof StoreRefusal)) throw error;
    return failure('store', { code: error.code, message: error.message, remedy: error.help });
  }
}
