import type { FaultName } from '../ledger/faults.ts';
import type { Order } from '../ledger/process.ts';

/** From when to when a fault can be felt, milliseconds of this process. */
export interface Felt {
  readonly fault: Fault;
  readonly fromMs: number;
  toMs: number;
}

/** What a fault is done with. */
export interface Stage {
  tell(order: Order): Promise<unknown>;
  wait(ms: number): Promise<void>;
  /** Writes the proxy's config anew, a good one or a bad one, and has it read. */
  reload(isGood: boolean): void;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Whether callers break off. */
  breakOff(does: boolean): void;
  /** Opens connections on which nothing is sent; the function closes them. */
  openIdle(count: number): () => void;
}

export interface Fault {
  readonly name: string;
  /** What callers may be told because of it; undefined: nobody may notice. */
  readonly explains: RegExp | undefined;
  /** Lasts about so long. */
  readonly happen: (stage: Stage, ms: number) => Promise<void>;
}

const always =
  (fault: FaultName): Fault['happen'] =>
  async (stage, ms) => {
    await stage.tell({ do: 'always', fault });
    await stage.wait(ms);
    await stage.tell({ do: 'always' });
  };

const BROKEN = /^unknown 502 upstream_failed$/;
const ABORTED = /^aborted/;

export const SOAK_FAULTS: readonly Fault[] = [
  { name: 'the provider resets every request', explains: BROKEN, happen: always('reset before the row') },
  {
    name: 'the provider takes payments and does not answer',
    explains: /^unknown 504 upstream_timeout$/,
    happen: always('stall behind the row'),
  },
  { name: 'the provider answers 503', explains: /^refused 503$/, happen: always('503 behind the row') },
  { name: 'the provider breaks off its answers', explains: /^paid, in part 200$/, happen: always('half a body') },
  { name: 'the provider is slow', explains: undefined, happen: always('is slow') },
  { name: 'the provider closes each connection', explains: BROKEN, happen: always('closes the idle connection') },
  {
    name: 'the provider is down',
    explains: /^(?:unknown 502 upstream_failed|not_sent 502 upstream_unreachable)$/,
    async happen(stage, ms) {
      await stage.tell({ do: 'stop listening', ms });
      await stage.tell({ do: 'close idle' });
      await stage.wait(ms);
    },
  },
  {
    name: 'all tokens are revoked',
    explains: undefined,
    happen: async (stage) => void (await stage.tell({ do: 'revoke' })),
  },
  {
    name: 'all tokens are revoked, and no other can be had',
    explains: /^refused 401$|^not_sent 503 token_unavailable$/,
    async happen(stage, ms) {
      await stage.tell({ do: 'tokens', status: 503 });
      await stage.tell({ do: 'revoke' });
      await stage.wait(ms);
      await stage.tell({ do: 'tokens' });
    },
  },
  {
    name: 'the config is reloaded, again and again',
    explains: undefined,
    async happen(stage, ms) {
      for (let i = 0; i < 5; i++) {
        stage.reload(i !== 2);
        await stage.wait(ms / 5);
      }
    },
  },
  {
    name: 'the proxy stands still',
    explains: /^unknown (?:504 upstream_timeout|502 upstream_failed)$/,
    async happen(stage, ms) {
      stage.signal('SIGSTOP');
      await stage.wait(Math.min(ms, 1_500));
      stage.signal('SIGCONT');
    },
  },
  {
    name: 'callers break off',
    explains: ABORTED,
    async happen(stage, ms) {
      stage.breakOff(true);
      await stage.wait(ms);
      stage.breakOff(false);
    },
  },
  {
    name: 'a thousand connections come and send nothing',
    explains: undefined,
    async happen(stage, ms) {
      const close = stage.openIdle(1_000);
      await stage.wait(ms);
      close();
    },
  },
];

/** A fault is felt for so much longer, and for as long again as it lasted: token calls rest the longer, the longer they failed. */
const AFTERMATH_MS = 1_500;

/** One fault after the other until `endMs`, in any order, and none twice before each has been. */
export async function inflict(
  stage: Stage,
  { everyMs, endMs, random }: { readonly everyMs: number; readonly endMs: number; readonly random: () => number },
): Promise<Felt[]> {
  const felt: Felt[] = [];
  const due: Fault[] = [];
  for (let fromMs = performance.now(); fromMs + everyMs <= endMs; fromMs = performance.now()) {
    if (due.length === 0) due.push(...SOAK_FAULTS);
    const [fault] = due.splice(Math.floor(random() * due.length), 1) as [Fault];
    const lastsMs = everyMs / 3;
    const one = { fault, fromMs, toMs: Infinity };
    felt.push(one);
    await fault.happen(stage, lastsMs);
    one.toMs = performance.now() + lastsMs + AFTERMATH_MS;
    await stage.wait(Math.max(0, fromMs + everyMs - performance.now()));
  }
  return felt;
}
