import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '../helpers/http1.ts';
import type { FaultName } from './faults.ts';

export interface ProviderOptions {
  /** The ledger. */
  readonly file: string;
  readonly seed: number;
  /** Nothing happens to payments but what is ordered. */
  readonly isCalm: boolean;
  readonly lifetimeMs: number;
}

/** What the provider is told to do. */
export interface Order {
  readonly do: 'always' | 'revoke' | 'tokens' | 'stop listening' | 'close idle' | 'forget' | 'report';
  /** always: to every payment from now on; none: as planned. */
  readonly fault?: FaultName;
  /** tokens: the endpoint answers this; none: as it should. */
  readonly status?: number;
  /** stop listening: for so long. */
  readonly ms?: number;
  readonly n?: number;
}

export interface ProviderReport {
  /** What should never have come, in words. */
  readonly wrong: readonly string[];
  /** How often each fault and each rejection happened. */
  readonly happened: Readonly<Record<string, number>>;
  readonly tokenCalls: number;
  readonly revocations: number;
  readonly openConnections: number;
}

export interface ProviderPorts {
  readonly payments: number;
  readonly tokens: number;
}

export interface Provider {
  readonly origin: string;
  readonly port: number;
  /** Its token endpoint is `/token` there. */
  readonly tokenOrigin: string;
  /** Gives an order; resolves with the report after it. */
  tell(order: Order): Promise<ProviderReport>;
  stop(): void;
}

const PROVIDER = fileURLToPath(new URL('provider.ts', import.meta.url));
const LIMIT_MS = 20_000;

/** Starts the provider in a process of its own. */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const child = fork(PROVIDER, [JSON.stringify(options)], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, (message: unknown) => void>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  child.on('exit', (code) => failed.reject(new Error(`the provider ended with ${code}`)));
  child.on('message', (message: { of: number }) => {
    waiting.get(message.of)?.(message);
    waiting.delete(message.of);
  });
  const answer = <T>(n: number): Promise<T> =>
    within(
      LIMIT_MS,
      'word from the provider',
      Promise.race([
        failed.promise,
        new Promise<T>((resolve) => waiting.set(n, resolve as (message: unknown) => void)),
      ]),
    );
  const { payments, tokens } = await answer<ProviderPorts>(0);
  let orders = 0;
  return {
    port: payments,
    origin: `http://127.0.0.1:${payments}`,
    tokenOrigin: `http://127.0.0.1:${tokens}`,
    tell(order) {
      const n = ++orders;
      child.send({ ...order, n });
      return answer<ProviderReport>(n);
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
